//! The study file.
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;
use toml::{Table, Value};

use super::AblationError;

/// A study as it is written.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AblationConfig {
    /// Name of the study. Default: the file's name without its extension.
    #[serde(default)]
    pub name: Option<String>,
    /// What the study is to find out, in words; stands at the top of the report.
    #[serde(default)]
    pub question: Option<String>,
    /// The run config that every run starts from, relative to this file. Required.
    pub base: PathBuf,
    /// Runs of each setting, ≥ 1; intervals need 3. Default `3`.
    #[serde(default = "three")]
    pub replicas: usize,
    /// What differs between the replicas of a setting; replica r of every setting has the same seeds. Default: the three seed streams.
    #[serde(default = "seed_streams")]
    pub vary: Vec<Source>,
    /// Keys of the run config that are set in every run.
    #[serde(default)]
    pub set: Table,
    /// What the settings differ in; the study is their Cartesian product. Default: one setting, the base.
    #[serde(default)]
    pub axes: Vec<Axis>,
    /// The axis along which differences are taken: each setting against the one with the first level of this axis and the same levels
    /// otherwise. Default: the first axis.
    #[serde(default)]
    pub compare: Option<String>,
    /// Coverage of the confidence intervals, in (0, 1). Default `0.95`.
    #[serde(default = "ninety_five_per_cent")]
    pub confidence: f64,
    /// Whether finished runs keep their checkpoints. Default `true`; `false` saves their disk, but the runs cannot be used with `ctr eval`
    /// and `ctr predict`.
    #[serde(default = "yes")]
    pub keep_checkpoints: bool,
}

/// One thing in which settings differ: either `key` and `values`, or `levels`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Axis {
    /// Its name in tables and figures. Required.
    pub name: String,
    /// The key of the run config that takes each of `values`.
    #[serde(default)]
    pub key: Option<String>,
    /// The values of `key`, in the order of the report.
    #[serde(default)]
    pub values: Vec<Value>,
    /// Levels that set several keys, or change what varies.
    #[serde(default)]
    pub levels: Vec<Level>,
}

/// One level of an axis.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// Its name in tables and figures. Required.
    pub name: String,
    /// The keys of the run config that it sets.
    #[serde(default)]
    pub set: Table,
    /// What differs between replicas, instead of the study's `vary`.
    #[serde(default)]
    pub vary: Option<Vec<Source>>,
}

/// Something in which replicas may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The seed of the initial values.
    Init,
    /// The seed of the order of the training rows.
    Shuffle,
    /// The seed of the dropout masks.
    Dropout,
    /// One dense weight, another in each replica, moved by one unit in the last place (`perturb.one_ulp`); none in replica 0.
    OneUlp,
    /// The order in which the sums over a batch are taken (`perturb.reduction_order`); that of the data in replica 0.
    ReductionOrder,
}

fn three() -> usize {
    3
}

fn seed_streams() -> Vec<Source> {
    vec![Source::Init, Source::Shuffle, Source::Dropout]
}

fn ninety_five_per_cent() -> f64 {
    0.95
}

fn yes() -> bool {
    true
}

impl AblationConfig {
    /// Reads a study file and checks what can be checked without the run config.
    ///
    /// # Errors
    /// When the file cannot be read, is no study, or contradicts itself; with its place.
    pub fn load(path: &Path) -> Result<Self, AblationError> {
        let text = fs::read_to_string(path).map_err(|cause| AblationError::Read { path: path.to_owned(), cause })?;
        let config: Self = toml::from_str(&text).map_err(|error| AblationError::Syntax {
            path: path.to_owned(),
            place: place(&text, error.span().map_or(0, |span| span.start)),
            reason: error.message().trim_end().replace('\n', ", "),
        })?;
        config.check(path)?;
        Ok(config)
    }

    fn check(&self, path: &Path) -> Result<(), AblationError> {
        let invalid = |key: String, value: String, expected: &str| {
            Err(AblationError::Invalid { path: path.to_owned(), key, value, expected: expected.to_owned() })
        };
        if !(1..=10_000).contains(&self.replicas) {
            return invalid("replicas".into(), self.replicas.to_string(), "1 to 10000");
        }
        if !(self.confidence > 0.0 && self.confidence < 1.0) {
            return invalid("confidence".into(), self.confidence.to_string(), "a number in (0, 1)");
        }
        for (index, axis) in self.axes.iter().enumerate() {
            let key = |name: &str| format!("axes[{index}].{name}");
            if self.axes[..index].iter().any(|other| other.name == axis.name) {
                return invalid(key("name"), format!("{:?}", axis.name), "a name that no other axis has");
            }
            match (&axis.key, axis.values.is_empty(), axis.levels.is_empty()) {
                (Some(_), false, true) | (None, true, false) => {}
                _ => {
                    let expected = "either `key` with a list of `values`, or a list of `levels`";
                    return invalid(format!("axes[{index}]"), format!("{:?}", axis.name), expected);
                }
            }
            let levels = axis.levels();
            for (position, level) in levels.iter().enumerate() {
                if levels[..position].iter().any(|other| other.name == level.name) {
                    return invalid(key("levels"), format!("{:?} twice", level.name), "levels of different names");
                }
            }
        }
        if let Some(name) = &self.compare
            && !self.axes.iter().any(|axis| &axis.name == name)
        {
            let names: Vec<&str> = self.axes.iter().map(|axis| axis.name.as_str()).collect();
            return invalid(
                "compare".into(),
                format!("{name:?}"),
                &format!("the name of an axis: {}", names.join(", ")),
            );
        }
        Ok(())
    }

    /// The index of the axis along which differences are taken.
    #[must_use]
    pub fn compared_axis(&self) -> usize {
        self.compare.as_ref().and_then(|name| self.axes.iter().position(|axis| &axis.name == name)).unwrap_or(0)
    }
}

impl Axis {
    /// The levels, in order; each of `values` is one that sets `key`.
    #[must_use]
    pub fn levels(&self) -> Vec<Level> {
        let Some(key) = &self.key else { return self.levels.clone() };
        let level = |value: &Value| {
            let name = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            Level { name, set: Table::from_iter([(key.clone(), value.clone())]), vary: None }
        };
        self.values.iter().map(level).collect()
    }
}

/// The leaves of a table as `--set` takes them: `a.b=1`. Keys may be dotted or nested.
pub(super) fn assignments(table: &Table) -> Vec<String> {
    let mut leaves = BTreeMap::new();
    collect(table, "", &mut leaves);
    leaves.into_iter().map(|(key, value)| format!("{key}={value}")).collect()
}

fn collect(table: &Table, prefix: &str, leaves: &mut BTreeMap<String, String>) {
    for (key, value) in table {
        let key = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            // An optimiser and its parameters are set as a whole: keys of the one it replaces must not stay.
            Value::Table(inner) if !inner.contains_key("type") => collect(inner, &key, leaves),
            _ => {
                leaves.insert(key, value.to_string());
            }
        }
    }
}

/// `line:column` of a byte offset.
fn place(text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |start| start.chars().count()) + 1;
    format!("{line}:{column}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<AblationConfig, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("study.toml");
        fs::write(&path, text).unwrap();
        AblationConfig::load(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn keys_may_be_dotted_or_nested_and_tables_with_a_type_stay_whole() {
        let config = load(
            "base = \"run.toml\"\n[set]\ntraining.epochs = 2\n\"model.activation\" = \"ReLU\"\noptimizer = { type = \"sgd\", \
             learning_rate = 0.5 }\n",
        );
        let found = assignments(&config.unwrap().set);
        // Tables come out in the order of their keys.
        let expected =
            ["model.activation=\"ReLU\"", "optimizer={ learning_rate = 0.5, type = \"sgd\" }", "training.epochs=2"];
        assert_eq!(found, expected);
    }

    #[test]
    fn the_values_of_a_key_are_levels_named_after_them() {
        let axis = "base = \"a\"\n[[axes]]\nname = \"activation\"\nkey = \"model.activation\"\nvalues = [\"ReLU\", \"SmeLU(beta=1)\"]";
        let levels = load(axis).unwrap().axes[0].levels();
        assert_eq!(levels[1].name, "SmeLU(beta=1)");
        assert_eq!(assignments(&levels[1].set), ["model.activation=\"SmeLU(beta=1)\""]);
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        for (text, parts) in [
            ("base = \"a\"\nreplicsa = 3", &["study.toml:2:1", "replicsa", "replicas"][..]),
            ("replicas = 3", &["study.toml", "base"]),
            ("base = \"a\"\nreplicas = 0", &["`replicas` is 0", "1 to 10000"]),
            ("base = \"a\"\nconfidence = 1.0", &["`confidence`", "(0, 1)"]),
            (
                "base = \"a\"\ncompare = \"x\"\n[[axes]]\nname=\"y\"\nkey=\"seed\"\nvalues=[1]",
                &["`compare` is \"x\"", "y"],
            ),
            ("base = \"a\"\n[[axes]]\nname=\"y\"\nkey=\"seed\"", &["axes[0]", "either `key`"]),
            ("base = \"a\"\n[[axes]]\nname=\"y\"\nkey=\"seed\"\nvalues=[1, 1]", &["\"1\" twice"]),
            ("base = \"a\"\nvary = [\"weather\"]", &["study.toml:2:", "weather", "one_ulp"]),
        ] {
            let error = load(text).unwrap_err();
            for part in parts {
                assert!(error.contains(part), "{text:?}: {error}");
            }
        }
    }
}
