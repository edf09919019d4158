//! What can go wrong with data, said so that it can be put right.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::source::BadRow;

/// Longest part of a value shown in a message, in characters.
const SHOWN: usize = 60;

/// An error of this crate.
///
/// Every message names the place (file, line, column or key), the value found, what was expected and the next step. A cause from the
/// operating system is part of the message, so that printing the error alone says everything.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A key of the data set's configuration has a value that cannot be used.
    #[error("data set configuration, `{key}`: found {value}, expected {expected}")]
    Config {
        /// Dotted path of the key, as it stands in the TOML file.
        key: String,
        /// The value found, quoted.
        value: String,
        /// What would have been accepted.
        expected: String,
    },
    /// A file could not be opened, read, written or renamed.
    #[error("cannot {action} `{path}`: {cause}; {}", io_next_step(cause))]
    Io {
        /// What was being done: "open", "read", "write", ….
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's answer.
        cause: io::Error,
    },
    /// A row of a raw file does not follow its format or its schema.
    #[error("{0}")]
    Row(Box<RowError>),
    /// A column named in the configuration is not in the file's header.
    #[error("{file}, line 1: no column `{column}`{}; found: {}", nearest(column, found), listed(found))]
    MissingColumn {
        /// The raw file.
        file: String,
        /// The column asked for.
        column: String,
        /// The columns of the header.
        found: Vec<String>,
    },
    /// A raw file holds no rows.
    #[error("{file}: no rows; expected at least one row of data; check that the file was fetched completely")]
    Empty {
        /// The raw file.
        file: String,
    },
    /// A file that this crate wrote is not what it wrote: truncated, altered, or of another version.
    #[error("`{path}`, {part}: found {found}, expected {expected}; delete it and run `prepare` again, or restore it")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Which part of it.
        part: &'static str,
        /// What stands there.
        found: String,
        /// What should stand there.
        expected: String,
    },
    /// A raw file was altered while it was being read.
    #[error("{file}: its content changed while it was read; wait until it is complete, then run again")]
    Changed {
        /// The raw file.
        file: String,
    },
    /// Arguments that do not belong together, such as shards of one data set with the row layout of another.
    #[error("{what}: found {found}, expected {expected}")]
    Mismatch {
        /// What was compared.
        what: &'static str,
        /// What was passed.
        found: String,
        /// What would have fitted.
        expected: String,
    },
    /// A thread of the batch loader could not be started or ended without its batch.
    #[error("batch loader: {what}; lower the number of loader threads, or set it to 0 to load without threads")]
    Loader {
        /// What happened.
        what: String,
    },
    /// A thread that reads rows could not be started or ended early.
    #[error("reading rows: {what}; lower the number of threads, or check the limits on processes and memory")]
    Threads {
        /// What happened.
        what: String,
    },
    /// The caller set the `cancelled` flag.
    #[error("preparation cancelled; nothing was left in the cache")]
    Cancelled,
}

impl DataError {
    pub(crate) fn io(action: &'static str, path: &Path, cause: io::Error) -> Self {
        Self::Io { action, path: path.to_path_buf(), cause }
    }

    pub(crate) fn config(key: impl Into<String>, value: impl fmt::Debug, expected: impl Into<String>) -> Self {
        Self::Config { key: key.into(), value: shortened(&format!("{value:?}")), expected: expected.into() }
    }

    pub(crate) fn damaged(
        path: &Path,
        part: &'static str,
        found: impl fmt::Display,
        expected: impl fmt::Display,
    ) -> Self {
        Self::Damaged {
            path: path.to_path_buf(),
            part,
            found: shortened(&found.to_string()),
            expected: expected.to_string(),
        }
    }
}

/// Where and why a row was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError {
    /// The raw file (or the name of a generated source).
    pub file: String,
    /// 1-based line on which the row begins.
    pub line: u64,
    /// The column, where one is to blame.
    pub column: Option<String>,
    /// The value found, shortened and escaped.
    pub value: String,
    /// What was expected.
    pub expected: String,
    /// What to do about it.
    pub next: &'static str,
    /// The kind of fault, under which refused rows are counted.
    pub reason: Reason,
}

/// Kinds of faults of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// A label other than 0 or 1.
    Label,
    /// A value that is no finite number, or none that f32 can hold.
    Number,
    /// A missing value of a field that must have one.
    Missing,
    /// More or fewer fields than a row has.
    FieldCount,
    /// Bytes that are not UTF-8.
    Encoding,
    /// A NUL byte.
    Nul,
    /// A quote that stands where none may, or is not closed.
    Quote,
    /// A line without anything in it.
    EmptyLine,
    /// A line longer than `rows.max_line_bytes`.
    LineTooLong,
    /// A token of a sparse line that is not spelt as its format asks.
    Token,
    /// A field that stands in a sparse line twice.
    RepeatedField,
    /// A list of a multi-hot field that is not spelt as its field asks.
    List,
    /// A value that the split's rule cannot place.
    Split,
    /// Any other fault.
    Other,
}

impl Reason {
    /// The name in summaries and quarantine files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Label => "label",
            Self::Number => "number",
            Self::Missing => "missing",
            Self::FieldCount => "field_count",
            Self::Encoding => "encoding",
            Self::Nul => "nul",
            Self::Quote => "quote",
            Self::EmptyLine => "empty_line",
            Self::LineTooLong => "line_too_long",
            Self::Token => "token",
            Self::RepeatedField => "repeated_field",
            Self::List => "list",
            Self::Split => "split",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}", self.file, self.line)?;
        if let Some(column) = &self.column {
            write!(f, ", column `{column}`")?;
        }
        write!(f, ": found {}, expected {}; {}", self.value, self.expected, self.next)
    }
}

/// A refused value before its place is known; [`Refusal::at`] gives it one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) column: Option<String>,
    pub(crate) value: String,
    pub(crate) expected: String,
    pub(crate) next: &'static str,
    pub(crate) reason: Reason,
}

impl Refusal {
    pub(crate) fn new(value: String, expected: impl Into<String>, next: &'static str) -> Self {
        Self { column: None, value, expected: expected.into(), next, reason: Reason::Other }
    }

    pub(crate) fn reason(self, reason: Reason) -> Self {
        Self { reason, ..self }
    }

    pub(crate) fn column(mut self, column: impl Into<String>) -> Self {
        self.column = Some(column.into());
        self
    }

    pub(crate) fn at(self, file: &str, line: u64) -> DataError {
        DataError::Row(Box::new(self.row_error(file, line)))
    }

    pub(crate) fn bad_row<'a>(self, file: &str, line: u64, raw: &'a [u8]) -> BadRow<'a> {
        BadRow { error: Box::new(self.row_error(file, line)), raw }
    }

    fn row_error(self, file: &str, line: u64) -> RowError {
        let Self { column, value, expected, next, reason } = self;
        RowError { file: file.to_owned(), line, column, value, expected, next, reason }
    }
}

/// Bytes of a raw file as a quoted, escaped and shortened text.
pub(crate) fn shown(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "nothing".to_owned();
    }
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * SHOWN)]);
    shortened(&format!("{text:?}"))
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn listed(found: &[String]) -> String {
    const MOST: usize = 12;
    let first = found.iter().take(MOST).map(String::as_str).collect::<Vec<_>>().join(", ");
    if found.len() > MOST { format!("{first}, … ({} columns)", found.len()) } else { first }
}

fn nearest(column: &str, found: &[String]) -> String {
    found
        .iter()
        .map(|name| (strsim::damerau_levenshtein(column, name), name))
        .filter(|(distance, name)| *distance <= 1 + name.len() / 4)
        .min()
        .map_or_else(String::new, |(_, name)| format!(" (did you mean `{name}`?)"))
}

fn io_next_step(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::NotFound => "check the path, or fetch the data set first",
        io::ErrorKind::PermissionDenied => "check the permissions of the file and of its folder",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free space on that volume, or choose a cache directory on another one"
        }
        io::ErrorKind::FileTooLarge => "raise the limit on the size of files (`ulimit -f`), or use another volume",
        io::ErrorKind::IsADirectory => "name a file, not a folder",
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
            "the file is cut short or damaged: fetch it again"
        }
        io::ErrorKind::ReadOnlyFilesystem => "choose a cache directory on a writable volume",
        _ => "check the file and its volume, then run again",
    }
}
