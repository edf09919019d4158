//! The folder of a run: everything that is needed to understand, resume and use it.
//!
//! ```text
//! config.toml            the plan, every default written out, the dataset config inside
//! run.json               seeds, digests, machine, versions, metrics, wall time
//! metrics.jsonl          one line for each event of the run
//! encoder/               the vocabularies and statistics that turn a raw file into ids
//! checkpoints/           see [`checkpoint`](crate::checkpoint)
//! predictions/test.parquet
//! ```
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::{ConfigError, Overrides, Plan};
use crate::metric::ClassificationMetrics;
use crate::repro::{Environment, FileError, digest_file, write_atomic};

/// Version of `run.json`.
const VERSION: u32 = 1;

/// A run's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
}

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

/// The contents of `run.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Version of the format.
    pub version: u32,
    /// Name of the run.
    pub name: String,
    /// How far it came.
    pub status: RunStatus,
    /// Backend and device.
    pub device: String,
    /// Compute threads.
    pub threads: usize,
    /// The seed of each stream.
    pub seeds: std::collections::BTreeMap<String, u64>,
    /// Fingerprint of the plan.
    pub plan: String,
    /// Name of the dataset.
    pub dataset: String,
    /// Digest of the encoded data.
    pub dataset_digest: String,
    /// BLAKE3 of the encoder in the folder, in hexadecimal.
    pub encoder_digest: String,
    /// Trainable numbers, tables included.
    pub parameters: usize,
    /// What came out; absent until the run is finished.
    pub result: Option<RunResult>,
    /// Where and by what it was computed.
    pub environment: Environment,
}

/// How far a run came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Started.
    Running,
    /// Stopped by a signal; `ctr resume` goes on.
    Interrupted,
    /// Ended by an error; `ctr resume` goes on from the last checkpoint.
    Failed,
    /// Done.
    Finished,
}

/// What came out of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// Epochs trained.
    pub epochs: usize,
    /// Steps trained.
    pub steps: u64,
    /// The epoch of the best validation, counted from 1.
    pub best_epoch: usize,
    /// Metrics of the best checkpoint on the validation split.
    pub valid: ClassificationMetrics,
    /// Metrics of the best checkpoint on the test split.
    pub test: ClassificationMetrics,
    /// What the true click probabilities would score on the test split, for synthetic data.
    pub bayes: Option<BayesMetrics>,
    /// Digest of all parameters of the best checkpoint.
    pub parameter_digest: String,
    /// Digest of the test predictions.
    pub prediction_digest: String,
    /// Wall time of training and validation of this process, in seconds.
    pub train_seconds: f64,
    /// Wall time of this process, in seconds.
    pub wall_seconds: f64,
}

/// What the true click probabilities score: no model can do better but by chance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BayesMetrics {
    /// AUC of the true probabilities.
    pub auc: Option<f64>,
    /// Log loss of the true probabilities, in nats.
    pub log_loss: f64,
}

impl RunRecord {
    /// The version that this program writes.
    #[must_use]
    pub fn current_version() -> u32 {
        VERSION
    }
}

impl RunFolder {
    /// Makes the folder of a new run: the one that was asked for, or the first unused `runs/NAME-001`, `runs/NAME-002`, ….
    ///
    /// # Errors
    /// When it has contents already, or cannot be made.
    pub fn create(asked: Option<&Path>, name: &str) -> Result<Self, RunFolderError> {
        let path = match asked {
            Some(path) => path.to_owned(),
            None => new_folder(Path::new("runs"), name)?,
        };
        fs::create_dir_all(&path).map_err(|source| RunFolderError::Create { path: path.clone(), source })?;
        let mut entries =
            fs::read_dir(&path).map_err(|source| RunFolderError::Create { path: path.clone(), source })?;
        if entries.next().is_some() {
            return Err(RunFolderError::NotEmpty { path });
        }
        Ok(Self { path })
    }

    /// The folder of a run that exists.
    ///
    /// # Errors
    /// When it has no `config.toml` or no `run.json`.
    pub fn open(path: &Path) -> Result<Self, RunFolderError> {
        let folder = Self { path: path.to_owned() };
        for (file, missing) in [(folder.config_path(), "config.toml"), (folder.record_path(), "run.json")] {
            if !file.exists() {
                return Err(RunFolderError::NotARun { path: path.to_owned(), missing });
            }
        }
        Ok(folder)
    }

    /// Keeps other processes from training in the folder for as long as the returned file lives.
    ///
    /// # Errors
    /// When another process does.
    pub fn lock(&self) -> Result<File, RunFolderError> {
        let path = self.path.join(".lock");
        let failed = |source| RunFolderError::Create { path: path.clone(), source };
        let file = File::options().create(true).append(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(RunFolderError::InUse { path: self.path.clone() }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// The digest of the encoder.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn encoder_digest(&self) -> Result<String, RunFolderError> {
        Ok(digest_file(&self.encoder_file())?.to_string())
    }

    /// Makes sure that the encoder is the one of the record.
    ///
    /// # Errors
    /// When it is another one, or cannot be read.
    pub fn check_encoder(&self, record: &RunRecord) -> Result<(), RunFolderError> {
        let (path, found, expected) = (self.encoder_file(), self.encoder_digest()?, record.encoder_digest.clone());
        if found == expected { Ok(()) } else { Err(RunFolderError::Encoder { path, found, expected }) }
    }

    fn encoder_file(&self) -> PathBuf {
        self.encoder_path().join("encoder.bin")
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn config_path(&self) -> PathBuf {
        self.path.join("config.toml")
    }

    fn record_path(&self) -> PathBuf {
        self.path.join("run.json")
    }

    /// `metrics.jsonl`.
    #[must_use]
    pub fn metrics_path(&self) -> PathBuf {
        self.path.join("metrics.jsonl")
    }

    /// `encoder/`.
    #[must_use]
    pub fn encoder_path(&self) -> PathBuf {
        self.path.join("encoder")
    }

    /// `checkpoints/`.
    #[must_use]
    pub fn checkpoints_path(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// Makes a folder in the run's.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn make_subfolder(&self, name: &str) -> Result<PathBuf, RunFolderError> {
        let path = self.path.join(name);
        match fs::create_dir_all(&path) {
            Ok(()) => Ok(path),
            Err(source) => Err(RunFolderError::Create { path, source }),
        }
    }

    /// `predictions/SPLIT.parquet`.
    #[must_use]
    pub fn predictions_path(&self, split: &str) -> PathBuf {
        self.path.join("predictions").join(format!("{split}.parquet"))
    }

    /// Writes the plan.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_plan(&self, plan: &Plan) -> Result<(), RunFolderError> {
        Ok(write_atomic(&self.config_path(), plan.to_toml()?.as_bytes())?)
    }

    /// Reads the plan back.
    ///
    /// # Errors
    /// When the file cannot be read as a config.
    pub fn plan(&self, overrides: &Overrides) -> Result<Plan, RunFolderError> {
        Ok(Plan::load(&self.config_path(), overrides)?)
    }

    /// Writes the record.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_record(&self, record: &RunRecord) -> Result<(), RunFolderError> {
        let path = self.record_path();
        let mut text = serde_json::to_vec_pretty(record)
            .map_err(|error| RunFolderError::Record { path: path.clone(), reason: error.to_string() })?;
        text.push(b'\n');
        Ok(write_atomic(&path, &text)?)
    }

    /// Reads the record.
    ///
    /// # Errors
    /// When the file cannot be read as one, or is of another version.
    pub fn record(&self) -> Result<RunRecord, RunFolderError> {
        let path = self.record_path();
        let failed = |reason: String| RunFolderError::Record { path: path.clone(), reason };
        let bytes = fs::read(&path).map_err(|error| failed(error.to_string()))?;
        let record: RunRecord = serde_json::from_slice(&bytes).map_err(|error| failed(error.to_string()))?;
        if record.version != VERSION {
            return Err(failed(format!("its version is {}, this program reads version {VERSION}", record.version)));
        }
        Ok(record)
    }
}

/// Makes the first folder of the series that is not there yet; of two processes that try at once, each gets its own.
fn new_folder(parent: &Path, name: &str) -> Result<PathBuf, RunFolderError> {
    fs::create_dir_all(parent).map_err(|source| RunFolderError::Create { path: parent.to_owned(), source })?;
    for path in (1..100_000).map(|number| parent.join(format!("{name}-{number:03}"))) {
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(source) => return Err(RunFolderError::Create { path, source }),
        }
    }
    Err(RunFolderError::NotEmpty { path: parent.join(name) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_contents_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(RunFolder::create(Some(&folder.path().join("new/run")), "x").is_ok());
        fs::write(folder.path().join("file"), "x").unwrap();
        let error = RunFolder::create(Some(folder.path()), "x").unwrap_err().to_string();
        assert!(error.contains("not empty") && error.contains("--run-dir"), "{error}");
    }

    #[test]
    fn a_folder_that_is_no_run_is_named_with_what_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let error = RunFolder::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains("config.toml is missing"), "{error}");
    }

    #[test]
    fn the_first_unused_number_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a-001")).unwrap();
        assert_eq!(new_folder(folder.path(), "a").unwrap(), folder.path().join("a-002"));
        assert_eq!(new_folder(folder.path(), "a").unwrap(), folder.path().join("a-003"));
    }

    #[test]
    fn a_folder_in_use_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::create(Some(folder.path()), "x").unwrap();
        let held = run.lock().unwrap();
        assert!(run.lock().unwrap_err().to_string().contains("another process"));
        drop(held);
        assert!(run.lock().is_ok());
    }
}
