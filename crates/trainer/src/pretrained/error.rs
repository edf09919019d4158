//! What keeps a file of rows from being used.
use std::path::PathBuf;

use ctr_data::DataError;

use crate::repro::FileError;

/// A file of rows that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PretrainedError {
    /// The encoder of the data cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// It cannot be read.
    #[error(
        "pretrained rows of the table `{table}`: cannot read `{path}`: {cause}; check `embedding.pretrained` of its fields"
    )]
    Read {
        /// The table.
        table: String,
        /// The file.
        path: PathBuf,
        /// What went wrong.
        cause: String,
    },
    /// It has changed since the plan was made.
    #[error(
        "pretrained rows of the table `{table}`: the BLAKE3 digest of `{path}` is {found}, `embedding.pretrained.blake3` is {expected}; give the \
         content that the run was planned with, or begin a new run without the digest"
    )]
    Digest {
        /// The table.
        table: String,
        /// The file.
        path: PathBuf,
        /// The digest of its content.
        found: String,
        /// That of the plan.
        expected: String,
    },
    /// It cannot be looked at.
    #[error(transparent)]
    File(#[from] FileError),
    /// A line or row is not a value and the numbers of its row.
    #[error("`{path}`, {place}: found {found}, expected {expected}; correct it, or the width of the table `{table}`")]
    Entry {
        /// The table.
        table: String,
        /// The file.
        path: PathBuf,
        /// The line or row, from 1.
        place: String,
        /// What stands there.
        found: String,
        /// What was expected.
        expected: String,
    },
    /// No value of the file is one of the table's.
    #[error(
        "`{path}`: none of its {entries} values is in the vocabulary of the table `{table}`; check that the file belongs to this field"
    )]
    Foreign {
        /// The table.
        table: String,
        /// The file.
        path: PathBuf,
        /// Its lines or rows.
        entries: usize,
    },
}
