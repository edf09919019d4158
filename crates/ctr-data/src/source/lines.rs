//! The lines of a text file.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use memchr::memchr;

use crate::error::{DataError, Refusal, shown};

/// A line longer than this is refused: no row of this field is, and memory must not follow a damaged file.
pub(super) const MAX_LINE: usize = 16 << 20;

const FIRST_BUFFER: usize = 1 << 18;
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Hands out a file's lines one by one, in memory bounded by the longest line.
#[derive(Debug)]
pub(super) struct Lines {
    file: File,
    path: PathBuf,
    name: String,
    buffer: Vec<u8>,
    /// The current line within the buffer, without its end.
    current: std::ops::Range<usize>,
    /// Where the next line begins within the buffer.
    next: usize,
    filled: usize,
    position: Position,
    ended: bool,
}

/// Where the current line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    /// 1-based.
    pub(super) line: u64,
    /// Bytes of the file up to the line's end, this included.
    pub(super) offset: u64,
    /// What ended the line.
    pub(super) end: &'static str,
}

impl Lines {
    pub(super) fn open(path: &Path) -> Result<Self, DataError> {
        let file = File::open(path).map_err(|cause| DataError::io("open", path, cause))?;
        Ok(Self {
            file,
            path: path.to_path_buf(),
            name: path.display().to_string(),
            buffer: vec![0; FIRST_BUFFER],
            current: 0..0,
            next: 0,
            filled: 0,
            position: Position { line: 0, offset: 0, end: "" },
            ended: false,
        })
    }

    /// What messages call the file.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Moves to the next line; none at the end of the file.
    pub(super) fn advance(&mut self) -> Result<Option<Position>, DataError> {
        let mut searched = self.next;
        let end = loop {
            if let Some(found) = memchr(b'\n', &self.buffer[searched..self.filled]) {
                break Some(searched + found);
            }
            if self.ended {
                break None;
            }
            searched = self.filled - self.next;
            self.fill()?;
        };
        if end.is_none() && self.next == self.filled {
            return Ok(None);
        }
        let (mut stop, next) = end.map_or((self.filled, self.filled), |end| (end, end + 1));
        let carriage_return = stop > self.next && self.buffer[stop - 1] == b'\r';
        stop -= usize::from(carriage_return);
        let end = match (carriage_return, end) {
            (true, Some(_)) => "\r\n",
            (false, Some(_)) => "\n",
            (_, None) => "",
        };
        self.current = self.next..stop;
        let offset = self.position.offset + (next - self.next) as u64;
        self.position = Position { line: self.position.line + 1, offset, end };
        self.next = next;
        Ok(Some(self.position))
    }

    /// Whether the current line holds a byte.
    pub(super) fn contains(&self, byte: u8) -> bool {
        memchr(byte, &self.buffer[self.current.clone()]).is_some()
    }

    /// The current line, without its end; checked to be text.
    pub(super) fn text(&self) -> Result<&str, DataError> {
        let bytes = &self.buffer[self.current.clone()];
        if let Some(at) = memchr(0, bytes) {
            let next = "the file is binary or damaged: fetch it again, or convert it to UTF-8";
            let found = format!("a NUL byte at byte {} of the line", at + 1);
            return Err(Refusal::new(found, "text", next).at(&self.name, self.position.line));
        }
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let at = error.valid_up_to();
            let found = format!("byte {:#04x} at byte {} of the line", bytes[at], at + 1);
            let next = "convert the file to UTF-8";
            Refusal::new(found, "UTF-8 text", next).at(&self.name, self.position.line)
        })?;
        let first = self.position.line == 1;
        Ok(if first { text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text) } else { text })
    }

    /// Reads on; what is left of the next line moves to the front of the buffer.
    fn fill(&mut self) -> Result<(), DataError> {
        self.buffer.copy_within(self.next..self.filled, 0);
        self.filled -= self.next;
        self.next = 0;
        if self.filled > MAX_LINE {
            let start = shown(&self.buffer[..32]);
            let next = "check that the file has line ends and is not binary";
            return Err(Refusal::new(
                format!("a line of more than {MAX_LINE} bytes, beginning with {start}"),
                "a row",
                next,
            )
            .at(&self.name, self.position.line + 1));
        }
        if self.filled == self.buffer.len() {
            self.buffer.resize(2 * self.filled, 0);
        }
        loop {
            match self.file.read(&mut self.buffer[self.filled..]) {
                Ok(0) => self.ended = true,
                Ok(read) => self.filled += read,
                Err(cause) if cause.kind() == ErrorKind::Interrupted => continue,
                Err(cause) => return Err(DataError::io("read", &self.path, cause)),
            }
            return Ok(());
        }
    }
}

/// Length of a file in bytes.
pub(super) fn size(path: &Path) -> Result<u64, DataError> {
    let length = std::fs::metadata(path).map_err(|cause| DataError::io("open", path, cause))?.len();
    Ok(length)
}

/// BLAKE3 of a file's bytes.
pub(super) fn fingerprint(
    path: &Path,
    watch: &mut dyn FnMut(u64) -> Result<(), DataError>,
) -> Result<[u8; 32], DataError> {
    let mut file = File::open(path).map_err(|cause| DataError::io("open", path, cause))?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 1 << 20];
    let mut done = 0;
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(*hasher.finalize().as_bytes()),
            Ok(read) => {
                hasher.update(&buffer[..read]);
                done += read as u64;
                watch(done)?;
            }
            Err(cause) if cause.kind() == ErrorKind::Interrupted => {}
            Err(cause) => return Err(DataError::io("read", path, cause)),
        }
    }
}
