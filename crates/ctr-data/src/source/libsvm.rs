//! `label index:value …`

use std::path::{Path, PathBuf};

use super::sparse::{self, NEXT, Placed};
use super::{DataSource, RowVisitor, SourceColumns, lines};
use crate::config::LibsvmConfig;
use crate::error::{DataError, Refusal, shown};

/// A LibSVM file: see [`LibsvmConfig`] for how indices become fields.
#[derive(Debug)]
pub struct LibsvmSource {
    path: PathBuf,
    columns: SourceColumns,
    /// Ascending, disjoint.
    ranges: Vec<IndexedField>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct IndexedField {
    first: u64,
    last: u64,
    field: usize,
}

impl LibsvmSource {
    /// The file at `path`; it is opened when it is read.
    ///
    /// # Errors
    /// [`DataError::Config`] for a field without an index.
    pub fn new(path: &Path, config: &LibsvmConfig, columns: SourceColumns) -> Result<Self, DataError> {
        let mut ranges = Vec::with_capacity(columns.fields.len());
        for (field, column) in columns.fields.iter().enumerate() {
            let (first, last) = config.bounds(&column.name)?;
            ranges.push(IndexedField { first, last, field });
        }
        ranges.sort_unstable();
        Ok(Self { path: path.to_path_buf(), columns, ranges })
    }

    fn place<'a>(&self, token: &'a str) -> Result<Option<Placed<'a>>, Refusal> {
        let parts = token.split_once(':').and_then(|(index, value)| Some((index, canonical(index)?, value)));
        let Some((text, index, value)) = parts.filter(|(.., value)| !value.is_empty()) else {
            return Err(Refusal::new(shown(token.as_bytes()), "index:value, the index without leading zeros", NEXT));
        };
        let after = self.ranges.partition_point(|range| range.first <= index);
        let Some(range) = self.ranges[..after].last().filter(|range| index <= range.last) else { return Ok(None) };
        let field = range.field;
        if range.first == range.last {
            return Ok(Some(Placed { field, value }));
        }
        sparse::presence(value, token, &self.columns.fields[field].name)?;
        Ok(Some(Placed { field, value: text }))
    }
}

/// An index as it may be written: its text stands for a category, so a number has one text only.
fn canonical(index: &str) -> Option<u64> {
    let digits = index.bytes().all(|byte| byte.is_ascii_digit());
    let plain = digits && (index == "0" || !index.starts_with('0'));
    if plain { index.parse().ok() } else { None }
}

impl DataSource for LibsvmSource {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn columns(&self) -> &SourceColumns {
        &self.columns
    }

    fn size(&self) -> Result<u64, DataError> {
        lines::size(&self.path)
    }

    fn fingerprint(&self, watch: &mut dyn FnMut(u64) -> Result<(), DataError>) -> Result<[u8; 32], DataError> {
        lines::fingerprint(&self.path, watch)
    }

    fn read(&self, visit: &mut RowVisitor<'_>) -> Result<(), DataError> {
        sparse::read(&self.path, &self.columns, |token| self.place(token), visit)
    }
}
