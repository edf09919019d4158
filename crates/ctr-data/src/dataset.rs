//! An encoded data set on disk.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::atomic_file;
use crate::bad_rows::BadRowCounts;
use crate::encode::{ENCODER_FILE, Encoder};
use crate::error::DataError;
use crate::schema::Schema;
use crate::shard::Shards;
use crate::split::Split;

pub(crate) const MANIFEST_FILE: &str = "manifest.json";
pub(crate) const SCHEMA_FILE: &str = "schema.json";
pub(crate) const CONFIG_FILE: &str = "config.json";
pub(crate) const BAD_ROWS_FILE: &str = "bad_rows.json";
pub(crate) const QUARANTINE_FILE: &str = "quarantine.jsonl";

/// Version of the folder's layout; a reader refuses any other.
pub(crate) const FORMAT_VERSION: u32 = 2;

/// The three encoded splits of a data set with the encoder that made them.
///
/// A folder: `manifest.json` (written last, names every other file with its digest), `config.json`, `schema.json`, `encoder.bin`,
/// `bad_rows.json` (how many rows were left out), `quarantine.jsonl` (those rows, where the configuration asks for them), `train.shard`,
/// `valid.shard`, `test.shard`.
#[derive(Debug)]
pub struct Dataset {
    dir: PathBuf,
    schema: Schema,
    manifest: Manifest,
    splits: [Arc<Shards>; 3],
    bad_rows: BadRowCounts,
    was_cached: bool,
}

/// What a folder holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    pub(crate) format_version: u32,
    /// What the data were made from: BLAKE3 of configuration, raw content and format versions.
    pub(crate) key: String,
    /// What the data are: BLAKE3 of the digests of schema, encoder and shards.
    pub(crate) digest: String,
    /// BLAKE3 of each file.
    pub(crate) files: Vec<FileDigest>,
    /// BLAKE3 of all of the above.
    checksum: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileDigest {
    pub(crate) name: String,
    pub(crate) blake3: String,
}

impl Manifest {
    pub(crate) fn new(key: String, files: Vec<FileDigest>) -> Self {
        let digest = Self::content_digest(&files);
        let checksum = String::new();
        let manifest = Self { format_version: FORMAT_VERSION, key, digest, files, checksum };
        Self { checksum: manifest.own_digest(), ..manifest }
    }

    fn own_digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(format!("{}\n{}\n{}\n", self.format_version, self.key, self.digest).as_bytes());
        for file in &self.files {
            hasher.update(format!("{}\n{}\n", file.name, file.blake3).as_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }

    /// The configuration and the rows left out do not count: data that come out the same are the same, however they were described.
    fn content_digest(files: &[FileDigest]) -> String {
        let mut hasher = blake3::Hasher::new();
        for file in
            files.iter().filter(|file| ![CONFIG_FILE, BAD_ROWS_FILE, QUARANTINE_FILE].contains(&file.name.as_str()))
        {
            hasher.update(format!("{}\n{}\n", file.name, file.blake3).as_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }

    pub(crate) fn write(&self, dir: &Path) -> Result<(), DataError> {
        write_json(&dir.join(MANIFEST_FILE), self)
    }

    fn read(dir: &Path) -> Result<Self, DataError> {
        let path = dir.join(MANIFEST_FILE);
        let bytes = read(&path)?;
        // The version first: another version may have other keys.
        let version: Version = parse(&path, &bytes)?;
        if version.format_version != FORMAT_VERSION {
            return Err(DataError::damaged(&path, "format version", version.format_version, FORMAT_VERSION));
        }
        let manifest: Self = parse(&path, &bytes)?;
        let checksum = manifest.own_digest();
        if checksum != manifest.checksum {
            return Err(DataError::damaged(&path, "checksum", checksum, &manifest.checksum));
        }
        Ok(manifest)
    }

    /// Reads a small file whole and checks its digest.
    fn read_file(&self, dir: &Path, name: &str) -> Result<Vec<u8>, DataError> {
        let path = dir.join(name);
        let bytes = read(&path)?;
        let (found, expected) = (blake3::hash(&bytes).to_hex(), self.expected(dir, name)?);
        if found.as_str() != expected {
            return Err(DataError::damaged(&path, "BLAKE3 digest", found, expected));
        }
        Ok(bytes)
    }

    /// The path of a file of any size, whose digest is checked.
    fn checked_file(&self, dir: &Path, name: &str) -> Result<PathBuf, DataError> {
        let path = dir.join(name);
        let (found, expected) = (digest_of(&path)?, self.expected(dir, name)?);
        if found == expected { Ok(path) } else { Err(DataError::damaged(&path, "BLAKE3 digest", found, expected)) }
    }

    /// The digest that a file must have.
    fn expected(&self, dir: &Path, name: &str) -> Result<&str, DataError> {
        self.files.iter().find(|file| file.name == name).map(|file| file.blake3.as_str()).ok_or_else(|| {
            DataError::damaged(&dir.join(MANIFEST_FILE), "files", "an entry missing", format!("one for `{name}`"))
        })
    }
}

#[derive(Deserialize)]
struct Version {
    format_version: u32,
}

/// A split's file name.
pub(crate) fn shard_file(split: Split) -> String {
    format!("{split}.shard")
}

/// BLAKE3 of a file, in hex.
pub(crate) fn digest_of(path: &Path) -> Result<String, DataError> {
    let mut hasher = blake3::Hasher::new();
    let read = File::open(path).and_then(|file| hasher.update_reader(file).map(|hasher| hasher.finalize()));
    read.map(|digest| digest.to_hex().to_string()).map_err(|cause| DataError::io("read", path, cause))
}

fn read(path: &Path) -> Result<Vec<u8>, DataError> {
    fs::read(path).map_err(|cause| DataError::io("read", path, cause))
}

fn parse<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T, DataError> {
    serde_json::from_slice(bytes).map_err(|cause| DataError::damaged(path, "JSON", cause, "what `prepare` wrote"))
}

pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), DataError> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|cause| DataError::io("write", path, cause.into()))?;
    bytes.push(b'\n');
    atomic_file::write(path, &bytes)
}

impl Dataset {
    /// Opens a folder that [`prepare`](crate::prepare) made, and checks the digest of every file.
    ///
    /// # Errors
    /// [`DataError::Io`] if a file cannot be read; [`DataError::Damaged`] if one is not what was written.
    pub fn open(dir: &Path) -> Result<Self, DataError> {
        let manifest = Manifest::read(dir)?;
        let schema: Schema = parse(&dir.join(SCHEMA_FILE), &manifest.read_file(dir, SCHEMA_FILE)?)?;
        manifest.read_file(dir, CONFIG_FILE)?;
        let bad_rows = parse(&dir.join(BAD_ROWS_FILE), &manifest.read_file(dir, BAD_ROWS_FILE)?)?;
        manifest.checked_file(dir, QUARANTINE_FILE)?;
        manifest.read_file(dir, ENCODER_FILE)?;
        let open = |split| {
            let name = shard_file(split);
            let path = dir.join(&name);
            let shards = Shards::open(&path)?;
            let expected = manifest.expected(dir, &name)?;
            if shards.digest() != expected {
                return Err(DataError::damaged(&path, "BLAKE3 digest", shards.digest(), expected));
            }
            let shape = shards.shape();
            let fields = (schema.single_fields(), schema.multi_hot_fields(), schema.numeric.len(), true);
            if shape != fields {
                return Err(DataError::damaged(&path, "fields", format!("{shape:?}"), format!("{fields:?}")));
            }
            Ok(Arc::new(shards))
        };
        let splits = [open(Split::Train)?, open(Split::Valid)?, open(Split::Test)?];
        Ok(Self { dir: dir.to_path_buf(), schema, manifest, splits, bad_rows, was_cached: true })
    }

    pub(crate) fn freshly_made(mut self) -> Self {
        self.was_cached = false;
        self
    }

    pub(crate) fn key(&self) -> &str {
        &self.manifest.key
    }

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The columns of the encoded rows.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// BLAKE3 of the encoded content (schema, encoder, shards), in hex: equal digests are equal training data.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.manifest.digest
    }

    /// The rows of a split.
    #[must_use]
    pub fn split(&self, split: Split) -> &Arc<Shards> {
        &self.splits[split.index()]
    }

    /// The encoder that made the splits.
    ///
    /// # Errors
    /// [`DataError::Io`]; [`DataError::Damaged`].
    pub fn encoder(&self) -> Result<Encoder, DataError> {
        let bytes = self.manifest.read_file(&self.dir, ENCODER_FILE)?;
        Encoder::from_bytes(&self.dir.join(ENCODER_FILE), &bytes)
    }

    /// How many rows were left out as bad ones, and why; nothing where none was.
    #[must_use]
    pub fn bad_rows(&self) -> &BadRowCounts {
        &self.bad_rows
    }

    /// Writes the rows left out, where the configuration asks for them: one JSON object a line, with the keys `file`, `line`, `reason`, `message`,
    /// and `row` (`row_hex` for one that is no text; `cut` says that it is not whole).
    pub(crate) fn write_quarantine(&self, to: &Path) -> Result<(), DataError> {
        let from = self.manifest.checked_file(&self.dir, QUARANTINE_FILE)?;
        atomic_file::write_with(to, |file| {
            let copied = File::open(&from).and_then(|mut rows| io::copy(&mut rows, file));
            copied.map(|_| ()).map_err(|cause| DataError::io("write", to, cause))
        })
    }

    /// Whether [`prepare`](crate::prepare) found the data ready, without encoding anything.
    #[must_use]
    pub fn was_cached(&self) -> bool {
        self.was_cached
    }
}
