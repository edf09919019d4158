//! The first 64 bytes of a shard.
//!
//! | bytes | content |
//! |---|---|
//! | 0..8 | magic `CTRSHARD` |
//! | 8..12 | format version, u32 |
//! | 12..16 | flags, u32: bit 0 labels present, bit 1 true probabilities present, bit 2 list weights present |
//! | 16..24 | rows, u64 |
//! | 24..28 | categorical fields with one value, F − M, u32 |
//! | 28..32 | numeric fields N, u32 |
//! | 32..36 | multi-hot fields M, u32 |
//! | 36..40 | zero |
//! | 40..48 | values in all lists, u64 |
//! | 48..64 | zero |

use std::ops::Range;
use std::path::Path;

use super::FORMAT_VERSION;
use crate::error::DataError;

const MAGIC: [u8; 8] = *b"CTRSHARD";
const LABELS: u32 = 1;
const PROBABILITIES: u32 = 2;
const WEIGHTS: u32 = 4;

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
    pub(crate) multi_hot: u32,
    /// Values in all lists.
    pub(crate) values: u64,
    /// Whether lists have weights.
    pub(crate) weights: bool,
}

/// Where each section lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sections {
    pub(super) labels: Range<u64>,
    pub(super) numeric: Range<u64>,
    pub(super) categorical: Range<u64>,
    pub(super) probabilities: Range<u64>,
    pub(super) list_ends: Range<u64>,
    pub(super) list_ids: Range<u64>,
    pub(super) list_weights: Range<u64>,
    pub(super) digest: Range<u64>,
}

impl Header {
    pub(super) fn to_bytes(self) -> [u8; HEADER_BYTES as usize] {
        let mut bytes = [0; HEADER_BYTES as usize];
        let flags = (u32::from(self.labels) * LABELS)
            | (u32::from(self.probabilities) * PROBABILITIES)
            | (u32::from(self.weights) * WEIGHTS);
        bytes[0..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&flags.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.rows.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.categorical.to_le_bytes());
        bytes[28..32].copy_from_slice(&self.numeric.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.multi_hot.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.values.to_le_bytes());
        bytes
    }

    pub(super) fn from_bytes(path: &Path, file: &[u8]) -> Result<Self, DataError> {
        let Some(bytes) = file.get(..HEADER_BYTES as usize) else {
            return Err(DataError::damaged(path, "length", file.len(), format!("at least {HEADER_BYTES} bytes")));
        };
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let long = |at: usize| u64::from(word(at)) | u64::from(word(at + 4)) << 32;
        if bytes[0..8] != MAGIC {
            return Err(DataError::damaged(path, "magic", bytes[0..8].escape_ascii(), "CTRSHARD, an encoded shard"));
        }
        if word(8) != FORMAT_VERSION {
            return Err(DataError::damaged(path, "format version", word(8), FORMAT_VERSION));
        }
        let flags = word(12);
        if flags & !(LABELS | PROBABILITIES | WEIGHTS) != 0 {
            return Err(DataError::damaged(path, "flags", flags, "0 to 7"));
        }
        Ok(Self {
            rows: long(16),
            categorical: word(24),
            numeric: word(28),
            labels: flags & LABELS != 0,
            probabilities: flags & PROBABILITIES != 0,
            multi_hot: word(32),
            values: long(40),
            weights: flags & WEIGHTS != 0,
        })
    }

    /// Whether there are rows of nothing: any number of them fits into any file.
    pub(super) fn takes_no_bytes(self) -> bool {
        let labels = u32::from(self.labels) + u32::from(self.probabilities);
        self.rows > 0 && [labels, self.numeric, self.categorical, self.multi_hot] == [0; 4]
    }

    /// Where the sections of such a shard lie; none if they would not fit into 64 bits.
    pub(super) fn sections(self) -> Option<Sections> {
        let mut end = HEADER_BYTES;
        let mut section = |count: u64, bytes: u64| {
            let start = end.checked_next_multiple_of(ALIGNMENT)?;
            end = start.checked_add(count.checked_mul(bytes)?)?;
            Some(start..end)
        };
        let labels = section(self.rows, u64::from(self.labels))?;
        let numeric = section(self.rows, 4 * u64::from(self.numeric))?;
        let categorical = section(self.rows, 4 * u64::from(self.categorical))?;
        let probabilities = section(self.rows, 8 * u64::from(self.probabilities))?;
        let list_ends = section(self.rows, 8 * u64::from(self.multi_hot))?;
        let list_ids = section(self.values, 4)?;
        let list_weights = section(self.values, 4 * u64::from(self.weights))?;
        let start = end.checked_next_multiple_of(ALIGNMENT)?;
        let digest = start..start.checked_add(DIGEST_BYTES)?;
        Some(Sections { labels, numeric, categorical, probabilities, list_ends, list_ids, list_weights, digest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Header = Header {
        rows: 1,
        categorical: 3,
        numeric: 0,
        labels: true,
        probabilities: false,
        multi_hot: 0,
        values: 0,
        weights: false,
    };

    #[test]
    fn survives_a_round_trip() {
        let header = Header {
            rows: 1 << 40,
            categorical: 26,
            numeric: 13,
            labels: true,
            probabilities: false,
            multi_hot: 2,
            values: 3 << 40,
            weights: true,
        };
        assert_eq!(Header::from_bytes(Path::new("x"), &header.to_bytes()).unwrap(), header);
    }

    #[test]
    fn sections_are_aligned_and_in_order() {
        let header =
            Header { rows: 101, numeric: 2, probabilities: true, multi_hot: 1, values: 7, weights: true, ..SHAPE };
        let sections = header.sections().unwrap();
        let all = [
            &sections.labels,
            &sections.numeric,
            &sections.categorical,
            &sections.probabilities,
            &sections.list_ends,
            &sections.list_ids,
            &sections.list_weights,
            &sections.digest,
        ];
        for pair in all.windows(2) {
            assert!(pair[0].end <= pair[1].start && pair[1].start % ALIGNMENT == 0, "{sections:?}");
        }
        assert_eq!(sections.categorical.end - sections.categorical.start, 101 * 3 * 4);
    }

    #[test]
    fn absurd_sizes_are_not_taken_for_sections() {
        let header = Header { rows: u64::MAX, categorical: u32::MAX, ..SHAPE };
        assert_eq!(header.sections(), None);
        assert_eq!(Header { values: u64::MAX, ..SHAPE }.sections(), None);
    }

    #[test]
    fn another_version_is_refused_by_name() {
        let mut bytes = SHAPE.to_bytes();
        bytes[8] = 9;
        let message = Header::from_bytes(Path::new("a.shard"), &bytes).unwrap_err().to_string();
        assert!(message.contains("a.shard") && message.contains("format version: found 9, expected 2"), "{message}");
    }
}
