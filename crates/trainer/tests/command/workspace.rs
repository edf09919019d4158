//! A folder with a small data set, configs and runs in it.
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A folder of its own for one test.
pub(crate) struct Workspace {
    folder: TempDir,
}

/// A DNN with everything in it, small enough for an unoptimised build.
const CONFIG: &str = r#"
name = "small"
seed = 5
[data]
dataset = "dataset.toml"
[model]
type = "dnn"
hidden_units = [12, 8]
activation = "SmeLU(beta=0.5)"
batch_norm = true
dropout = 0.2
[embedding]
dim = 4
init_std = 0.01
mode = "sparse"
l2 = 1e-4
[embedding.optimizer]
type = "rowwise_adagrad"
learning_rate = 0.05
[training]
batch_size = 128
epochs = 3
gradient_clip_norm = 10.0
[training.reduce_lr_on_plateau]
[evaluation]
batch_size = 200
"#;

const DATASET: &str = r#"
name = "small"
dir = "raw"
label = "label"
[source]
format = "csv"
[files]
train = "train.csv"
valid = "valid.csv"
test = "test.csv"
[[fields]]
name = ["user", "item"]
type = "categorical"
[[fields]]
name = "price"
type = "numeric"
transform = "log1p"
"#;

impl Workspace {
    /// Configs and raw CSV files.
    pub(crate) fn new() -> Self {
        let workspace = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(workspace.path("raw")).unwrap();
        for (name, seed, rows) in [("train", 1, 1500), ("valid", 2, 400), ("test", 3, 450)] {
            workspace.write(&format!("raw/{name}.csv"), &csv(seed, rows));
        }
        workspace.write("config.toml", CONFIG);
        workspace.write("dataset.toml", DATASET);
        workspace
    }

    /// A path in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Reads a file.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The command with these arguments, not started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ctr"));
        command.current_dir(self.folder.path()).args(arguments);
        command
    }

    /// Runs the command.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs the command, which must succeed; returns its stdout.
    pub(crate) fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "ctr {arguments:?}: {stderr}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs the command, which must fail with status 1 and say each of `parts`; returns its stderr.
    pub(crate) fn fail(&self, arguments: &[&str], parts: &[&str]) -> String {
        let output = self.run(arguments);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "ctr {arguments:?}: {stderr}");
        assert!(stderr.lines().any(|line| line.starts_with("error: ")), "{stderr}");
        for part in parts {
            assert!(stderr.contains(part), "ctr {arguments:?}: no {part:?} in: {stderr}");
        }
        assert!(!stderr.contains("panicked"), "{stderr}");
        stderr
    }

    /// Trains with these extra arguments into the folder `run`; returns its `run.json`.
    pub(crate) fn train(&self, run: &str, extra: &[&str]) -> Value {
        let mut arguments = vec!["train", "config.toml", "--run-dir", run];
        arguments.extend(extra);
        self.succeed(&arguments);
        self.record(run)
    }

    /// The folder of a run's best checkpoint.
    pub(crate) fn checkpoint(&self, run: &str) -> PathBuf {
        let index: Value = serde_json::from_str(&self.read(&format!("{run}/checkpoints/index.json"))).unwrap();
        self.path(run).join("checkpoints").join(index["content"]["best"].as_str().unwrap())
    }

    /// The `run.json` of a run.
    pub(crate) fn record(&self, run: &str) -> Value {
        serde_json::from_str(&self.read(&format!("{run}/run.json"))).unwrap()
    }
}

/// The parameter and prediction digests of a run.
pub(crate) fn digests(record: &Value) -> [String; 2] {
    ["parameter_digest", "prediction_digest"].map(|key| record["result"][key].as_str().unwrap().to_owned())
}

/// Rows whose click probability depends on user, item and price.
fn csv(seed: u64, rows: u64) -> String {
    let mut text = String::from("label,user,item,price\r\n");
    let mut state = seed;
    let mut next = |bound: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    for _ in 0..rows {
        let (user, item, price) = (next(40), next(25), next(1000));
        let chance = 10 + 60 * u64::from(user % 3 == 0) + 20 * u64::from(item % 4 == 1) + price / 100;
        let label = u64::from(next(100) < chance);
        write!(text, "{label},u{user},i{item},{price}.5\r\n").unwrap();
    }
    text
}

/// The folder with the shared real data, where there is one.
pub(crate) fn shared_data(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    path.is_dir().then_some(path)
}
