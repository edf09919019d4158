//! Text files cut into pieces that threads parse on their own.

use std::path::Path;
use std::sync::Arc;

use super::input::Input;
use super::record::RecordRule;
use super::text::Layout;
use crate::error::DataError;

/// Bytes of text in a piece, about: enough that a thread's switch costs nothing, little enough for its cache.
const TARGET: usize = 1 << 19;
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A run of whole records of one file.
#[derive(Debug)]
pub(super) struct TextChunk {
    pub(super) layout: Arc<Layout>,
    /// The records lie in `bytes[start..]`.
    pub(super) bytes: Vec<u8>,
    pub(super) start: usize,
    /// Line of the first record.
    pub(super) line: u64,
    /// Extent of the source before `bytes`, where its bytes are those of the file.
    pub(super) before: Option<u64>,
    /// Extent of the source after `bytes`.
    pub(super) after: u64,
}

/// Cuts one file; memory is bounded by the longest record.
pub(super) struct Cutter {
    input: Input,
    rule: RecordRule,
    /// The beginning of the next piece.
    carried: Vec<u8>,
    /// Bytes of the content before `carried`.
    consumed: u64,
    line: u64,
    ended: bool,
}

/// A piece as it was cut.
pub(super) struct Piece {
    pub(super) bytes: Vec<u8>,
    /// Line of its first record.
    pub(super) line: u64,
    /// Bytes of the file before and after it; what is before is known of a file that is not compressed.
    pub(super) before: Option<u64>,
    pub(super) after: u64,
}

impl Cutter {
    pub(super) fn open(path: &Path, rule: RecordRule) -> Result<Self, DataError> {
        let mut input = Input::open(path)?;
        let mut carried = Vec::with_capacity(TARGET);
        let ended = input.fill(&mut carried, TARGET)?;
        let mut consumed = 0;
        if carried.starts_with(BYTE_ORDER_MARK) {
            carried.drain(..BYTE_ORDER_MARK.len());
            consumed = BYTE_ORDER_MARK.len() as u64;
        }
        Ok(Self { input, rule, carried, consumed, line: 1, ended })
    }

    /// The next piece; none at the end of the file.
    pub(super) fn next(&mut self) -> Result<Option<Piece>, DataError> {
        let mut bytes = std::mem::take(&mut self.carried);
        let mut wanted = TARGET;
        let mut searched = 0;
        let cut = loop {
            if !self.ended && bytes.len() < wanted {
                bytes.reserve(wanted - bytes.len());
                self.ended = self.input.fill(&mut bytes, wanted)?;
            }
            if self.ended {
                break bytes.len();
            }
            match self.rule.last_end(&bytes, searched) {
                Some(end) => break end,
                None if bytes.len() > self.rule.longest => return self.cut_off(bytes).map(Some),
                None => searched = 0,
            }
            wanted = 2 * bytes.len();
        };
        if cut == 0 {
            return Ok(None);
        }
        self.carried = Vec::with_capacity(TARGET);
        self.carried.extend_from_slice(&bytes[cut..]);
        bytes.truncate(cut);
        let lines = memchr::memchr_iter(b'\n', &bytes).count() as u64;
        Ok(Some(self.piece(bytes, cut as u64, lines)))
    }

    /// A record that is too long: its beginning, enough to be refused; the rest of its line is passed over.
    fn cut_off(&mut self, mut bytes: Vec<u8>) -> Result<Piece, DataError> {
        let mut lines = memchr::memchr_iter(b'\n', &bytes).count() as u64 + 1;
        let mut length = bytes.len() as u64;
        bytes.truncate(self.rule.longest + 1);
        let mut rest = Vec::with_capacity(TARGET);
        while !self.ended {
            rest.clear();
            self.ended = self.input.fill(&mut rest, TARGET)?;
            if let Some(end) = memchr::memchr(b'\n', &rest) {
                length += end as u64 + 1;
                self.carried = rest.split_off(end + 1);
                return Ok(self.piece(bytes, length, lines));
            }
            length += rest.len() as u64;
        }
        lines -= 1;
        Ok(self.piece(bytes, length, lines))
    }

    fn piece(&mut self, bytes: Vec<u8>, length: u64, lines: u64) -> Piece {
        let line = self.line;
        let before = self.consumed;
        self.line += lines;
        self.consumed += length;
        let plain = self.input.is_plain();
        let after = if plain { self.consumed } else { self.input.position() };
        Piece { bytes, line, before: plain.then_some(before), after }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pieces joined together are the file, and each but the last ends with a record.
    #[test]
    fn nothing_is_lost_between_pieces() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.csv");
        let quoted = (0..90_000).map(|row| format!("{row},\"two\nlines, {row}\",{}\n", "x".repeat(row % 37)));
        let text: String = quoted.collect();
        assert!(text.len() > 4 * TARGET);
        std::fs::write(&path, &text).unwrap();
        let rule = RecordRule { quoting: Some(b','), longest: 1 << 20 };
        let mut cutter = Cutter::open(&path, rule).unwrap();
        let mut joined = Vec::new();
        while let Some(piece) = cutter.next().unwrap() {
            assert_eq!(piece.before, Some(joined.len() as u64));
            assert_eq!(piece.line, 1 + memchr::memchr_iter(b'\n', &joined).count() as u64);
            joined.extend_from_slice(&piece.bytes);
            assert_eq!(piece.after, joined.len() as u64);
            assert!(
                joined.ends_with(b"\n") && text.as_bytes()[joined.len()..].first() != Some(&b'l'),
                "cut in a record"
            );
        }
        assert!(joined == text.as_bytes());
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over_in_bounded_memory() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.csv");
        let text = ["1,2\n".to_owned(), "a".repeat(5 * TARGET), "\n3,4\n".to_owned()].concat();
        std::fs::write(&path, &text).unwrap();
        let mut cutter = Cutter::open(&path, RecordRule { quoting: None, longest: 1000 }).unwrap();
        let mut pieces = Vec::new();
        while let Some(piece) = cutter.next().unwrap() {
            assert!(piece.bytes.capacity() <= 2 * TARGET);
            pieces.push((piece.line, piece.bytes.len(), piece.after));
        }
        let length = text.len() as u64;
        assert_eq!(pieces, [(1, 4, 4), (2, 1001, length - 4), (3, 4, length)]);
    }
}
