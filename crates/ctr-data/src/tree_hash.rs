//! BLAKE3 of a long text by several threads: the digest of `blake3::hash`.

use blake3::Hasher;
use blake3::hazmat::{ChainingValue, HasherExt, Mode, left_subtree_len, merge_subtrees_non_root, merge_subtrees_root};

use crate::parallel;

/// Bytes of a piece: a power of two of the hash's chunks, so that pieces are whole subtrees.
const PIECE: usize = 1 << 20;

/// The digest of `bytes`.
pub(crate) fn hash(bytes: &[u8]) -> blake3::Hash {
    if bytes.len() <= PIECE {
        return blake3::hash(bytes);
    }
    let pieces: Vec<(usize, &[u8])> = bytes.chunks(PIECE).enumerate().collect();
    let values = parallel::map(pieces, 0, |(number, piece)| {
        Hasher::new().set_input_offset((number * PIECE) as u64).update(piece).finalize_non_root()
    });
    let (left, right) = halves(bytes.len());
    merge_subtrees_root(&merged(&values, 0, left), &merged(&values, left, right), Mode::Hash)
}

/// Lengths of a node's two subtrees.
fn halves(length: usize) -> (usize, usize) {
    let left = left_subtree_len(length as u64) as usize;
    (left, length - left)
}

/// The chaining value of the subtree of `length` bytes from `start` on.
fn merged(values: &[ChainingValue], start: usize, length: usize) -> ChainingValue {
    if length <= PIECE {
        return values[start / PIECE];
    }
    let (left, right) = halves(length);
    merge_subtrees_non_root(&merged(values, start, left), &merged(values, start + left, right), Mode::Hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_one_thread() {
        let bytes: Vec<u8> = (0..5 * PIECE + 7).map(|place| ((place * place) >> 7) as u8).collect();
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE, 3 * PIECE + 1, 4 * PIECE, bytes.len()] {
            assert_eq!(hash(&bytes[..length]), blake3::hash(&bytes[..length]), "{length} bytes");
        }
    }
}
