//! Predictions of one model on one file: in memory, and as files that other tools can read.
//!
//! # Format
//!
//! A Parquet file with the columns
//!
//! | column | type | meaning |
//! |---|---|---|
//! | `row` | `INT64` | number of the row in the data file, from 0, increasing |
//! | `label` | `FLOAT`, nullable | 0 or 1; null in every row when the labels are not known |
//! | `logit` | `FLOAT` | the model's output, finite |
//! | `probability` | `FLOAT` | [`probability`] of the logit |
//!
//! and the key-value metadata `ctr.format`, `ctr.run_id`, `ctr.dataset_digest`, `ctr.split`, `ctr.model_digest`,
//! `ctr.prediction_digest` ([`Predictions::digest`]) and `ctr.checksum` (of values and metadata, verified by the
//! reader). [`read`] also takes Parquet without that metadata and CSV files with a header and the same columns, so the
//! predictions of any other program can be compared; further columns are ignored.

mod csv_reader;
mod error;
mod parquet_reader;
mod parquet_writer;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::metric::probability;
use crate::repro::FileError;

pub use error::PredictionsError;
pub use parquet_writer::write;

/// Version of the Parquet form; a reader refuses later ones.
pub const FORMAT: u32 = 1;

/// Predictions of one model, N rows in increasing order of their row number; checked when made.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictions {
    rows: Vec<u64>,
    labels: Option<Vec<f32>>,
    logits: Vec<f32>,
    probabilities: Vec<f32>,
}

impl Predictions {
    /// Predictions from logits \[N\]: probabilities are [`probability`] of each.
    ///
    /// `labels` is `None` when they are not known.
    ///
    /// # Errors
    /// Different lengths, row numbers that do not increase, a label other than 0 and 1, a logit that is NaN or
    /// infinite.
    pub fn from_logits(rows: Vec<u64>, labels: Option<Vec<f32>>, logits: Vec<f32>) -> Result<Self, PredictionsError> {
        let probabilities = logits.iter().map(|&logit| probability(logit)).collect();
        Self::checked(rows, labels, logits, probabilities, |position| format!("prediction {position}"))
    }

    /// Predictions of all rows of a file in their order: row numbers 0 to N − 1. See
    /// [`from_logits`](Self::from_logits).
    ///
    /// # Errors
    /// As [`from_logits`](Self::from_logits).
    pub fn of_whole_file(labels: Option<Vec<f32>>, logits: Vec<f32>) -> Result<Self, PredictionsError> {
        Self::from_logits((0..logits.len() as u64).collect(), labels, logits)
    }

    /// Checks every column; `place` says where a position stands for the user.
    fn checked(
        rows: Vec<u64>,
        labels: Option<Vec<f32>>,
        logits: Vec<f32>,
        probabilities: Vec<f32>,
        place: impl Fn(usize) -> String,
    ) -> Result<Self, PredictionsError> {
        let label_count = labels.as_ref().map_or(rows.len(), Vec::len);
        for (column, values) in [("label", label_count), ("logit", logits.len()), ("probability", probabilities.len())]
        {
            if values != rows.len() {
                return Err(PredictionsError::Length { column, rows: rows.len(), values });
            }
        }
        if let Some(position) = rows.windows(2).position(|pair| pair[0] >= pair[1]) {
            let (row, previous) = (rows[position + 1], rows[position]);
            return Err(PredictionsError::RowOrder { place: place(position + 1), row, previous });
        }
        let column =
            |column, values: &[f32], expected, good: fn(f32) -> bool| match values.iter().position(|&v| !good(v)) {
                None => Ok(()),
                Some(position) => {
                    let (place, value) = (place(position), values[position].to_string());
                    Err(PredictionsError::Value { place, column, value, expected })
                }
            };
        column("label", labels.as_deref().unwrap_or_default(), "0 or 1", |label| label == 0.0 || label == 1.0)?;
        column("logit", &logits, "a finite number", f32::is_finite)?;
        column("probability", &probabilities, "a number from 0 to 1", |p| (0.0..=1.0).contains(&p))?;
        Ok(Self { rows, labels, logits, probabilities })
    }

    /// Number of predictions, N.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Row numbers in the data file, increasing.
    #[must_use]
    pub fn rows(&self) -> &[u64] {
        &self.rows
    }

    /// Labels, 0 or 1; `None` when they are not known.
    #[must_use]
    pub fn labels(&self) -> Option<&[f32]> {
        self.labels.as_deref()
    }

    /// Logits.
    #[must_use]
    pub fn logits(&self) -> &[f32] {
        &self.logits
    }

    /// Probabilities.
    #[must_use]
    pub fn probabilities(&self) -> &[f32] {
        &self.probabilities
    }

    /// BLAKE3, in hexadecimal, of the logits: their `f32` bits in little-endian bytes, in row order, nothing else.
    ///
    /// Two runs with equal digests predicted the same, bit for bit; the probabilities are a function of the logits.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        update_with_floats(&mut hasher, &self.logits);
        hasher.finalize().to_hex().to_string()
    }

    /// BLAKE3, in hexadecimal, of everything: N and the row numbers (`u64`), one byte 1 or 0 for labels known or not,
    /// then labels, logits and probabilities (`f32` bits); all little-endian.
    #[must_use]
    pub fn checksum(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&(self.rows.len() as u64).to_le_bytes());
        for chunk in self.rows.chunks(CHUNK) {
            let bytes: Vec<u8> = chunk.iter().flat_map(|row| row.to_le_bytes()).collect();
            hasher.update(&bytes);
        }
        hasher.update(&[u8::from(self.labels.is_some())]);
        for column in [self.labels().unwrap_or_default(), &self.logits, &self.probabilities] {
            update_with_floats(&mut hasher, column);
        }
        hasher.finalize().to_hex().to_string()
    }

    /// Checks that `other` predicts the same rows with the same labels, where both know them.
    ///
    /// # Errors
    /// [`PredictionsError::DifferentRows`], naming the first difference.
    pub fn require_same_rows(&self, other: &Self) -> Result<(), PredictionsError> {
        let different = |reason| Err(PredictionsError::DifferentRows { reason });
        if self.len() != other.len() {
            return different(format!("{} against {}", self.len(), other.len()));
        }
        if let Some(position) = self.rows.iter().zip(&other.rows).position(|(a, b)| a != b) {
            let (a, b) = (self.rows[position], other.rows[position]);
            return different(format!("prediction {position} is of row {a} in one and of row {b} in the other"));
        }
        if let (Some(a), Some(b)) = (self.labels(), other.labels())
            && let Some(position) = a.iter().zip(b).position(|(a, b)| a != b)
        {
            let (row, a, b) = (self.rows[position], a[position], b[position]);
            return different(format!("the label of row {row} is {a} in one and {b} in the other"));
        }
        Ok(())
    }
}

/// Labels of a file: known for every row, or for none.
fn all_or_none(
    labels: Vec<Option<f32>>,
    place: impl Fn(usize) -> String,
) -> Result<Option<Vec<f32>>, PredictionsError> {
    let Some(first) = labels.first() else { return Ok(Some(Vec::new())) };
    let known = first.is_some();
    match labels.iter().position(|label| label.is_some() != known) {
        Some(position) => Err(PredictionsError::SomeLabels { place: place(position) }),
        None => Ok(labels.into_iter().collect()),
    }
}

/// Values hashed or decoded at a time.
const CHUNK: usize = 1 << 16;

fn update_with_floats(hasher: &mut blake3::Hasher, values: &[f32]) {
    for chunk in values.chunks(CHUNK) {
        let bytes: Vec<u8> = chunk.iter().flat_map(|value| value.to_le_bytes()).collect();
        hasher.update(&bytes);
    }
}

/// The value of `ctr.checksum`: BLAKE3, in hexadecimal, of [`Predictions::checksum`] and of each string of the metadata
/// with its length before it (`u64`, little-endian).
fn file_checksum(predictions: &Predictions, metadata: &PredictionMetadata) -> String {
    let PredictionMetadata { run_id, dataset_digest, split, model_digest } = metadata;
    let mut hasher = blake3::Hasher::new();
    for text in [&predictions.checksum(), run_id, dataset_digest, split, model_digest] {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

/// Where predictions come from, stored beside them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PredictionMetadata {
    /// The run that trained the model.
    pub run_id: String,
    /// Digest of the data set.
    pub dataset_digest: String,
    /// The split or file predicted.
    pub split: String,
    /// Digest of the model's parameters.
    pub model_digest: String,
}

/// What a file of predictions holds.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictionFile {
    /// The predictions.
    pub predictions: Predictions,
    /// Where they come from; `None` in files of other programs and in CSV.
    pub metadata: Option<PredictionMetadata>,
}

/// Reads predictions from a Parquet file (told by its first four bytes, whatever its name) or from CSV.
///
/// # Errors
/// A file that cannot be read, is truncated or damaged, lacks a column, has one of another type, or holds a value no
/// prediction can have; the message names the file, the place, the column and the value.
pub fn read(path: &Path) -> Result<PredictionFile, PredictionsError> {
    let failed = |cause| FileError::read(path, cause);
    let mut file = File::open(path).map_err(failed)?;
    let mut start = Vec::with_capacity(4);
    file.by_ref().take(4).read_to_end(&mut start).map_err(failed)?;
    let named_parquet = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"));
    if named_parquet || start == b"PAR1" {
        parquet_reader::read(path, file)
    } else {
        csv_reader::read(path).map(|predictions| PredictionFile { predictions, metadata: None })
    }
}

#[cfg(test)]
mod tests;
