//! What can be wrong with a config, said with the place, the key, the value and what was expected.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a key or a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A place in a config file.
    File {
        /// The file, as it was named.
        path: Arc<Path>,
        /// Line, from 1.
        line: u32,
        /// Column in characters, from 1.
        column: u32,
    },
    /// An option on the command line, as it would be typed.
    CommandLine(Arc<str>),
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line, column } => write!(formatter, "{}:{line}:{column}", path.display()),
            Self::CommandLine(option) => formatter.write_str(option),
        }
    }
}

/// The names that stand where a wrong one was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The known name nearest to the wrong one, by edit distance; `None` when there is no name at all.
    pub nearest: Option<String>,
    /// Every known name, in the order of the documentation.
    pub names: Vec<String>,
}

impl Known {
    pub(super) fn new(wrong: &str, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        // `min_by_key` keeps the first of equals: the nearest name does not depend on anything but the list.
        let distance = |name: &String| strsim::damerau_levenshtein(&wrong.to_lowercase(), &name.to_lowercase());
        let nearest = names.iter().min_by_key(|name| distance(name)).cloned();
        Self { nearest, names }
    }
}

impl fmt::Display for Known {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.nearest {
            None => formatter.write_str("none is known here"),
            Some(nearest) => {
                write!(formatter, "the nearest known one is `{nearest}` (known: {})", self.names.join(", "))
            }
        }
    }
}

/// Why a config gives no plan.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The run config cannot be read.
    #[error("{}: cannot read the config: {cause}; check the path and its permissions", path.display())]
    Read {
        /// The config file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The dataset config cannot be read.
    #[error("{origin}: `data.dataset` names {}, which cannot be read: {cause}; a path in a file is relative to that file", path.display())]
    ReadDataset {
        /// Where the path stands.
        origin: Origin,
        /// The dataset config.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// A file is no TOML.
    #[error("{origin}: not valid TOML: {reason}")]
    Syntax {
        /// The place.
        origin: Origin,
        /// What the parser expected.
        reason: String,
    },
    /// A key that does not exist.
    #[error("{origin}: unknown key `{key}`; {known}")]
    UnknownKey {
        /// Where the key stands.
        origin: Origin,
        /// The key with the path of its table.
        key: String,
        /// The keys of that table.
        known: Box<Known>,
    },
    /// A name, such as that of a model or a metric, that does not exist.
    #[error("{origin}: `{key}` is {value}, which is not known; {known}")]
    UnknownName {
        /// Where the value stands.
        origin: Origin,
        /// The key with the path of its table.
        key: String,
        /// The value as TOML.
        value: String,
        /// The names that the key accepts.
        known: Box<Known>,
    },
    /// A required key is absent.
    #[error(
        "{origin}: the key `{key}` is missing; it has no default, so add it to the config or give it with `--set {key}=…`"
    )]
    MissingKey {
        /// The table, or the file, that lacks the key.
        origin: Origin,
        /// The key with the path of its table.
        key: String,
    },
    /// A value of another type.
    #[error("{origin}: `{key}` is {value}; expected {expected}")]
    WrongType {
        /// Where the value stands.
        origin: Origin,
        /// The key with the path of its table.
        key: String,
        /// The value as TOML.
        value: String,
        /// The type.
        expected: String,
    },
    /// A value out of its range, or one that contradicts another key.
    #[error("{origin}: `{key}` is {value}; expected {expected}")]
    Invalid {
        /// Where the value stands.
        origin: Origin,
        /// The key with the path of its table.
        key: String,
        /// The value as TOML.
        value: String,
        /// The range, or what the other key demands.
        expected: String,
    },
    /// A value that its own parser refused.
    #[error("{origin}: `{key}` is {value}: {reason}")]
    Rejected {
        /// Where the value stands.
        origin: Origin,
        /// The key with the path of its table.
        key: String,
        /// The value as TOML.
        value: String,
        /// Why, and what was expected.
        reason: String,
    },
    /// A `--set` that is no `key=value`.
    #[error("--set {text}: {reason}; expected `table.key=value`, as in `--set training.epochs=3`")]
    Override {
        /// What was given.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The working directory, to which paths on the command line are relative, is gone.
    #[error("cannot find the working directory: {cause}; change to one that exists")]
    WorkingDirectory {
        /// What the system said.
        cause: io::Error,
    },
    /// A path that cannot be written into the resolved config.
    #[error("the path {} is not valid UTF-8, so it cannot stand in a config; rename it", path.display())]
    PathNotUtf8 {
        /// The path.
        path: PathBuf,
    },
    /// The resolved config cannot be written as TOML.
    #[error("the resolved config cannot be written as TOML: {cause}")]
    Serialize {
        /// What the writer said.
        cause: toml::ser::Error,
    },
}
