//! What can go wrong with a file that a run reads or writes.

use std::io;
use std::path::{Path, PathBuf};

/// A file that could not be read or written. The message says everything, the system's answer included.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file could not be read.
    #[error("cannot read {}: {cause}; check that it exists and may be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        cause: io::Error,
    },
    /// The file could not be written. What stood there before still does.
    #[error("cannot write {}: {cause}; check that its folder exists and may be written", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        cause: io::Error,
    },
    /// There is no room for the file. What stood there before still does.
    #[error("cannot write {}: {cause}; {wanted} bytes were wanted: free space on that disk, or name another folder, then run again", path.display())]
    Full {
        /// The file.
        path: PathBuf,
        /// Bytes of the file, or of it as far as it had been produced.
        wanted: u64,
        /// The system's answer.
        cause: io::Error,
    },
    /// A file to which lines are appended does not end with a whole line.
    #[error("{}: line {line} is incomplete, so nothing can be appended after it; remove that line or choose another file", path.display())]
    TornLine {
        /// The file.
        path: PathBuf,
        /// The last line, from 1.
        line: usize,
    },
}

impl FileError {
    pub(crate) fn read(path: &Path, cause: io::Error) -> Self {
        Self::Read { path: path.to_owned(), cause }
    }

    /// The error of a write of `wanted` bytes.
    pub(crate) fn write(path: &Path, wanted: u64, cause: io::Error) -> Self {
        let path = path.to_owned();
        match cause.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::Full { path, wanted, cause }
            }
            _ => Self::Write { path, cause },
        }
    }
}
