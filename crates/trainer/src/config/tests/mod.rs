//! Configs as files on disk: what loads, and what each mistake is told.

mod conflicts;
mod mistakes;
mod model_fields;
mod resolution;
mod totality;

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{ConfigError, Overrides, Plan};

const DATASET: &str = r#"name = "tiny"
dir = "raw"

[source]
format = "csv"

[files]
train = "train.csv"
valid = "valid.csv"
test = "test.csv"

[[fields]]
name = ["user", "item"]
type = "categorical"
min_count = 2

[[fields]]
name = "price"
type = "numeric"
missing = { constant = 0.5 }
"#;

const RUN: &str = r#"name = "tiny_dnn"
seed = 2021

[data]
dataset = "../datasets/tiny.toml"

[model]
type = "dnn"
hidden_units = [16, 8]
activation = "SmeLU(beta=0.5)"
batch_norm = true
dropout = 0.4

[embedding]
dim = 4
l2 = 0.1

[optimizer]
type = "adam"
learning_rate = 1e-3

[training]
batch_size = 128
epochs = 3
gradient_clip_norm = 10.0

[training.reduce_lr_on_plateau]
factor = 0.1
"#;

/// A folder with `configs/run.toml`, `datasets/tiny.toml` and the empty folder `datasets/raw`.
struct Folder {
    root: TempDir,
}

impl Folder {
    fn new(run: &str, dataset: &str) -> Self {
        let root = tempfile::tempdir().expect("temporary folder");
        for folder in ["configs", "datasets/raw"] {
            fs::create_dir_all(root.path().join(folder)).expect("folder");
        }
        fs::write(root.path().join("configs/run.toml"), run).expect("run config");
        fs::write(root.path().join("datasets/tiny.toml"), dataset).expect("dataset config");
        Self { root }
    }

    fn path(&self, relative: &str) -> PathBuf {
        fs::canonicalize(self.root.path()).expect("temporary folder").join(relative)
    }

    fn load(&self, set: &[&str]) -> Result<Plan, ConfigError> {
        let set = set.iter().map(|text| (*text).to_owned()).collect();
        Plan::load(&self.path("configs/run.toml"), &Overrides { set, ..Overrides::default() })
    }

    /// The message of the error, with the folder's own path taken out.
    fn message(&self, set: &[&str]) -> String {
        let message = self.load(set).expect_err("this config must be refused").to_string();
        message.replace(&format!("{}/", self.path("").display()).replace("//", "/"), "")
    }
}

fn load(run: &str, set: &[&str]) -> Result<Plan, ConfigError> {
    Folder::new(run, DATASET).load(set)
}

fn message(run: &str, set: &[&str]) -> String {
    Folder::new(run, DATASET).message(set)
}

fn load_file(path: &Path) -> Result<Plan, ConfigError> {
    Plan::load(path, &Overrides::default())
}
