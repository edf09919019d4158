//! Reading shards.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use super::header::{Header, Sections};
use crate::bags::Bags;
use crate::error::{DataError, hex};
use crate::tree_hash;

/// The encoded rows of one split, mapped into memory: rows are read from the page cache, so data larger than memory can be trained on.
///
/// The file has a section for each kind of value (labels, numbers, ids, true probabilities), each row-major: a shuffled batch takes whole
/// rows, and a row of ten ids is 40 bytes, one or two cache lines, where a column-major section would touch ten.
#[derive(Debug)]
pub struct Shards {
    path: PathBuf,
    map: Mmap,
    header: Header,
    sections: Sections,
    digest: blake3::Hash,
}

impl Shards {
    /// Maps a shard file and checks its header, its length and its digest.
    ///
    /// # Errors
    /// [`DataError::Io`] if it cannot be read, [`DataError::Damaged`] if it is not a whole shard of this version.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let file = File::open(path).map_err(|cause| DataError::io("open", path, cause))?;
        Self::map(&file, path, None)
    }

    /// `path` is where the file is, or was: it need not have a name any more. `digest` is that of its content where this process has just
    /// written it.
    pub(super) fn map(file: &File, path: &Path, digest: Option<blake3::Hash>) -> Result<Self, DataError> {
        // SAFETY: the mapping is read-only. A process that altered or truncated the file afterwards would break it; the crate itself never
        // writes to a finished shard (it builds under another name and renames), and the digest is checked before the bytes are used.
        let map = unsafe { Mmap::map(file) }.map_err(|cause| DataError::io("map", path, cause))?;
        let header = Header::from_bytes(path, &map)?;
        let sections = header.sections().filter(|sections| sections.digest.end == map.len() as u64);
        let Some(sections) = sections else {
            let expected = header.sections().map_or_else(|| "a length".to_owned(), |s| s.digest.end.to_string());
            return Err(DataError::damaged(path, "length in bytes", map.len(), expected));
        };
        let shards = Self {
            path: path.to_path_buf(),
            digest: digest.unwrap_or_else(|| tree_hash::hash(slice(&map, &(0..sections.digest.start)))),
            map,
            header,
            sections,
        };
        let stored = shards.bytes(&shards.sections.digest);
        if stored != shards.digest.as_bytes() {
            let found = shards.digest.to_hex();
            return Err(DataError::damaged(path, "BLAKE3 digest", found, hex(stored)));
        }
        if shards.bytes(&shards.sections.labels).iter().any(|&label| label > 1) {
            return Err(DataError::damaged(path, "labels", "a label above 1", "0 or 1"));
        }
        if header.takes_no_bytes() {
            return Err(DataError::damaged(path, "rows", header.rows, "0: there is no value in a row"));
        }
        let ends = shards.list_ends();
        if !ends.is_sorted() || ends.last().copied().unwrap_or(0) != header.values {
            return Err(DataError::damaged(path, "list ends", "ends that do not ascend", "one for each list"));
        }
        Ok(shards)
    }

    fn list_ends(&self) -> &[u64] {
        bytemuck::cast_slice(self.bytes(&self.sections.list_ends))
    }

    /// Number of multi-hot fields M.
    #[must_use]
    pub fn multi_hot_fields(&self) -> usize {
        self.header.multi_hot as usize
    }

    /// Fields with one value, multi-hot fields, numeric fields, and whether there are labels.
    pub(crate) fn shape(&self) -> (usize, usize, usize, bool) {
        (self.categorical_fields(), self.multi_hot_fields(), self.numeric_fields(), self.has_labels())
    }

    /// Appends the lists of a row's multi-hot fields.
    ///
    /// # Panics
    /// If `row >= self.len()`.
    pub fn add_bags(&self, row: usize, bags: &mut Bags) {
        assert!(row < self.len(), "row {row} of {}", self.len());
        let (fields, ends) = (self.multi_hot_fields(), self.list_ends());
        let mut start = (row * fields).checked_sub(1).map_or(0, |before| ends[before] as usize);
        for &end in &ends[row * fields..][..fields] {
            let list = start..end as usize;
            bags.ids.extend_from_slice(&bytemuck::cast_slice(self.bytes(&self.sections.list_ids))[list.clone()]);
            if self.header.weights {
                bags.weights.extend_from_slice(&bytemuck::cast_slice(self.bytes(&self.sections.list_weights))[list]);
            } else {
                bags.weights.resize(bags.ids.len(), 1.0);
            }
            bags.end_bag();
            start = end as usize;
        }
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.header.rows as usize
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.header.rows == 0
    }

    /// Number of categorical fields with one value, F − M.
    #[must_use]
    pub fn categorical_fields(&self) -> usize {
        self.header.categorical as usize
    }

    /// Number of numeric fields N.
    #[must_use]
    pub fn numeric_fields(&self) -> usize {
        self.header.numeric as usize
    }

    /// Whether the rows came with labels.
    #[must_use]
    pub fn has_labels(&self) -> bool {
        self.header.labels
    }

    /// A row's label, 0 or 1; NaN where the rows came without labels.
    ///
    /// # Panics
    /// As all row accessors: if `row >= self.len()`.
    #[must_use]
    pub fn label(&self, row: usize) -> f32 {
        assert!(row < self.len(), "row {row} of {}", self.len());
        self.bytes(&self.sections.labels).get(row).map_or(f32::NAN, |&label| f32::from(label))
    }

    /// Number of rows with label 1; none where the rows came without labels.
    #[must_use]
    pub fn positives(&self) -> Option<u64> {
        let count = || self.bytes(&self.sections.labels).iter().map(|&label| u64::from(label)).sum();
        self.header.labels.then(count)
    }

    /// A row's field-local ids of the fields with one value, `[F − M]`.
    ///
    /// # Panics
    /// If `row >= self.len()`.
    #[must_use]
    pub fn categorical(&self, row: usize) -> &[u32] {
        let fields = self.categorical_fields();
        assert!(row < self.len(), "row {row} of {}", self.len());
        &bytemuck::cast_slice(self.bytes(&self.sections.categorical))[row * fields..][..fields]
    }

    /// A row's numeric values, `[N]`.
    ///
    /// # Panics
    /// If `row >= self.len()`.
    #[must_use]
    pub fn numeric(&self, row: usize) -> &[f32] {
        let fields = self.numeric_fields();
        assert!(row < self.len(), "row {row} of {}", self.len());
        &bytemuck::cast_slice(self.bytes(&self.sections.numeric))[row * fields..][..fields]
    }

    /// A row's true click probability, where the source knows it.
    ///
    /// # Panics
    /// If `row >= self.len()`.
    #[must_use]
    pub fn true_probability(&self, row: usize) -> Option<f64> {
        assert!(row < self.len(), "row {row} of {}", self.len());
        self.header.probabilities.then(|| bytemuck::cast_slice(self.bytes(&self.sections.probabilities))[row])
    }

    /// BLAKE3 of the content, in hex: equal for equal rows.
    #[must_use]
    pub fn digest(&self) -> String {
        self.digest.to_hex().to_string()
    }

    /// The shard's file; one encoded for prediction has no name on disk any more, only the folder it was made in.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn bytes(&self, section: &Range<u64>) -> &[u8] {
        slice(&self.map, section)
    }
}

fn slice<'a>(map: &'a Mmap, section: &Range<u64>) -> &'a [u8] {
    &map[section.start as usize..section.end as usize]
}
