//! What can be wrong with a run's folder.
use std::io;
use std::path::PathBuf;

use crate::config::ConfigError;
use crate::repro::FileError;

/// A folder that is no run, or cannot become one.
#[derive(Debug, thiserror::Error)]
pub enum RunFolderError {
    /// The folder is in use.
    #[error("{path}: the folder is not empty; choose another `--run-dir`, or `ctr resume` the run in it")]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The folder cannot be made.
    #[error("{path}: cannot create the run folder: {source}")]
    Create {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Another process works in the folder.
    #[error(
        "{path}: another process is training in this folder; wait for it, or stop it, or choose another `--run-dir`"
    )]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// The encoder is not the one that the run was trained with.
    #[error(
        "{path}: its BLAKE3 digest is {found}, run.json says {expected}; restore the file from a copy, or train again"
    )]
    Encoder {
        /// The file.
        path: PathBuf,
        /// The digest of the file.
        found: String,
        /// The digest in the record.
        expected: String,
    },
    /// The folder is not a run's.
    #[error("{path}: not a run folder: the file {missing} is missing; expected a folder that `ctr train` wrote")]
    NotARun {
        /// The folder.
        path: PathBuf,
        /// What a run would have.
        missing: &'static str,
    },
    /// `run.json` is not what it should be.
    #[error("{path}: cannot be read as the record of a run: {reason}")]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// `config.toml` could not be read or written.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A file could not be written.
    #[error(transparent)]
    File(#[from] FileError),
}
