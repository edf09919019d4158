//! What the command line changes in a config.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::document::{Node, Segment, Value};
use super::error::{ConfigError, Origin};

/// Changes to single keys, given on the command line. A dedicated option wins over `set`.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--set table.key=value`, in order; a later one wins. The value is TOML where it parses as such, else a bare
    /// string: `--set model.activation=SmeLU(beta=0.5)` needs no quotes.
    pub set: Vec<String>,
    /// `--data-dir`: the key `data.dir`, relative to the working directory.
    pub data_dir: Option<PathBuf>,
    /// `--cache-dir`: the key `data.cache_dir`, relative to the working directory.
    pub cache_dir: Option<PathBuf>,
    /// `--device`: the key `device`.
    pub device: Option<String>,
    /// `--seed`: the key `seed`.
    pub seed: Option<u64>,
    /// `--threads`: the key `threads`, compute threads.
    pub threads: Option<usize>,
}

/// No key lies deeper by far; the tree is walked recursively.
const DEEPEST_KEY: usize = 16;

/// One key to set.
struct Assignment {
    keys: Vec<String>,
    node: Node,
}

impl Assignment {
    fn parse(text: &str) -> Result<Self, ConfigError> {
        let fail = |reason: &str| ConfigError::Override { text: text.to_owned(), reason: reason.to_owned() };
        let (way, value) = text.split_once('=').ok_or_else(|| fail("there is no `=`"))?;
        let keys: Vec<String> = way.split('.').map(|key| key.trim().to_owned()).collect();
        if keys.iter().any(String::is_empty) {
            return Err(fail("a part of the key is empty"));
        }
        if keys.len() > DEEPEST_KEY {
            return Err(fail("the key has too many parts"));
        }
        let origin = Origin::CommandLine(format!("--set {text}").into());
        let segments: Vec<Segment> = keys.iter().map(|key| Segment::Key(key.clone())).collect();
        Ok(Self { node: Node::from_option(value.trim(), &segments, &origin)?, keys })
    }

    fn is_below_dataset(&self) -> bool {
        self.keys.len() > 2 && self.keys[0] == "data" && self.keys[1] == "dataset"
    }
}

impl Overrides {
    /// Puts every override into the tree; `read_dataset` runs in between, before the keys below `data.dataset` are set.
    pub(super) fn apply(
        &self,
        root: &mut Node,
        read_dataset: impl FnOnce(&mut Node) -> Result<(), ConfigError>,
    ) -> Result<(), ConfigError> {
        let mut later = Vec::new();
        for text in &self.set {
            let assignment = Assignment::parse(text)?;
            if assignment.is_below_dataset() {
                later.push(assignment);
            } else {
                root.set(&assignment.keys, assignment.node)?;
            }
        }
        for (way, option, value) in self.options()? {
            let node = Node { value, origin: Origin::CommandLine(Arc::from(option)) };
            root.set(&way.split('.').map(str::to_owned).collect::<Vec<_>>(), node)?;
        }
        read_dataset(root)?;
        later.into_iter().try_for_each(|assignment| root.set(&assignment.keys, assignment.node))
    }

    fn options(&self) -> Result<Vec<(&'static str, String, Value)>, ConfigError> {
        let mut options = Vec::new();
        for (way, name, path) in
            [("data.dir", "--data-dir", &self.data_dir), ("data.cache_dir", "--cache-dir", &self.cache_dir)]
        {
            if let Some(path) = path {
                let text = utf8(path)?;
                options.push((way, format!("{name} {text}"), Value::String(text.to_owned())));
            }
        }
        if let Some(device) = &self.device {
            options.push(("device", format!("--device {device}"), Value::String(device.clone())));
        }
        if let Some(seed) = self.seed {
            options.push(("seed", format!("--seed {seed}"), whole_number("seed", "--seed", seed)?));
        }
        if let Some(threads) = self.threads {
            let value = whole_number("threads", "--threads", threads as u64)?;
            options.push(("threads", format!("--threads {threads}"), value));
        }
        Ok(options)
    }
}

/// The text of a path that is to stand in a config.
pub(super) fn utf8(path: &Path) -> Result<&str, ConfigError> {
    path.to_str().ok_or_else(|| ConfigError::PathNotUtf8 { path: path.to_owned() })
}

fn whole_number(key: &str, option: &str, value: u64) -> Result<Value, ConfigError> {
    i64::try_from(value).map(Value::Integer).map_err(|_| ConfigError::Invalid {
        origin: Origin::CommandLine(format!("{option} {value}").into()),
        key: key.to_owned(),
        value: value.to_string(),
        expected: "a whole number from 0 to 2^63 - 1".to_owned(),
    })
}
