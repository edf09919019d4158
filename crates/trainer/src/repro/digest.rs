//! BLAKE3 digests of parameters and files: equal digests mean equal bits.

use std::fmt;
use std::fs::File;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::file_error::FileError;

/// A BLAKE3 digest of 32 bytes, written as 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(blake3::Hash);

impl Digest {
    /// The digest of `bytes`, as `b3sum` gives it.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(blake3::hash(bytes))
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.to_hex())
    }
}

/// A text that is no digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no digest; expected 64 hexadecimal digits")]
pub struct ParseDigestError(String);

impl FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        blake3::Hash::from_hex(text).map(Self).map_err(|_| ParseDigestError(text.to_owned()))
    }
}

impl TryFrom<String> for Digest {
    type Error = ParseDigestError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

/// The digest of a file's content, as `b3sum` gives it.
///
/// # Errors
/// [`FileError::Read`].
pub fn digest_file(path: &Path) -> Result<Digest, FileError> {
    let mut hasher = blake3::Hasher::new();
    File::open(path)
        .and_then(|file| hasher.update_reader(file).map(|_| ()))
        .map_err(|cause| FileError::read(path, cause))?;
    Ok(Digest(hasher.finalize()))
}

/// Part of every digest of parameters. A change of what is hashed, or how, must change it.
const PARAMETERS: &str = "ctr trainer 2026-11 parameter digest";

/// The digest of a sequence of named f32 tensors: of their names, shapes and bits, in the order they are added.
///
/// Bits, not values: `0.0` and `-0.0` differ, and so do two NaNs. Tensors go in row-major. Lengths go in before
/// contents, so that no two sequences give the same bytes.
#[derive(Clone, Debug)]
pub struct ParameterDigest {
    hasher: blake3::Hasher,
}

impl ParameterDigest {
    /// The digest of no tensor yet.
    #[must_use]
    pub fn new() -> Self {
        Self { hasher: blake3::Hasher::new_derive_key(PARAMETERS) }
    }

    /// Adds a tensor. A tensor too large for memory can be given to [`add_part`](Self::add_part) in pieces instead.
    pub fn add(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        self.begin(name, shape);
        self.add_part(values);
    }

    /// Starts a tensor, the values of which follow in pieces.
    pub fn begin(&mut self, name: &str, shape: &[usize]) {
        self.hasher.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes());
        self.hasher.update(&(shape.len() as u64).to_le_bytes());
        for size in shape {
            self.hasher.update(&(*size as u64).to_le_bytes());
        }
    }

    /// Adds the next values of the tensor begun last, in row-major order. How they are cut into pieces changes nothing.
    pub fn add_part(&mut self, values: &[f32]) {
        if cfg!(target_endian = "little") {
            self.hasher.update(bytemuck::cast_slice(values));
        } else {
            for value in values {
                self.hasher.update(&value.to_le_bytes());
            }
        }
    }

    /// The digest of what was added.
    #[must_use]
    pub fn finish(&self) -> Digest {
        Digest(self.hasher.finalize())
    }
}

impl Default for ParameterDigest {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(tensors: &[(&str, &[usize], &[f32])]) -> Digest {
        let mut digest = ParameterDigest::new();
        for (name, shape, values) in tensors {
            digest.add(name, shape, values);
        }
        digest.finish()
    }

    /// Values of an independent BLAKE3. Published digests depend on them: a change here is a break.
    #[test]
    fn known_answers() {
        assert_eq!(Digest::of(b"abc").to_string(), "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85");
        assert_eq!(of(&[]).to_string(), "51eb959334e7804207480944041dee060e80f03cd2bf4b9d73973eb7fe014937");
        assert_eq!(
            of(&[("w", &[2, 1], &[1.0, -0.0]), ("b", &[1], &[f32::MIN_POSITIVE])]).to_string(),
            "8d1d6d4e65bbc1e38787b037ed1bd4636c0d997203192a1ec6f3130397c52fcd"
        );
    }

    #[test]
    fn names_shapes_bits_and_order_all_count() {
        let nan = f32::from_bits(0x7fc0_0001);
        let all = [
            of(&[]),
            of(&[("", &[0], &[])]),
            of(&[("w", &[2], &[0.0, 1.0])]),
            of(&[("v", &[2], &[0.0, 1.0])]),
            of(&[("w", &[2, 1], &[0.0, 1.0])]),
            of(&[("w", &[1, 2], &[0.0, 1.0])]),
            of(&[("w", &[2], &[-0.0, 1.0])]),
            of(&[("w", &[2], &[1.0, 0.0])]),
            of(&[("w", &[2], &[f32::NAN, 1.0])]),
            of(&[("w", &[2], &[nan, 1.0])]),
            of(&[("w", &[1], &[0.0]), ("v", &[1], &[1.0])]),
            of(&[("v", &[1], &[1.0]), ("w", &[1], &[0.0])]),
            of(&[("wv", &[1], &[0.0]), ("", &[1], &[1.0])]),
        ];
        for (index, digest) in all.iter().enumerate() {
            assert!(!all[..index].contains(digest), "{index}");
        }
    }

    #[test]
    fn pieces_give_the_digest_of_the_whole() {
        let values: Vec<f32> = (0..5000_u16).map(|n| f32::from(n).sin()).collect();
        let mut digest = ParameterDigest::new();
        digest.begin("table", &[50, 100]);
        for piece in values.chunks(333) {
            digest.add_part(piece);
        }
        assert_eq!(digest.finish(), of(&[("table", &[50, 100], &values)]));
    }

    #[test]
    fn a_file_has_the_digest_of_its_content() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("data");
        let bytes: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
        std::fs::write(&path, &bytes).expect("write");
        assert_eq!(digest_file(&path).expect("digest"), Digest::of(&bytes));
        let text = digest_file(&folder.path().join("absent")).expect_err("absent").to_string();
        assert!(text.contains("absent: No such file"), "{text}");
    }

    #[test]
    fn digests_are_written_and_read_as_hexadecimal() {
        let digest = Digest::of(b"abc");
        let json = serde_json::to_string(&digest).expect("JSON");
        assert_eq!(json, format!("\"{digest}\""));
        assert_eq!(serde_json::from_str::<Digest>(&json).expect("digest"), digest);
        assert!(serde_json::from_str::<Digest>("\"6437\"").is_err());
        assert!("zz".repeat(32).parse::<Digest>().is_err());
    }
}
