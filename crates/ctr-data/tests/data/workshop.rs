//! What the tests share: a folder to write raw files in, and the steps from there.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use ctr_data::config::RowsConfig;
use ctr_data::{
    DataError, Dataset, DatasetConfig, EncodeOptions, Encoder, Labels, PrepareOptions, Shards, Split, prepare,
};

pub(crate) static GO_ON: AtomicBool = AtomicBool::new(false);

/// Two categorical fields and a numeric one.
pub(crate) const CSV_CONFIG: &str = r#"
    name = "small"
    [source]
    format = "csv"
    [files]
    train = "train"
    valid = "valid"
    test = "test"
    [[fields]]
    name = ["user", "item"]
    type = "categorical"
    [[fields]]
    name = "price"
    type = "numeric"
"#;

pub(crate) const TRAIN: &str = "label,user,item,price\n1,ann,x,2.5\n0,bob,y,-1\n0,ann,x,0\n1,cyd,x,4\n";
pub(crate) const VALID: &str = "label,user,item,price\n0,bob,z,1\n1,ann,x,3\n";
pub(crate) const TEST: &str = "label,user,item,price\n1,dan,y,7\n";

/// A folder of raw files and a cache.
pub(crate) struct Workshop {
    root: tempfile::TempDir,
}

impl Workshop {
    pub(crate) fn empty() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("raw")).unwrap();
        Self { root }
    }

    pub(crate) fn with(train: impl AsRef<[u8]>, valid: impl AsRef<[u8]>, test: impl AsRef<[u8]>) -> Self {
        let workshop = Self::empty();
        workshop.write("train", train);
        workshop.write("valid", valid);
        workshop.write("test", test);
        workshop
    }

    pub(crate) fn small() -> Self {
        Self::with(TRAIN, VALID, TEST)
    }

    pub(crate) fn raw(&self, name: &str) -> PathBuf {
        self.root.path().join("raw").join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.raw(name);
        fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.root.path().join("cache")
    }

    /// Names in the cache, lock files left out.
    pub(crate) fn cached(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.cache()) else { return Vec::new() };
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> =
            names.filter(|name| Path::new(name).extension() != Some("lock".as_ref())).collect();
        names.sort();
        names
    }

    pub(crate) fn prepare(&self, config: &str) -> Result<Dataset, DataError> {
        self.prepare_stoppable(config, &GO_ON)
    }

    pub(crate) fn prepare_stoppable(&self, config: &str, cancelled: &AtomicBool) -> Result<Dataset, DataError> {
        let (data_dir, cache_dir) = (&self.raw(""), &self.cache());
        prepare(&parse(config), &PrepareOptions { data_dir, cache_dir, threads: 2, progress: &|_| {}, cancelled })
    }

    pub(crate) fn encode(&self, encoder: &Encoder, path: &Path, labels: Labels) -> Result<Shards, DataError> {
        let scratch_dir = self.root.path();
        encoder.encode_file(
            path,
            &EncodeOptions {
                labels,
                scratch_dir,
                threads: 2,
                max_line_bytes: RowsConfig::MAX_LINE_BYTES,
                progress: &|_| {},
                cancelled: &GO_ON,
            },
        )
    }
}

pub(crate) fn parse(config: &str) -> DatasetConfig {
    toml::from_str(config).unwrap()
}

/// A row's label, ids, numbers and true probability, to the bit.
pub(crate) type RowBits = (u32, Vec<u32>, Vec<u32>, Option<u64>);

pub(crate) fn rows(shards: &Shards) -> Vec<RowBits> {
    let row = |row| {
        let numeric = shards.numeric(row).iter().map(|x| x.to_bits()).collect();
        let probability = shards.true_probability(row).map(f64::to_bits);
        (shards.label(row).to_bits(), shards.categorical(row).to_vec(), numeric, probability)
    };
    (0..shards.len()).map(row).collect()
}

pub(crate) fn all_rows(dataset: &Dataset) -> Vec<Vec<RowBits>> {
    Split::ALL.map(|split| rows(dataset.split(split))).to_vec()
}
