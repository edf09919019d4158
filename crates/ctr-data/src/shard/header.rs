//! The first 64 bytes of a shard.
//!
//! | bytes | content |
//! |---|---|
//! | 0..8 | magic `CTRSHARD` |
//! | 8..12 | format version, u32 |
//! | 12..16 | flags, u32: bit 0 labels present, bit 1 true probabilities present |
//! | 16..24 | rows, u64 |
//! | 24..28 | categorical fields F, u32 |
//! | 28..32 | numeric fields N, u32 |
//! | 32..64 | zero |

use std::ops::Range;
use std::path::Path;

use super::FORMAT_VERSION;
use crate::error::DataError;

const MAGIC: [u8; 8] = *b"CTRSHARD";
const LABELS: u32 = 1;
const PROBABILITIES: u32 = 2;

/// Sections begin at multiples of this many bytes, a cache line.
pub(super) const ALIGNMENT: u64 = 64;
pub(super) const HEADER_BYTES: u64 = 64;
pub(super) const DIGEST_BYTES: u64 = 32;

/// The shape of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) rows: u64,
    pub(crate) categorical: u32,
    pub(crate) numeric: u32,
    pub(crate) labels: bool,
    pub(crate) probabilities: bool,
}

/// Where each section lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sections {
    pub(super) labels: Range<u64>,
    pub(super) numeric: Range<u64>,
    pub(super) categorical: Range<u64>,
    pub(super) probabilities: Range<u64>,
    pub(super) digest: Range<u64>,
}

impl Header {
    pub(super) fn to_bytes(self) -> [u8; HEADER_BYTES as usize] {
        let mut bytes = [0; HEADER_BYTES as usize];
        let flags = (u32::from(self.labels) * LABELS) | (u32::from(self.probabilities) * PROBABILITIES);
        bytes[0..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&flags.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.rows.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.categorical.to_le_bytes());
        bytes[28..32].copy_from_slice(&self.numeric.to_le_bytes());
        bytes
    }

    pub(super) fn from_bytes(path: &Path, file: &[u8]) -> Result<Self, DataError> {
        let Some(bytes) = file.get(..HEADER_BYTES as usize) else {
            return Err(DataError::damaged(path, "length", file.len(), format!("at least {HEADER_BYTES} bytes")));
        };
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        if bytes[0..8] != MAGIC {
            return Err(DataError::damaged(path, "magic", bytes[0..8].escape_ascii(), "CTRSHARD, an encoded shard"));
        }
        if word(8) != FORMAT_VERSION {
            return Err(DataError::damaged(path, "format version", word(8), FORMAT_VERSION));
        }
        let flags = word(12);
        if flags & !(LABELS | PROBABILITIES) != 0 {
            return Err(DataError::damaged(path, "flags", flags, "0 to 3"));
        }
        Ok(Self {
            rows: u64::from(word(16)) | u64::from(word(20)) << 32,
            categorical: word(24),
            numeric: word(28),
            labels: flags & LABELS != 0,
            probabilities: flags & PROBABILITIES != 0,
        })
    }

    /// Where the sections of such a shard lie; none if they would not fit into 64 bits.
    pub(super) fn sections(self) -> Option<Sections> {
        let mut end = HEADER_BYTES;
        let mut section = |bytes_per_row: u64| {
            let start = end.checked_next_multiple_of(ALIGNMENT)?;
            end = start.checked_add(self.rows.checked_mul(bytes_per_row)?)?;
            Some(start..end)
        };
        let labels = section(u64::from(self.labels))?;
        let numeric = section(4 * u64::from(self.numeric))?;
        let categorical = section(4 * u64::from(self.categorical))?;
        let probabilities = section(8 * u64::from(self.probabilities))?;
        let start = end.checked_next_multiple_of(ALIGNMENT)?;
        let digest = start..start.checked_add(DIGEST_BYTES)?;
        Some(Sections { labels, numeric, categorical, probabilities, digest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_a_round_trip() {
        let header = Header { rows: 1 << 40, categorical: 26, numeric: 13, labels: true, probabilities: false };
        assert_eq!(Header::from_bytes(Path::new("x"), &header.to_bytes()).unwrap(), header);
    }

    #[test]
    fn sections_are_aligned_and_in_order() {
        let header = Header { rows: 101, categorical: 3, numeric: 2, labels: true, probabilities: true };
        let sections = header.sections().unwrap();
        let all =
            [&sections.labels, &sections.numeric, &sections.categorical, &sections.probabilities, &sections.digest];
        for pair in all.windows(2) {
            assert!(pair[0].end <= pair[1].start && pair[1].start % ALIGNMENT == 0, "{sections:?}");
        }
        assert_eq!(sections.categorical.end - sections.categorical.start, 101 * 3 * 4);
    }

    #[test]
    fn absurd_sizes_are_not_taken_for_sections() {
        let header = Header { rows: u64::MAX, categorical: u32::MAX, numeric: 0, labels: true, probabilities: false };
        assert_eq!(header.sections(), None);
    }

    #[test]
    fn another_version_is_refused_by_name() {
        let mut bytes = Header { rows: 1, categorical: 1, numeric: 0, labels: true, probabilities: false }.to_bytes();
        bytes[8] = 9;
        let message = Header::from_bytes(Path::new("a.shard"), &bytes).unwrap_err().to_string();
        assert!(message.contains("a.shard") && message.contains("format version: found 9, expected 1"), "{message}");
    }
}
