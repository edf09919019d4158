//! From raw files to an encoded data set, once.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::atomic_file;
use crate::config::{DatasetConfig, EmbeddingFieldConfig, FieldConfig};
use crate::dataset::{self, CONFIG_FILE, Dataset, FileDigest, Manifest, SCHEMA_FILE};
use crate::encode::{ENCODER_FILE, ENCODER_VERSION, Encoder};
use crate::error::DataError;
use crate::shard;
use crate::source::DataSource;
use crate::split::Split;
use crate::watch::{PrepareProgress, Stage, Watch};

/// Where raw files are, and where encoded data go.
pub struct PrepareOptions<'a> {
    /// Folder of the raw files; not used for generated data.
    pub data_dir: &'a Path,
    /// Folder of encoded data sets, made if need be. Several processes may share it.
    pub cache_dir: &'a Path,
    /// Told of progress now and then.
    pub progress: &'a (dyn Fn(PrepareProgress) + Sync),
    /// Ends the work when set.
    pub cancelled: &'a AtomicBool,
}

/// The encoded data set: from the cache if it was made from the same configuration and the same raw content and is undamaged; otherwise it
/// is made.
///
/// Vocabularies and statistics are fitted on the training rows only. The cached folder is `<cache_dir>/<name>-<key>`; the key is a BLAKE3
/// digest of the configuration (paths left out), the raw files' content and the format versions. A data set is built in a folder beside
/// it, made durable, then renamed: an interrupted preparation leaves nothing that could be taken for a data set. Two processes that ask for
/// the same one do not build it twice: the second waits (an empty `.lock` file beside the folder stays behind).
///
/// # Errors
/// [`DataError`] of every kind but `Mismatch` and `Loader`; nothing is left in the cache then.
pub fn prepare(config: &DatasetConfig, options: &PrepareOptions<'_>) -> Result<Dataset, DataError> {
    config.validate()?;
    let mut sources = Vec::with_capacity(Split::ALL.len());
    for split in Split::ALL {
        sources.push(config.open_source(split, options.data_dir)?);
    }
    let fingerprints = fingerprints(&sources, options)?;
    let key = key(config, &fingerprints)?;

    fs::create_dir_all(options.cache_dir).map_err(|cause| DataError::io("create", options.cache_dir, cause))?;
    let folder = format!("{}-{}", config.name, &key[..16]);
    let _lock = lock(&options.cache_dir.join(format!(".{folder}.lock")), options.cancelled)?;
    let place = options.cache_dir.join(&folder);
    match Dataset::open(&place) {
        Ok(dataset) if dataset.key() == key => return Ok(dataset),
        Ok(dataset) => tracing::warn!(folder = %place.display(), key = dataset.key(), "cached data of another key"),
        Err(_) if !place.exists() => {}
        Err(error) => tracing::warn!(%error, "the cached data set cannot be used and is made anew"),
    }

    let building = Building::begin(options.cache_dir.join(format!(".{folder}.building")))?;
    build(config, &key, &sources, &building.dir, options)?;
    let after = self::fingerprints(&sources, options)?;
    if let Some(changed) = fingerprints.iter().zip(&after).position(|(before, after)| before != after) {
        return Err(DataError::Changed { file: sources[changed].name() });
    }
    building.publish(&place)?;
    atomic_file::sync_dir(options.cache_dir)?;
    Dataset::open(&place).map(Dataset::freshly_made)
}

fn fingerprints(sources: &[Box<dyn DataSource>], options: &PrepareOptions<'_>) -> Result<Vec<[u8; 32]>, DataError> {
    let each = sources.iter().zip(Split::ALL).map(|(source, split)| {
        let total = source.size()?;
        let mut watch = Watch::new(Stage::Fingerprint(split), total, options.progress, options.cancelled);
        watch.report(0, 0)?;
        source.fingerprint(&mut |done| watch.report(done, 0))
    });
    each.collect()
}

/// Everything that the encoded bytes depend on.
fn key(config: &DatasetConfig, fingerprints: &[[u8; 32]]) -> Result<String, DataError> {
    let mut fields = config.resolved_fields();
    for field in &mut fields {
        if let FieldConfig::Categorical(field) = field {
            // What the rows of the tables are like does not concern the encoded data.
            field.embedding = EmbeddingFieldConfig::default();
        }
    }
    let canonical = DatasetConfig { dir: None, files: None, fields, ..config.clone() };
    let json = serde_json::to_vec(&canonical)
        .map_err(|cause| DataError::config("(whole)", cause.to_string(), "values that JSON can hold"))?;
    let mut hasher = blake3::Hasher::new_derive_key("ctr-data prepared data set v1");
    for version in [dataset::FORMAT_VERSION, shard::FORMAT_VERSION, ENCODER_VERSION] {
        hasher.update(&version.to_le_bytes());
    }
    for fingerprint in fingerprints {
        hasher.update(fingerprint);
    }
    hasher.update(&json);
    Ok(hasher.finalize().to_hex().to_string())
}

/// Held while a data set is looked for or built; released when dropped, and by the system if the process dies.
fn lock(path: &Path, cancelled: &AtomicBool) -> Result<File, DataError> {
    const BETWEEN_TRIES: Duration = Duration::from_millis(50);
    let file = File::options().create(true).append(true).open(path);
    let file = file.map_err(|cause| DataError::io("create", path, cause))?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(cause)) => return Err(DataError::io("lock", path, cause)),
            Err(TryLockError::WouldBlock) if cancelled.load(Ordering::Relaxed) => return Err(DataError::Cancelled),
            Err(TryLockError::WouldBlock) => std::thread::sleep(BETWEEN_TRIES),
        }
    }
}

/// A folder under construction; removed when dropped before it is published.
struct Building {
    dir: PathBuf,
    published: bool,
}

impl Building {
    /// Begins with an empty folder. The lock is held, so whatever is there was left by a process that died.
    fn begin(dir: PathBuf) -> Result<Self, DataError> {
        remove(&dir)?;
        fs::create_dir(&dir).map_err(|cause| DataError::io("create", &dir, cause))?;
        Ok(Self { dir, published: false })
    }

    /// Moves the folder to its final place; a damaged data set that stands there gives way.
    fn publish(mut self, place: &Path) -> Result<(), DataError> {
        atomic_file::sync_dir(&self.dir)?;
        remove(place)?;
        fs::rename(&self.dir, place).map_err(|cause| DataError::io("rename a folder to", place, cause))?;
        self.published = true;
        Ok(())
    }
}

impl Drop for Building {
    fn drop(&mut self) {
        if self.published {
            return;
        }
        if let Err(error) = remove(&self.dir) {
            tracing::warn!(%error, "an unfinished data set is left behind");
        }
    }
}

fn remove(dir: &Path) -> Result<(), DataError> {
    match fs::remove_dir_all(dir) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => Err(DataError::io("remove", dir, cause)),
        _ => Ok(()),
    }
}

fn build(
    config: &DatasetConfig,
    key: &str,
    sources: &[Box<dyn DataSource>],
    dir: &Path,
    options: &PrepareOptions<'_>,
) -> Result<(), DataError> {
    let watch = |stage, source: &dyn DataSource| {
        Ok::<_, DataError>(Watch::new(stage, source.size()?, options.progress, options.cancelled))
    };
    let train = sources[Split::Train.index()].as_ref();
    let encoder = Encoder::fit(config, train, &mut watch(Stage::Fit, train)?)?;

    let mut files = Vec::new();
    dataset::write_json(&dir.join(CONFIG_FILE), config)?;
    dataset::write_json(&dir.join(SCHEMA_FILE), encoder.schema())?;
    encoder.save(dir)?;
    for name in [CONFIG_FILE, SCHEMA_FILE, ENCODER_FILE] {
        let path = dir.join(name);
        let bytes = fs::read(&path).map_err(|cause| DataError::io("read", &path, cause))?;
        files.push(FileDigest { name: name.to_owned(), blake3: blake3::hash(&bytes).to_hex().to_string() });
    }
    for (source, split) in sources.iter().zip(Split::ALL) {
        let mut watch = watch(Stage::Encode(split), source.as_ref())?;
        let writer = encoder.encode(source.as_ref(), dir, &mut watch)?;
        let name = dataset::shard_file(split);
        let blake3 = writer.finish(&dir.join(&name))?.digest();
        files.push(FileDigest { name, blake3 });
    }
    Manifest::new(key.to_owned(), files).write(dir)
}
