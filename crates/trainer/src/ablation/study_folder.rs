//! The folder of a study.
use std::fs;
use std::path::{Path, PathBuf};

use super::{AblationError, Run};
use crate::repro::write_atomic;
use crate::run_folder::{RunFolder, RunRecord, RunStatus};

/// A study's folder; see the [module](super) for what is in it.
#[derive(Clone, Debug)]
pub struct StudyFolder {
    path: PathBuf,
}

impl StudyFolder {
    /// Makes the folder where it is not there yet.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(path: &Path) -> Result<Self, AblationError> {
        for folder in ["plans", "runs", "logs", "claims"] {
            let folder = path.join(folder);
            fs::create_dir_all(&folder).map_err(AblationError::io(folder, "cannot create the folder"))?;
        }
        Ok(Self { path: path.to_owned() })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file in the folder.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The folder of a run.
    #[must_use]
    pub fn run_path(&self, run: &Run) -> PathBuf {
        self.path.join("runs").join(&run.id)
    }

    /// Where a run's stderr goes.
    #[must_use]
    pub fn log_path(&self, run: &Run) -> PathBuf {
        self.path.join("logs").join(format!("{}.log", run.id))
    }

    pub(super) fn claim_path(&self, run: &Run) -> PathBuf {
        self.path.join("claims").join(format!("{}.lock", run.id))
    }

    /// Writes the run's config, and returns where it is.
    pub(super) fn write_plan(&self, run: &Run) -> Result<PathBuf, AblationError> {
        let path = self.path.join("plans").join(format!("{}.toml", run.id));
        write_atomic(&path, run.plan.to_toml()?.as_bytes())?;
        Ok(path)
    }

    /// The record of a run that is finished.
    pub(super) fn finished(&self, run: &Run) -> Result<Option<(RunFolder, RunRecord)>, AblationError> {
        let path = self.run_path(run);
        if !path.join("run.json").exists() {
            return Ok(None);
        }
        let folder = RunFolder::open(&path)?;
        let record = folder.record()?;
        if record.plan != run.plan.fingerprint()? {
            return Err(AblationError::OtherPlan { path, run: run.id.clone() });
        }
        let finished = record.status == RunStatus::Finished && record.result.is_some();
        Ok(finished.then_some((folder, record)))
    }

    /// Removes the checkpoints of a finished run.
    pub(super) fn drop_checkpoints(&self, run: &Run) -> Result<(), AblationError> {
        let path = self.run_path(run).join("checkpoints");
        if !path.exists() {
            return Ok(());
        }
        fs::remove_dir_all(&path).map_err(AblationError::io(path, "cannot remove the folder"))
    }
}
