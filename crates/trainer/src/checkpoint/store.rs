//! The checkpoints of one run on disk.
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::manifest::VERSION;
use super::{Checkpoint, CheckpointError, FileEntry, Manifest, tensors};
use crate::repro::write_atomic;

const PARAMETERS: &str = "parameters.safetensors";
const OPTIMIZER: &str = "optimizer.safetensors";
const MANIFEST: &str = "manifest.json";
const UNFINISHED: &str = "unfinished-";

/// One of the checkpoints that a run keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// That of the best validation.
    Best,
    /// The latest.
    Last,
}

impl Which {
    const ALL: [Self; 2] = [Self::Best, Self::Last];

    fn name(self) -> &'static str {
        match self {
            Self::Best => "best",
            Self::Last => "last",
        }
    }
}

/// The contents of `best.json` and `last.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pointer {
    version: u32,
    checkpoint: String,
}

/// The folder of a run's checkpoints.
#[derive(Clone, Debug)]
pub struct CheckpointStore {
    folder: PathBuf,
    plan: String,
    dataset: String,
}

impl CheckpointStore {
    /// The checkpoints in `folder`, of a run with this plan fingerprint and dataset digest.
    #[must_use]
    pub fn new(folder: PathBuf, plan: String, dataset: String) -> Self {
        Self { folder, plan, dataset }
    }

    /// Writes a checkpoint and makes it the one that each of `roles` names; folders that none names any more are removed.
    ///
    /// # Errors
    /// When a file cannot be written; what was there before still is.
    pub fn save(&self, checkpoint: &Checkpoint, roles: &[Which]) -> Result<(), CheckpointError> {
        fs::create_dir_all(&self.folder).map_err(|source| write_error(&self.folder, source))?;
        let name = self.unused_name(checkpoint.steps);
        let unfinished = self.folder.join(format!("{UNFINISHED}{name}"));
        remove_folder(&unfinished)?;
        fs::create_dir(&unfinished).map_err(|source| write_error(&unfinished, source))?;
        self.write_parts(&unfinished, checkpoint)?;
        let folder = self.folder.join(&name);
        fs::rename(&unfinished, &folder).map_err(|source| write_error(&folder, source))?;
        sync_folder(&self.folder)?;
        for role in roles {
            let pointer = Pointer { version: VERSION, checkpoint: name.clone() };
            Self::write_json(&self.pointer_path(*role), &pointer)?;
        }
        self.prune()
    }

    /// A folder that a pointer names is never replaced: a second checkpoint of the same step gets a name of its own.
    fn unused_name(&self, steps: u64) -> String {
        let first = format!("step-{steps:010}");
        let others = (2_u64..).map(|count| format!("{first}-{count}"));
        let mut names = std::iter::once(first.clone()).chain(others);
        names.find(|name| !self.folder.join(name).exists()).unwrap_or(first)
    }

    fn write_parts(&self, folder: &Path, checkpoint: &Checkpoint) -> Result<(), CheckpointError> {
        let mut files = Vec::new();
        for (name, parameters) in [(PARAMETERS, &checkpoint.parameters), (OPTIMIZER, &checkpoint.optimizer)] {
            let path = folder.join(name);
            let bytes = tensors::encode(parameters)
                .map_err(|reason| CheckpointError::Malformed { path: path.clone(), reason })?;
            write_atomic(&path, &bytes)?;
            let blake3 = blake3::hash(&bytes).to_hex().to_string();
            files.push(FileEntry { name: name.to_owned(), bytes: bytes.len() as u64, blake3 });
        }
        let manifest = Manifest {
            version: VERSION,
            steps: checkpoint.steps,
            fit: checkpoint.fit.clone(),
            plan: self.plan.clone(),
            dataset: self.dataset.clone(),
            files,
        };
        Self::write_json(&folder.join(MANIFEST), &manifest)
    }

    fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), CheckpointError> {
        let text = serde_json::to_vec_pretty(value)
            .map_err(|error| CheckpointError::Malformed { path: path.to_owned(), reason: error.to_string() })?;
        Ok(write_atomic(path, &text)?)
    }

    /// Whether there is such a checkpoint.
    #[must_use]
    pub fn has(&self, which: Which) -> bool {
        self.pointer_path(which).exists()
    }

    /// Reads a checkpoint and verifies every part of it.
    ///
    /// # Errors
    /// When there is none, when a part is damaged or of another version, or when it belongs to another plan or other data.
    pub fn load(&self, which: Which) -> Result<Checkpoint, CheckpointError> {
        let (folder, manifest) = self.manifest(which)?;
        Ok(Checkpoint {
            steps: manifest.steps,
            parameters: read_part(&folder, &manifest, PARAMETERS)?,
            optimizer: read_part(&folder, &manifest, OPTIMIZER)?,
            fit: manifest.fit,
        })
    }

    /// Reads the manifest of a checkpoint; its folder comes with it.
    ///
    /// # Errors
    /// When there is none, when it is of another version, or when it belongs to another plan or other data.
    pub fn manifest(&self, which: Which) -> Result<(PathBuf, Manifest), CheckpointError> {
        let pointer_path = self.pointer_path(which);
        if !pointer_path.exists() {
            return Err(CheckpointError::None { path: self.folder.clone(), which: which.name() });
        }
        let pointer: Pointer = read_json(&pointer_path)?;
        check_version(&pointer_path, pointer.version)?;
        let folder = self.folder.join(&pointer.checkpoint);
        let manifest_path = folder.join(MANIFEST);
        let manifest: Manifest = read_json(&manifest_path)?;
        check_version(&manifest_path, manifest.version)?;
        for (what, found, expected) in
            [("plan fingerprint", &manifest.plan, &self.plan), ("dataset digest", &manifest.dataset, &self.dataset)]
        {
            if found != expected {
                let (found, expected) = (found.clone(), expected.clone());
                return Err(CheckpointError::Foreign { path: manifest_path, what, found, expected });
            }
        }
        Ok((folder, manifest))
    }

    fn pointer_path(&self, which: Which) -> PathBuf {
        self.folder.join(format!("{}.json", which.name()))
    }

    fn prune(&self) -> Result<(), CheckpointError> {
        let mut kept = Vec::new();
        for which in Which::ALL {
            if self.has(which) {
                kept.push(read_json::<Pointer>(&self.pointer_path(which))?.checkpoint);
            }
        }
        let read_error = |source| CheckpointError::Read { path: self.folder.clone(), source };
        for entry in fs::read_dir(&self.folder).map_err(read_error)? {
            let entry = entry.map_err(read_error)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let ours = name.starts_with("step-") || name.starts_with(UNFINISHED);
            if ours && !kept.contains(&name) {
                remove_folder(&entry.path())?;
            }
        }
        Ok(())
    }
}

fn read_part(
    folder: &Path,
    manifest: &Manifest,
    name: &str,
) -> Result<Vec<ctr_model::parameters::NamedParameter>, CheckpointError> {
    let path = folder.join(name);
    let entry = manifest.files.iter().find(|entry| entry.name == name).ok_or_else(|| CheckpointError::Malformed {
        path: folder.join(MANIFEST),
        reason: format!("it lists no file `{name}`"),
    })?;
    let bytes = fs::read(&path).map_err(|source| CheckpointError::Read { path: path.clone(), source })?;
    let digest = blake3::hash(&bytes).to_hex().to_string();
    let sizes = ("size in bytes", bytes.len().to_string(), entry.bytes.to_string());
    for (what, found, expected) in [sizes, ("BLAKE3 digest", digest, entry.blake3.clone())] {
        if found != expected {
            return Err(CheckpointError::Damaged { path, what, found, expected });
        }
    }
    tensors::decode(&bytes).map_err(|reason| CheckpointError::Malformed { path, reason })
}

fn check_version(path: &Path, found: u32) -> Result<(), CheckpointError> {
    if found == VERSION {
        return Ok(());
    }
    Err(CheckpointError::Version { path: path.to_owned(), found, expected: VERSION })
}

fn read_json<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<T, CheckpointError> {
    let bytes = fs::read(path).map_err(|source| CheckpointError::Read { path: path.to_owned(), source })?;
    serde_json::from_slice(&bytes)
        .map_err(|error| CheckpointError::Malformed { path: path.to_owned(), reason: error.to_string() })
}

fn sync_folder(path: &Path) -> Result<(), CheckpointError> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(|source| write_error(path, source))
}

fn remove_folder(path: &Path) -> Result<(), CheckpointError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(write_error(path, error)),
        _ => Ok(()),
    }
}

fn write_error(path: &Path, source: io::Error) -> CheckpointError {
    CheckpointError::Write { path: path.to_owned(), source }
}
