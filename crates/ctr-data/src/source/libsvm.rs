//! `label index:value …`

use super::SourceColumns;
use super::sparse::{self, Placed, Tokens, misspelt};
use crate::config::LibsvmConfig;
use crate::error::{DataError, Refusal};

/// The tokens of LibSVM lines: see [`LibsvmConfig`] for how indices become fields.
#[derive(Debug)]
pub(super) struct LibsvmTokens {
    /// Ascending, disjoint.
    ranges: Vec<IndexedField>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct IndexedField {
    first: u64,
    last: u64,
    field: usize,
}

impl LibsvmTokens {
    /// # Errors
    /// [`DataError::Config`] for a field without an index.
    pub(super) fn new(config: &LibsvmConfig, columns: &SourceColumns) -> Result<Self, DataError> {
        let mut ranges = Vec::with_capacity(columns.fields.len());
        for (field, column) in columns.fields.iter().enumerate() {
            let (first, last) = config.bounds(&column.name)?;
            ranges.push(IndexedField { first, last, field });
        }
        ranges.sort_unstable();
        Ok(Self { ranges })
    }
}

impl Tokens for LibsvmTokens {
    fn place<'a>(&self, token: &'a str, columns: &SourceColumns) -> Result<Option<Placed<'a>>, Refusal> {
        let parts = token.split_once(':').and_then(|(index, value)| Some((index, canonical(index)?, value)));
        let Some((text, index, value)) = parts.filter(|(.., value)| !value.is_empty()) else {
            return Err(misspelt(token, "index:value, the index without leading zeros"));
        };
        let after = self.ranges.partition_point(|range| range.first <= index);
        let Some(range) = self.ranges[..after].last().filter(|range| index <= range.last) else { return Ok(None) };
        let field = range.field;
        if range.first == range.last {
            return Ok(Some(Placed { field, value }));
        }
        sparse::presence(value, token, &columns.fields[field].name)?;
        Ok(Some(Placed { field, value: text }))
    }
}

/// An index as it may be written: its text stands for a category, so a number has one text only.
fn canonical(index: &str) -> Option<u64> {
    let digits = index.bytes().all(|byte| byte.is_ascii_digit());
    let plain = digits && (index == "0" || !index.starts_with('0'));
    if plain { index.parse().ok() } else { None }
}
