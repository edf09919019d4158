//! The formats that raw rows come in.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{FieldConfig, SyntheticConfig};
use crate::error::DataError;

/// A format of raw files, or the generator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "format", rename_all = "snake_case")]
pub enum SourceConfig {
    /// Text with a header line and delimited fields.
    Csv(CsvConfig),
    /// The layout of the Criteo display-advertising data.
    CriteoTsv(CriteoConfig),
    /// `label index:value …`
    Libsvm(LibsvmConfig),
    /// `label field:feature:value …`
    Libfm(LibfmConfig),
    /// Parquet files with flat columns.
    Parquet(ParquetConfig),
    /// Generated rows whose true click probability is known.
    Synthetic(SyntheticConfig),
    /// Rows of a program's own: see [`prepare_from`](crate::prepare_from).
    Custom(CustomConfig),
}

/// Parquet files; columns are found by name.
///
/// | column | the value's text |
/// |---|---|
/// | integer (dates and times are the integers they are stored as) | its digits |
/// | boolean | `1` or `0` |
/// | text | itself |
/// | float, for numeric fields and labels alone | the digits of exactly this number |
///
/// A null is a missing value, and so is an empty text. Decimals, lists and groups are refused: cast them when writing the file. Pages may be
/// compressed with Snappy, gzip or Zstandard. Messages call the n-th row line n.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParquetConfig {}

/// A [`DataSource`](crate::DataSource) that the program passes to [`prepare_from`](crate::prepare_from); the `ctr` command has none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomConfig {}

/// Delimited text with a header line, as BARS distributes its data.
///
/// Lines end in LF or CRLF; a UTF-8 byte order mark is passed over; fields may be quoted as in RFC 4180 (a quote stands at the beginning
/// of a field or nowhere; inside, `""` is a quote; delimiters and line ends may stand inside). Columns that no field names are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CsvConfig {
    /// One ASCII character between fields (default `,`).
    #[serde(default = "comma")]
    pub delimiter: char,
    /// Column with each row's true click probability, where the data are synthetic and say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub true_probability: Option<String>,
}

/// Tab-separated lines without a header: label, 13 integers `I1` … `I13`, 26 categories `C1` … `C26`; empty means missing.
///
/// Files without labels (the public test file) have 39 columns; they can be predicted but not trained on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CriteoConfig {}

/// LibSVM lines: `label index:value index:value …`, separated by single spaces, indices in any order, each at most once.
///
/// `index` says which indices make up a field; a field that it leaves out must have its index as its name.
///
/// | field | indices | the field's value |
/// |---|---|---|
/// | numeric | one | the value at that index |
/// | categorical | one | the text of the value at that index |
/// | categorical | a range `[first, last]` | the text of the index that is present, whose value must be `1` (one-hot) |
///
/// A field of which a line holds no index is missing there. Indices that belong to no field are left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LibsvmConfig {
    /// Field → index, or field → `[first, last]` (both included).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub index: BTreeMap<String, IndexRange>,
}

/// One index or a closed range of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum IndexRange {
    /// A single index.
    One(u64),
    /// First and last index.
    Range([u64; 2]),
}

/// Field-aware lines, as libffm reads them: `label field:feature:value …`, separated by single spaces, each field at most once.
///
/// The first part names the field (`key` says under which name; without an entry, the field's own name). A categorical field's value is
/// the text of `feature`, and `value` must be `1`; a numeric field's value is `value`. A field that a line does not hold is missing
/// there. Fields that the configuration does not name are left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LibfmConfig {
    /// Field → the text that stands for it in the file.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub key: BTreeMap<String, String>,
}

const fn comma() -> char {
    ','
}

impl Default for CsvConfig {
    fn default() -> Self {
        Self { delimiter: comma(), true_probability: None }
    }
}

impl IndexRange {
    /// First and last index.
    #[must_use]
    pub const fn bounds(self) -> (u64, u64) {
        match self {
            Self::One(index) => (index, index),
            Self::Range([first, last]) => (first, last),
        }
    }
}

impl CriteoConfig {
    /// The columns after the label.
    #[must_use]
    pub fn columns() -> Vec<String> {
        let integers = (1..=13).map(|i| format!("I{i}"));
        integers.chain((1..=26).map(|i| format!("C{i}"))).collect()
    }
}

impl LibsvmConfig {
    /// First and last index of a field.
    ///
    /// # Errors
    /// [`DataError::Config`] if the field has no entry and its name is not a number.
    pub fn bounds(&self, field: &str) -> Result<(u64, u64), DataError> {
        if let Some(range) = self.index.get(field) {
            return Ok(range.bounds());
        }
        let index = field.parse().map_err(|_| {
            DataError::config("source.index", field, "an entry for this field, or a field named by its index")
        })?;
        Ok((index, index))
    }
}

impl SourceConfig {
    /// The format's name in a configuration.
    #[must_use]
    pub const fn format(&self) -> &'static str {
        match self {
            Self::Csv(_) => "csv",
            Self::CriteoTsv(_) => "criteo_tsv",
            Self::Libsvm(_) => "libsvm",
            Self::Libfm(_) => "libfm",
            Self::Parquet(_) => "parquet",
            Self::Synthetic(_) => "synthetic",
            Self::Custom(_) => "custom",
        }
    }

    pub(super) fn validate(&self, label: &str) -> Result<(), DataError> {
        match self {
            Self::Csv(csv) => {
                let free = csv.delimiter.is_ascii() && !matches!(csv.delimiter, '"' | '\r' | '\n' | '\0');
                if !free {
                    return Err(DataError::config(
                        "source.delimiter",
                        csv.delimiter,
                        "one ASCII character other than a quote, a line end or NUL",
                    ));
                }
                if csv.true_probability.as_deref() == Some(label) {
                    return Err(DataError::config("source.true_probability", label, "a column other than the label"));
                }
                Ok(())
            }
            Self::Synthetic(synthetic) => synthetic.validate(),
            Self::CriteoTsv(_) | Self::Libsvm(_) | Self::Libfm(_) | Self::Parquet(_) | Self::Custom(_) => Ok(()),
        }
    }

    /// Checks that the source can deliver the fields; `fields` has one entry per column.
    pub(super) fn validate_fields(&self, fields: &[FieldConfig]) -> Result<(), DataError> {
        let names = || fields.iter().flat_map(FieldConfig::names);
        match self {
            Self::Csv(csv) => match names().find(|name| Some(*name) == csv.true_probability.as_ref()) {
                Some(name) => Err(DataError::config("fields.name", name, "a column other than the true probability")),
                None => Ok(()),
            },
            Self::CriteoTsv(_) => offered(names(), &CriteoConfig::columns()),
            Self::Synthetic(synthetic) => {
                offered(names(), &synthetic.columns())?;
                synthetic.validate_types(fields)
            }
            Self::Parquet(_) | Self::Custom(_) => Ok(()),
            Self::Libsvm(libsvm) => ranges(libsvm, fields),
            Self::Libfm(libfm) => {
                let mut keys = BTreeSet::new();
                for name in names() {
                    let key = libfm.key.get(name).unwrap_or(name);
                    if !keys.insert(key) {
                        return Err(DataError::config("source.key", key, "a different text for each field"));
                    }
                }
                Ok(())
            }
        }
    }
}

impl SourceConfig {
    /// Checks that the source can deliver a column that is perhaps no field.
    pub(super) fn validate_column(&self, column: &str, fields: &[FieldConfig]) -> Result<(), DataError> {
        let expected = |known: &str| DataError::config("split.column", column, known);
        match self {
            Self::CriteoTsv(_) if !CriteoConfig::columns().iter().any(|name| name == column) => {
                Err(expected(&format!("one of {}", CriteoConfig::columns().join(", "))))
            }
            Self::Libsvm(libsvm) => {
                let (index, last) = libsvm.bounds(column).unwrap_or((1, 0));
                if index != last {
                    return Err(expected("a column with a single index in `source.index`, or an index"));
                }
                // A token belongs to one column: another that has the same index would never see it.
                for name in fields.iter().flat_map(FieldConfig::names).filter(|name| *name != column) {
                    let (first, last) = libsvm.bounds(name)?;
                    if (first..=last).contains(&index) {
                        return Err(expected(&format!("an index outside {:?} of the field `{name}`", (first, last))));
                    }
                }
                Ok(())
            }
            Self::Libfm(libfm) => {
                let key = |name: &str| libfm.key.get(name).map_or_else(|| name.to_owned(), Clone::clone);
                let mut others = fields.iter().flat_map(FieldConfig::names).filter(|name| *name != column);
                match others.find(|name| key(name) == key(column)) {
                    Some(name) => Err(expected(&format!("a text other than {:?} of the field `{name}`", key(name)))),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }
}

fn offered<'a>(names: impl Iterator<Item = &'a String>, columns: &[String]) -> Result<(), DataError> {
    for name in names {
        if !columns.contains(name) {
            return Err(DataError::config("fields.name", name, format!("one of {}", columns.join(", "))));
        }
    }
    Ok(())
}

fn ranges(libsvm: &LibsvmConfig, fields: &[FieldConfig]) -> Result<(), DataError> {
    let mut taken: Vec<(u64, u64)> = Vec::new();
    for field in fields {
        for name in field.names() {
            let (first, last) = libsvm.bounds(name)?;
            let key = format!("source.index.{name}");
            if first > last {
                return Err(DataError::config(key, (first, last), "[first, last] with first ≤ last"));
            }
            if first != last && matches!(field, FieldConfig::Numeric(_)) {
                return Err(DataError::config(key, (first, last), "a single index: the field is numeric"));
            }
            if let Some(other) = taken.iter().find(|other| first <= other.1 && other.0 <= last) {
                return Err(DataError::config(
                    key,
                    (first, last),
                    format!("indices outside {other:?} of another field"),
                ));
            }
            taken.push((first, last));
        }
    }
    Ok(())
}
