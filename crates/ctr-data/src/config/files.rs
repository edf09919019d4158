//! The raw files, the division of their rows, and what becomes of bad ones.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::DataError;
use crate::split::Split;

/// The raw files: `train`, `valid` and `test`, or `all` with a `[split]` table that divides the rows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilesConfig {
    /// The training rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train: Option<FileList>,
    /// The validation rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid: Option<FileList>,
    /// The test rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<FileList>,
    /// Rows that `[split]` divides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all: Option<FileList>,
}

/// A path, a pattern, or a list of these: `"train.csv"`, `"day_*.tsv.gz"`, `["a.csv", "b/*.csv"]`.
///
/// Paths are relative to the data folder. An entry with `*`, `?` or `[` is a pattern (`**` for folders in folders); its files are taken in
/// the order of their paths. Files compressed with gzip or Zstandard are told by their first bytes, whatever they are called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FileList {
    /// One entry.
    One(PathBuf),
    /// Several, read in this order.
    Many(Vec<PathBuf>),
}

impl FileList {
    pub(crate) fn entries(&self) -> &[PathBuf] {
        match self {
            Self::One(entry) => std::slice::from_ref(entry),
            Self::Many(entries) => entries,
        }
    }

    pub(crate) fn is_pattern(entry: &std::path::Path) -> bool {
        entry.to_string_lossy().contains(['*', '?', '['])
    }
}

impl FilesConfig {
    /// The files of a split.
    #[must_use]
    pub const fn get(&self, split: Split) -> Option<&FileList> {
        match split {
            Split::Train => self.train.as_ref(),
            Split::Valid => self.valid.as_ref(),
            Split::Test => self.test.as_ref(),
        }
    }

    pub(super) fn validate(&self, rule: Option<&SplitRule>) -> Result<(), DataError> {
        for (key, list) in [("train", &self.train), ("valid", &self.valid), ("test", &self.test), ("all", &self.all)] {
            if list.as_ref().is_some_and(|list| list.entries().is_empty()) {
                let none: [&str; 0] = [];
                return Err(DataError::config(format!("files.{key}"), none, "at least one file"));
            }
        }
        let named = Split::ALL.into_iter().find(|split| self.get(*split).is_some());
        match (&self.all, named, rule) {
            (Some(_), Some(split), _) => {
                Err(DataError::config(format!("files.{split}"), self.get(split), "no such key beside `all`"))
            }
            (Some(all), None, None) => {
                Err(DataError::config("files.all", all, "a [split] table beside it that says how to divide the rows"))
            }
            (None, _, Some(rule)) => {
                Err(DataError::config("split.by", rule.name(), "the key `files.all`: named splits are not divided"))
            }
            (Some(_), None, Some(_)) => Ok(()),
            (None, _, None) => match Split::ALL.into_iter().find(|split| self.get(*split).is_none()) {
                None => Ok(()),
                Some(split) => Err(DataError::config(
                    "files",
                    format!("no `{split}`"),
                    "the keys `train`, `valid` and `test`, or `all` with a [split] table",
                )),
            },
        }
    }
}

/// How the rows of `files.all` are divided.
///
/// Shares are those of the validation and of the test rows; the rest is trained on. A row's draw is u/2⁶⁴, where u are the first eight
/// bytes (little-endian) of BLAKE3 of a message under a key; the key is BLAKE3's `derive_key` of the seed (u64, little-endian) in the context
/// `ctr-data split v1: BLAKE3 key of the seed, little-endian`. Rows whose draw lies below `test` are test rows, those below `test + valid`
/// validation rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub enum SplitRule {
    /// At random: the message is the file's number among `files.all` (u32, from 0) and the row's line (u64), little-endian.
    Ratio {
        /// Share of the validation rows.
        valid: f64,
        /// Share of the test rows.
        test: f64,
        /// Another seed is another division.
        #[serde(default)]
        seed: u64,
    },
    /// By a column, whose text is the message: rows with the same text, a user's say, stay together.
    Hash {
        /// The column; it need not be a field.
        column: String,
        /// Share of the validation rows' texts.
        valid: f64,
        /// Share of the test rows' texts.
        test: f64,
        /// Another seed is another division.
        #[serde(default)]
        seed: u64,
    },
    /// By a column of times: rows before `valid` are trained on, rows from `test` on are test rows, those between validation rows.
    Time {
        /// The column; it need not be a field.
        column: String,
        /// First time of the validation rows.
        valid: TimeBound,
        /// First time of the test rows.
        test: TimeBound,
    },
}

/// A time: a number, compared as a number, or a text, compared byte by byte (as `2024-05-01T00:00` can be).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum TimeBound {
    /// Seconds, days, or whatever the column counts.
    Number(f64),
    /// Times as texts of one fixed layout.
    Text(String),
}

impl SplitRule {
    /// The name in a configuration.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Ratio { .. } => "ratio",
            Self::Hash { .. } => "hash",
            Self::Time { .. } => "time",
        }
    }

    /// The column that it goes by.
    #[must_use]
    pub fn column(&self) -> Option<&str> {
        match self {
            Self::Ratio { .. } => None,
            Self::Hash { column, .. } | Self::Time { column, .. } => Some(column),
        }
    }

    pub(super) fn validate(&self, label: &str) -> Result<(), DataError> {
        if self.column() == Some(label) {
            return Err(DataError::config("split.column", label, "a column other than the label"));
        }
        match self {
            Self::Ratio { valid, test, .. } | Self::Hash { valid, test, .. } => {
                for (key, share) in [("split.valid", *valid), ("split.test", *test)] {
                    if !(share > 0.0 && share < 1.0) {
                        return Err(DataError::config(key, share, "a share between 0 and 1"));
                    }
                }
                if valid + test >= 1.0 {
                    return Err(DataError::config("split.test", test, "shares that leave something to train on"));
                }
                Ok(())
            }
            Self::Time { valid, test, .. } => {
                let ordered = match (valid, test) {
                    (TimeBound::Number(valid), TimeBound::Number(test)) => valid < test && test - valid < f64::INFINITY,
                    (TimeBound::Text(valid), TimeBound::Text(test)) => valid < test,
                    _ => false,
                };
                let expected = "a time after `split.valid`, both numbers or both texts";
                if ordered { Ok(()) } else { Err(DataError::config("split.test", test, expected)) }
            }
        }
    }
}

/// What becomes of rows that do not follow the format or the schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RowsConfig {
    /// `error`, `skip` or `quarantine`.
    pub bad: BadRowPolicy,
    /// With `bad = "quarantine"`: the file that the bad rows are written to. This crate does not resolve it, nor does it make its folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<PathBuf>,
    /// A line, or a record whose quoted fields hold line ends, of more bytes is a bad row.
    pub max_line_bytes: usize,
}

/// What a bad row does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BadRowPolicy {
    /// It ends the preparation with an error.
    #[default]
    Error,
    /// It is left out and counted.
    Skip,
    /// It is left out, counted, and written to a file.
    Quarantine,
}

impl Default for RowsConfig {
    fn default() -> Self {
        Self { bad: BadRowPolicy::Error, quarantine: None, max_line_bytes: Self::MAX_LINE_BYTES }
    }
}

impl RowsConfig {
    /// Default of `max_line_bytes`.
    pub const MAX_LINE_BYTES: usize = 16 << 20;

    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn validate(&self) -> Result<(), DataError> {
        if !(64..=1 << 30).contains(&self.max_line_bytes) {
            return Err(DataError::config("rows.max_line_bytes", self.max_line_bytes, "64 to 1073741824"));
        }
        match (self.bad, &self.quarantine) {
            (BadRowPolicy::Quarantine, None) => {
                Err(DataError::config("rows.quarantine", (), "the file that bad rows are written to"))
            }
            (BadRowPolicy::Error | BadRowPolicy::Skip, Some(file)) => {
                Err(DataError::config("rows.quarantine", file, "no such key without `bad = \"quarantine\"`"))
            }
            _ => Ok(()),
        }
    }
}
