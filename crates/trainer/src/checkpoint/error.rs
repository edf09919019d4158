//! What can be wrong with a checkpoint.
use std::io;
use std::path::{Path, PathBuf};

use ctr_model::embedding::TableError;
use ctr_model::parameters::ParameterError;

use crate::repro::FileError;

/// A checkpoint that could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// A file could not be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A folder could not be made, renamed or removed.
    #[error(
        "{path}: cannot write the checkpoint: {source}; free some space or check the folder's permissions, then `ctr resume` the run"
    )]
    Write {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file could not be read.
    #[error("{path}: cannot read the checkpoint: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// There is no such checkpoint.
    #[error(
        "{path}: this run has no `{which}` checkpoint yet; expected one in the file index.json, which the first finished epoch writes"
    )]
    None {
        /// The folder of the checkpoints.
        path: PathBuf,
        /// `best` or `last`.
        which: &'static str,
    },
    /// A file is not what its format says.
    #[error("{path}: not a checkpoint file of this program: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A file was made by another version.
    #[error("{path}: format version {found}, this program reads version {expected}; use the program that wrote it")]
    Version {
        /// The file.
        path: PathBuf,
        /// The version in the file.
        found: u32,
        /// The version this program knows.
        expected: u32,
    },
    /// A file has changed since it was written.
    #[error(
        "{path}: damaged: {what} is {found}, the manifest says {expected}; restore the file from a copy, or go on from an older checkpoint with `ctr resume RUN --from NAME`"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What differs.
        what: &'static str,
        /// What it is.
        found: String,
        /// What it was when it was written.
        expected: String,
    },
    /// A tensor is missing.
    #[error("the checkpoint has no tensor `{name}`; it belongs to another model configuration")]
    Absent {
        /// The tensor.
        name: String,
    },
    /// A parameter does not fit the model.
    #[error("the checkpoint does not fit the model: {0}; it belongs to another model configuration")]
    Parameter(#[from] ParameterError),
    /// A table does not fit the model.
    #[error("the checkpoint does not fit the model: {0}; it belongs to another model configuration")]
    Table(#[from] TableError),
    /// The checkpoint belongs to another run.
    #[error(
        "{path}: the {what} is {found}, this run's is {expected}; resume with the configuration and data of the run"
    )]
    Foreign {
        /// The manifest.
        path: PathBuf,
        /// What differs.
        what: &'static str,
        /// What the checkpoint was made with.
        found: String,
        /// What the run has.
        expected: String,
    },
    /// A number of the state is not finite.
    #[error(
        "the tensor `{name}` has the value {value} (element {element}) after step {steps}: training diverged, and this state is not kept. The \
         checkpoints before it are. Lower `optimizer.learning_rate`, set `training.gradient_clip_norm`, or look for outliers in the numeric \
         fields"
    )]
    NotFinite {
        /// The tensor.
        name: String,
        /// Which of its elements, in row-major order.
        element: usize,
        /// What it is.
        value: f32,
        /// Steps done.
        steps: u64,
    },
    /// No thread could be started.
    #[error(
        "cannot start the thread that writes checkpoints: {source}; set `checkpoint.asynchronous = false` and `ctr resume` the run"
    )]
    Thread {
        /// The system's reason.
        source: io::Error,
    },
    /// The thread that writes checkpoints ended without an answer.
    #[error(
        "the thread that wrote the checkpoint of step {steps} ended without an answer; the checkpoint before it is whole: `ctr resume` the run, and \
         report this"
    )]
    Writer {
        /// Steps done.
        steps: u64,
    },
}

impl CheckpointError {
    pub(super) fn malformed(path: &Path, reason: impl Into<String>) -> Self {
        Self::Malformed { path: path.to_owned(), reason: reason.into() }
    }
}
