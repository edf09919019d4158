//! What can go wrong with a file of predictions.

use std::path::PathBuf;

use thiserror::Error;

use crate::repro::FileError;

/// Why predictions could not be made, read or written. Rows and positions are counted from 0, lines from 1.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PredictionsError {
    /// Columns of different length.
    #[error("{rows} row numbers but {values} values of `{column}`; expected one of each per row")]
    Length {
        /// The column.
        column: &'static str,
        /// How many rows.
        rows: usize,
        /// How many values.
        values: usize,
    },
    /// A value that no prediction can have.
    #[error("{place}: `{column}` is {value}, expected {expected}")]
    Value {
        /// Where it stands.
        place: String,
        /// The column.
        column: &'static str,
        /// What stands there.
        value: String,
        /// What may stand there.
        expected: &'static str,
    },
    /// Row numbers out of order.
    #[error("{place}: row {row} follows row {previous}; expected row numbers that increase, sort the file by `row`")]
    RowOrder {
        /// Where it stands.
        place: String,
        /// The row number.
        row: u64,
        /// The one before it.
        previous: u64,
    },
    /// Labels for some rows only.
    #[error("{place}: a label is missing where other rows have one; expected a label for every row or for none")]
    SomeLabels {
        /// Where the first row of the other kind stands.
        place: String,
    },
    /// The file could not be read or written; one being replaced still stands.
    #[error(transparent)]
    File(#[from] FileError),
    /// The predictions do not fit the format.
    #[error("cannot write the predictions {}: {reason}", path.display())]
    Encode {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// Not a file this program can decode.
    #[error("{} is not a readable file of predictions: {reason}; it may be truncated, damaged or compressed otherwise than with Snappy; write it again with `ctr predict`", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        reason: String,
    },
    /// A column that must be there and is not.
    #[error("{}: column `{column}` is missing, found {found}; expected row, label, logit and probability", path.display())]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        column: &'static str,
        /// The columns there are.
        found: String,
    },
    /// A column of another type.
    #[error("{}: column `{column}` is {found}, expected {expected}; convert it when writing the file", path.display())]
    ColumnType {
        /// The file.
        path: PathBuf,
        /// The column.
        column: &'static str,
        /// Its type.
        found: String,
        /// The type it must have.
        expected: &'static str,
    },
    /// A file of a later version of the format.
    #[error("{}: predictions of format {found}, this program reads format {known}; use a newer `ctr`", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: String,
        /// The format read here.
        known: u32,
    },
    /// The contents do not have the checksum stored with them.
    #[error("{}: the contents have checksum {actual}, the file says {stored}; it was damaged or changed, write it again with `ctr predict`", path.display())]
    Checksum {
        /// The file.
        path: PathBuf,
        /// What the file says.
        stored: String,
        /// What the contents have.
        actual: String,
    },
    /// Two sets of predictions that are not of the same rows.
    #[error("the predictions are not of the same rows: {reason}; compare predictions of the same file and split")]
    DifferentRows {
        /// The first difference.
        reason: String,
    },
}
