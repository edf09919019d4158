//! The folder of a run: everything that is needed to understand, resume and use it.
//!
//! ```text
//! config.toml            the plan, every default written out, the dataset config inside
//! run.json               seeds, digests, machine, versions, metrics, wall time
//! metrics.jsonl          one line for each event of the run
//! rows.jsonl             the rows of each step, on request
//! tensorboard/           event files, on request
//! encoder/               the vocabularies and statistics that turn a raw file into ids
//! checkpoints/           see [`checkpoint`](crate::checkpoint)
//! predictions/test.parquet
//! ```
mod error;
mod record;

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

pub use error::RunFolderError;
pub use record::{BayesMetrics, RunRecord, RunResult, RunStatus};

use crate::config::{Overrides, Plan};
use crate::repro::{digest_file, write_atomic};

/// A run's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
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

    /// The folder of a run that exists and was begun; none where a run may begin in the folder: it is absent, empty, or holds only what a
    /// process leaves that ended before its run had begun.
    ///
    /// # Errors
    /// When it holds anything else.
    pub fn adopt(path: &Path) -> Result<Option<Self>, RunFolderError> {
        if path.join("run.json").exists() {
            return Self::open(path).map(Some);
        }
        let entries = match fs::read_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(|source| RunFolderError::Create { path: path.to_owned(), source })?,
        };
        for entry in entries {
            let entry = entry.map_err(|source| RunFolderError::Create { path: path.to_owned(), source })?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !BEFORE_THE_RUN.contains(&name.as_str()) && !is_temporary(&name) {
                return Err(RunFolderError::NotEmpty { path: path.to_owned() });
            }
        }
        Ok(None)
    }

    /// Makes the folder of a new run where [`adopt`](Self::adopt) found none.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create_in_place(path: &Path) -> Result<Self, RunFolderError> {
        fs::create_dir_all(path).map_err(|source| RunFolderError::Create { path: path.to_owned(), source })?;
        let folder = Self { path: path.to_owned() };
        folder.remove_temporary_files()?;
        for path in [folder.metrics_path(), folder.ledger_path()] {
            if path.exists() {
                fs::remove_file(&path).map_err(|source| RunFolderError::Create { path: path.clone(), source })?;
            }
        }
        Ok(folder)
    }

    /// Removes the temporary files that a killed process left.
    ///
    /// # Errors
    /// When one cannot be removed.
    pub fn remove_temporary_files(&self) -> Result<(), RunFolderError> {
        for folder in [self.path.clone(), self.checkpoints_path(), self.encoder_path(), self.path.join("predictions")] {
            let Ok(entries) = fs::read_dir(&folder) else { continue };
            for entry in entries.flatten().filter(|entry| is_temporary(&entry.file_name().to_string_lossy())) {
                fs::remove_file(entry.path())
                    .map_err(|source| RunFolderError::Create { path: entry.path(), source })?;
            }
        }
        Ok(())
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

    /// `rows.jsonl`.
    #[must_use]
    pub fn ledger_path(&self) -> PathBuf {
        self.path.join("rows.jsonl")
    }

    /// `tensorboard/`.
    #[must_use]
    pub fn tensorboard_path(&self) -> PathBuf {
        self.path.join("tensorboard")
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
        if record.version != RunRecord::current_version() {
            return Err(failed(format!(
                "its version is {}, this program reads version {}",
                record.version,
                RunRecord::current_version()
            )));
        }
        Ok(record)
    }
}

/// What a run's folder holds before `run.json` is there.
const BEFORE_THE_RUN: [&str; 6] = [".lock", "metrics.jsonl", "rows.jsonl", "config.toml", "encoder", "tensorboard"];

/// Whether a file is one that [`write_atomic`] had not renamed yet.
fn is_temporary(name: &str) -> bool {
    name.starts_with(".tmp")
        || (name.starts_with('.') && Path::new(name).extension().is_some_and(|extension| extension == "tmp"))
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
