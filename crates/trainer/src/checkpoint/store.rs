//! The checkpoints of one run on disk.
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ctr_model::parameters::NamedParameter;

use super::manifest::{Identity, Index, IndexEntry, Retention};
use super::{Checkpoint, CheckpointError, FileEntry, Manifest, sealed, tensors};
use crate::repro::{disk, write_atomic_with};

const PARAMETERS: &str = "parameters.safetensors";
const OPTIMIZER: &str = "optimizer.safetensors";
const MANIFEST: &str = "manifest.json";
const INDEX: &str = "index.json";
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
    fn name(self) -> &'static str {
        match self {
            Self::Best => "best",
            Self::Last => "last",
        }
    }
}

/// The folder of a run's checkpoints.
#[derive(Clone, Debug)]
pub struct CheckpointStore {
    folder: PathBuf,
    identity: Identity,
}

impl CheckpointStore {
    /// The checkpoints in `folder`, of a run with this identity.
    #[must_use]
    pub fn new(folder: PathBuf, identity: Identity) -> Self {
        Self { folder, identity }
    }

    /// Writes a checkpoint, the latest one from then on and on request the best one; those that are not to be kept any more are removed.
    ///
    /// # Errors
    /// When a number of it is not finite, or a file cannot be written; what was there before still is.
    pub fn save(&self, checkpoint: &Checkpoint, best: bool, keep: Retention) -> Result<(), CheckpointError> {
        checkpoint.check_finite()?;
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| CheckpointError::Write { path, source }
        };
        disk::create_folder(&self.folder).map_err(failed(&self.folder))?;
        // Before anything is written: an index that cannot be read is not written over.
        let mut index = self.index()?;
        let name = self.unused_name(checkpoint.steps);
        let unfinished = self.folder.join(format!("{UNFINISHED}{name}"));
        disk::remove_folder(&unfinished).map_err(failed(&unfinished))?;
        disk::create_folder(&unfinished).map_err(failed(&unfinished))?;
        self.write_parts(&unfinished, checkpoint)?;
        let folder = self.folder.join(&name);
        disk::rename(&unfinished, &folder).map_err(failed(&folder))?;
        disk::sync_folder(&self.folder).map_err(failed(&self.folder))?;
        let epoch = checkpoint.fit.ends_epoch().then_some(checkpoint.fit.epochs);
        index.add(IndexEntry { name, steps: checkpoint.steps, epoch }, best, keep);
        sealed::write(&self.index_path(), &index)?;
        self.prune(&index)
    }

    /// A folder that the index may name is never replaced: a second checkpoint of the same step gets a name of its own.
    fn unused_name(&self, steps: u64) -> String {
        let first = format!("step-{steps:010}");
        let others = (2_u64..).map(|count| format!("{first}-{count}"));
        let mut names = std::iter::once(first.clone()).chain(others);
        names.find(|name| !self.folder.join(name).exists()).unwrap_or(first)
    }

    fn write_parts(&self, folder: &Path, checkpoint: &Checkpoint) -> Result<(), CheckpointError> {
        let mut files = Vec::new();
        for (name, parameters) in [(PARAMETERS, &checkpoint.parameters), (OPTIMIZER, &checkpoint.optimizer)] {
            let mut written = Hashing::default();
            write_atomic_with(&folder.join(name), |file| tensors::write(parameters, &mut written.over(file)))?;
            let blake3 = written.hasher.finalize().to_hex().to_string();
            files.push(FileEntry { name: name.to_owned(), bytes: written.bytes, blake3 });
        }
        let (steps, fit, identity) = (checkpoint.steps, checkpoint.fit.clone(), self.identity.clone());
        sealed::write(&folder.join(MANIFEST), &Manifest { steps, fit, identity, files })
    }

    /// Which checkpoints there are; none before the first one.
    ///
    /// # Errors
    /// When the index cannot be read, is damaged or of another version.
    pub fn index(&self) -> Result<Index, CheckpointError> {
        match sealed::read(&self.index_path()) {
            // One folder without an index is what a process leaves that ended in its first write; several have lost theirs.
            Err(CheckpointError::Read { source, .. })
                if source.kind() == io::ErrorKind::NotFound && self.folders().len() < 2 =>
            {
                Ok(Index::default())
            }
            other => other,
        }
    }

    fn folders(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|name| name.starts_with("step-"))
            .collect()
    }

    /// Whether there is a checkpoint to go on from.
    ///
    /// # Errors
    /// As [`index`](Self::index).
    pub fn has_any(&self) -> Result<bool, CheckpointError> {
        Ok(!self.index()?.checkpoints.is_empty())
    }

    /// Reads a checkpoint and verifies every part of it.
    ///
    /// # Errors
    /// When there is none, when a part is damaged or of another version, or when it belongs to another plan or other data.
    pub fn load(&self, which: Which) -> Result<Checkpoint, CheckpointError> {
        self.load_named(&self.name_of(which)?)
    }

    /// Reads the checkpoint in the folder `name` and verifies every part of it.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_named(&self, name: &str) -> Result<Checkpoint, CheckpointError> {
        let manifest = self.manifest_named(name)?;
        let folder = self.folder.join(name);
        Ok(Checkpoint {
            steps: manifest.steps,
            parameters: read_part(&folder, &manifest, PARAMETERS)?,
            optimizer: read_part(&folder, &manifest, OPTIMIZER)?,
            fit: manifest.fit,
        })
    }

    /// Reads the manifest of a checkpoint.
    ///
    /// # Errors
    /// When there is none, when it is of another version, or when it belongs to another plan or other data.
    pub fn manifest(&self, which: Which) -> Result<Manifest, CheckpointError> {
        self.manifest_named(&self.name_of(which)?)
    }

    fn name_of(&self, which: Which) -> Result<String, CheckpointError> {
        let index = self.index()?;
        let name = match which {
            Which::Best => index.best,
            Which::Last => index.checkpoints.last().map(|entry| entry.name.clone()),
        };
        name.ok_or_else(|| CheckpointError::None { path: self.folder.clone(), which: which.name() })
    }

    fn manifest_named(&self, name: &str) -> Result<Manifest, CheckpointError> {
        let path = self.folder.join(name).join(MANIFEST);
        let manifest: Manifest = sealed::read(&path)?;
        let (found, expected) = (&manifest.identity, &self.identity);
        for (what, found, expected) in [
            ("plan fingerprint", &found.plan, &expected.plan),
            ("schema fingerprint", &found.schema, &expected.schema),
            ("dataset digest", &found.dataset, &expected.dataset),
        ] {
            if found != expected {
                let (found, expected) = (found.clone(), expected.clone());
                return Err(CheckpointError::Foreign { path, what, found, expected });
            }
        }
        Ok(manifest)
    }

    fn index_path(&self) -> PathBuf {
        self.folder.join(INDEX)
    }

    /// Removes the folders that the index does not name, and what a process that was killed has left.
    fn prune(&self, index: &Index) -> Result<(), CheckpointError> {
        let kept: BTreeSet<&str> = index.checkpoints.iter().map(|entry| entry.name.as_str()).collect();
        let read_error = |source| CheckpointError::Read { path: self.folder.clone(), source };
        for entry in fs::read_dir(&self.folder).map_err(read_error)? {
            let entry = entry.map_err(read_error)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let ours = name.starts_with("step-") || name.starts_with(UNFINISHED);
            if ours && !kept.contains(name.as_str()) {
                disk::remove_folder(&entry.path())
                    .map_err(|source| CheckpointError::Write { path: entry.path(), source })?;
            }
        }
        Ok(())
    }
}

/// Digests and counts what goes to a file.
#[derive(Default)]
struct Hashing {
    hasher: blake3::Hasher,
    bytes: u64,
}

impl Hashing {
    fn over<'a>(&'a mut self, out: &'a mut dyn Write) -> HashingWriter<'a> {
        HashingWriter { hashing: self, out }
    }
}

struct HashingWriter<'a> {
    hashing: &'a mut Hashing,
    out: &'a mut dyn Write,
}

impl Write for HashingWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.out.write(bytes)?;
        self.hashing.hasher.update(&bytes[..taken]);
        self.hashing.bytes += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn read_part(folder: &Path, manifest: &Manifest, name: &str) -> Result<Vec<NamedParameter>, CheckpointError> {
    let path = folder.join(name);
    let entry = manifest
        .files
        .iter()
        .find(|entry| entry.name == name)
        .ok_or_else(|| CheckpointError::malformed(&folder.join(MANIFEST), format!("it lists no file `{name}`")))?;
    let bytes = fs::read(&path).map_err(|source| CheckpointError::Read { path: path.clone(), source })?;
    let digest = blake3::hash(&bytes).to_hex().to_string();
    let sizes = ("size in bytes", bytes.len().to_string(), entry.bytes.to_string());
    for (what, found, expected) in [sizes, ("BLAKE3 digest", digest, entry.blake3.clone())] {
        if found != expected {
            return Err(CheckpointError::Damaged { path, what, found, expected });
        }
    }
    tensors::decode(&bytes).map_err(|reason| CheckpointError::malformed(&path, reason))
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
