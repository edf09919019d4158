//! What can go wrong with a study.
use std::io;
use std::path::PathBuf;

use ctr_data::DataError;

use crate::config::ConfigError;
use crate::device::DeviceError;
use crate::learner::LearnerError;
use crate::metric::MetricError;
use crate::predictions::PredictionsError;
use crate::repro::FileError;
use crate::run_folder::RunFolderError;

/// Why a study cannot go on, or not begin.
#[derive(Debug, thiserror::Error)]
pub enum AblationError {
    /// The study file cannot be read.
    #[error("{}: cannot read the study: {cause}; check the path and its permissions", path.display())]
    Read {
        /// The study file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The study file is no study.
    #[error("{}:{place}: {reason}", path.display())]
    Syntax {
        /// The study file.
        path: PathBuf,
        /// Line and column.
        place: String,
        /// What was expected.
        reason: String,
    },
    /// A value out of its range, or one that contradicts another.
    #[error("{}: `{key}` is {value}; expected {expected}", path.display())]
    Invalid {
        /// The study file.
        path: PathBuf,
        /// The key.
        key: String,
        /// Its value.
        value: String,
        /// What would do.
        expected: String,
    },
    /// A setting whose run config is refused.
    #[error("setting `{setting}`: {cause}")]
    Setting {
        /// The setting.
        setting: String,
        /// What is wrong with it.
        cause: Box<ConfigError>,
    },
    /// A run folder that belongs to another study.
    #[error(
        "{}: this run was trained from another plan than `{run}` of the study; choose another `--out`, or remove the folder", path.display()
    )]
    OtherPlan {
        /// The run folder.
        path: PathBuf,
        /// The run.
        run: String,
    },
    /// A folder or file of the study could not be made, read or removed.
    #[error("{}: {what}: {cause}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// What the system said.
        cause: io::Error,
    },
    /// A file of results that cannot be read back.
    #[error("{}: cannot be read: {reason}; remove the run's folder to train it again", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The user asked to stop.
    #[error("interrupted; the runs' states are saved: the same command goes on")]
    Interrupted,
    /// A run's config could not be written.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A run folder is damaged.
    #[error(transparent)]
    RunFolder(#[from] RunFolderError),
    /// Predictions are damaged.
    #[error(transparent)]
    Predictions(#[from] PredictionsError),
    /// A metric cannot be computed.
    #[error(transparent)]
    Metric(#[from] MetricError),
    /// The data cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The device is not there.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A setting that cannot be trained.
    #[error(transparent)]
    Learner(#[from] LearnerError),
    /// A file could not be written.
    #[error(transparent)]
    File(#[from] FileError),
}

impl AblationError {
    pub(super) fn io(path: impl Into<PathBuf>, what: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |cause| Self::Io { path, what, cause }
    }
}
