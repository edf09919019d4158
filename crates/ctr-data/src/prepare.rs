//! From raw files to an encoded data set, once.

use std::fs::{self, File, TryLockError};
use std::io::{BufWriter, IntoInnerError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::atomic_file;
use crate::bad_rows::BadRowLedger;
use crate::config::{DatasetConfig, EmbeddingFieldConfig, FieldConfig, RowsConfig};
use crate::dataset::{self, BAD_ROWS_FILE, CONFIG_FILE, Dataset, FileDigest, Manifest, QUARANTINE_FILE, SCHEMA_FILE};
use crate::encode::{ENCODER_FILE, ENCODER_VERSION, Encoder, Encoding, Fitting};
use crate::error::DataError;
use crate::shard;
use crate::source::{DataSource, Labels, SourceColumns};
use crate::split::{Division, Split};
use crate::watch::{PrepareProgress, Stage, Watch};

/// Where raw files are, and where encoded data go.
pub struct PrepareOptions<'a> {
    /// Folder of the raw files; not used for generated data.
    pub data_dir: &'a Path,
    /// Folder of encoded data sets, made if need be. Several processes may share it.
    pub cache_dir: &'a Path,
    /// Threads that read and encode rows; 0 is one for each core. The result does not depend on it.
    pub threads: usize,
    /// Told of progress now and then.
    pub progress: &'a (dyn Fn(PrepareProgress) + Sync),
    /// Ends the work when set.
    pub cancelled: &'a AtomicBool,
}

/// The raw rows that a data set is made from.
pub enum Sources {
    /// Training, validation and test rows.
    Splits([Box<dyn DataSource>; 3]),
    /// Rows that the configuration's `[split]` table divides.
    Undivided(Box<dyn DataSource>),
}

impl Sources {
    /// The sources that a configuration names.
    ///
    /// # Errors
    /// [`DataError::Config`] if the configuration is not valid, or for a pattern that no file matches.
    pub fn open(config: &DatasetConfig, data_dir: &Path) -> Result<Self, DataError> {
        if config.split.is_some() {
            return config.open_undivided(data_dir).map(Self::Undivided);
        }
        let open = |split| config.open_source(split, data_dir);
        Ok(Self::Splits([open(Split::Train)?, open(Split::Valid)?, open(Split::Test)?]))
    }

    /// Each source, and its split if it has one.
    fn each(&self) -> Vec<(&dyn DataSource, Option<Split>)> {
        match self {
            Self::Splits(sources) => {
                sources.iter().zip(Split::ALL).map(|(source, split)| (source.as_ref(), Some(split))).collect()
            }
            Self::Undivided(source) => vec![(source.as_ref(), None)],
        }
    }
}

/// The encoded data set: from the cache if it was made from the same configuration and the same raw content and is undamaged; otherwise it
/// is made.
///
/// Vocabularies and statistics are fitted on the training rows only. The cached folder is `<cache_dir>/<name>-<key>`; the key is a BLAKE3
/// digest of the configuration (paths left out), the raw files' content and the format versions. A data set is built in a folder beside
/// it, made durable, then renamed: an interrupted preparation leaves nothing that could be taken for a data set. Two processes that ask for
/// the same one do not build it twice: the second waits (an empty `.lock` file beside the folder stays behind).
///
/// Raw files are streamed: memory does not grow with them, but with the vocabularies, which each thread holds while they are counted.
///
/// # Errors
/// [`DataError`] of every kind but `Mismatch` and `Loader`; nothing is left in the cache then.
pub fn prepare(config: &DatasetConfig, options: &PrepareOptions<'_>) -> Result<Dataset, DataError> {
    config.validate()?;
    prepare_from(config, &Sources::open(config, options.data_dir)?, options)
}

/// As [`prepare`], with sources of the caller's own: a format that this crate does not read. `config.source` is then `format = "custom"`,
/// and each source is made for [`SourceColumns::new`](crate::source::SourceColumns::new) of the configuration.
///
/// # Errors
/// As [`prepare`]; [`DataError::Mismatch`] for a source whose columns are not those of the configuration.
pub fn prepare_from(
    config: &DatasetConfig,
    sources: &Sources,
    options: &PrepareOptions<'_>,
) -> Result<Dataset, DataError> {
    config.validate()?;
    sources.check(config)?;
    let dataset = find_or_build(config, sources, options)?;
    if let Some(file) = &config.rows.quarantine {
        dataset.write_quarantine(file)?;
    }
    Ok(dataset)
}

fn find_or_build(
    config: &DatasetConfig,
    sources: &Sources,
    options: &PrepareOptions<'_>,
) -> Result<Dataset, DataError> {
    let fingerprints = fingerprints(sources, options)?;
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
    build(config, &key, sources, &building.dir, options)?;
    let after = self::fingerprints(sources, options)?;
    if let Some(changed) = fingerprints.iter().zip(&after).position(|(before, after)| before != after) {
        return Err(DataError::Changed { file: sources.each()[changed].0.name() });
    }
    building.publish(&place)?;
    atomic_file::sync_dir(options.cache_dir)?;
    Dataset::open(&place).map(Dataset::freshly_made)
}

impl Sources {
    fn check(&self, config: &DatasetConfig) -> Result<(), DataError> {
        let divided = matches!(self, Self::Undivided(_));
        if divided != config.split.is_some() {
            let found = if divided { "undivided rows" } else { "a source for each split" };
            let expected = if divided { "a [split] table" } else { "undivided rows, for a [split] table" };
            let expected = expected.to_owned();
            return Err(DataError::Mismatch { what: "sources", found: found.to_owned(), expected });
        }
        let columns = SourceColumns::new(config, Labels::Required);
        match self.each().into_iter().find(|(source, _)| *source.columns() != columns) {
            None => Ok(()),
            Some((source, _)) => Err(DataError::Mismatch {
                what: "columns of a source",
                found: format!("{:?}", source.columns()),
                expected: format!("{columns:?}"),
            }),
        }
    }
}

fn fingerprints(sources: &Sources, options: &PrepareOptions<'_>) -> Result<Vec<[u8; 32]>, DataError> {
    let each = sources.each().into_iter().map(|(source, split)| {
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
    let rows = RowsConfig { quarantine: None, ..config.rows.clone() };
    let canonical = DatasetConfig { dir: None, files: None, rows, fields, ..config.clone() };
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
    sources: &Sources,
    dir: &Path,
    options: &PrepareOptions<'_>,
) -> Result<(), DataError> {
    let watch = |stage, source: &dyn DataSource| {
        Ok::<_, DataError>(Watch::new(stage, source.size()?, options.progress, options.cancelled))
    };
    let each = sources.each();
    let division = |source: &dyn DataSource, split: Option<Split>| match (split, &config.split) {
        (None, Some(rule)) => Division::by(rule, source.columns()),
        (split, _) => Division::Whole(split.unwrap_or(Split::Train)),
    };
    // The training rows come first, whether they are alone or not.
    let (train, split) = each[0];
    let fitting = Fitting { division: &division(train, split), threads: options.threads };
    let encoder = Encoder::fit(config, train, &fitting, &mut watch(Stage::Fit, train)?)?;

    let mut files = Vec::new();
    dataset::write_json(&dir.join(CONFIG_FILE), config)?;
    dataset::write_json(&dir.join(SCHEMA_FILE), encoder.schema())?;
    encoder.save(dir)?;
    let quarantine = dir.join(QUARANTINE_FILE);
    let file = File::create(&quarantine).map_err(|cause| DataError::io("create", &quarantine, cause))?;
    let mut quarantined = BufWriter::new(file);
    let mut ledger = BadRowLedger::new(&mut quarantined, &quarantine);
    let mut shards = Vec::new();
    for (source, split) in each {
        let mut watch = watch(Stage::Encode(split), source)?;
        let division = division(source, split);
        let encoding = Encoding { division, bad: config.rows.bad, threads: options.threads, dir };
        let writers = encoder.encode(source, &encoding, &mut ledger, &mut watch)?;
        for (writer, of) in writers.into_iter().zip(Split::ALL) {
            if split.is_some_and(|split| split != of) {
                continue;
            }
            let what = if split.is_some() { source.name() } else { format!("{}, split `{of}`", source.name()) };
            let writer = writer.ok_or(DataError::Empty { file: what })?;
            let name = dataset::shard_file(of);
            let blake3 = writer.finish(&dir.join(&name))?.digest();
            shards.push(FileDigest { name, blake3 });
        }
    }
    let counts = ledger.into_counts();
    dataset::write_json(&dir.join(BAD_ROWS_FILE), &counts)?;
    let flushed = quarantined.into_inner().map_err(IntoInnerError::into_error).and_then(|file| file.sync_all());
    flushed.map_err(|cause| DataError::io("write", &quarantine, cause))?;
    for name in [CONFIG_FILE, SCHEMA_FILE, ENCODER_FILE, BAD_ROWS_FILE, QUARANTINE_FILE] {
        files.push(FileDigest { name: name.to_owned(), blake3: dataset::digest_of(&dir.join(name))? });
    }
    files.append(&mut shards);
    Manifest::new(key.to_owned(), files).write(dir)
}
