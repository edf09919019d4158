//! Bytes of a raw file, decompressed where it is compressed.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;

use crate::error::DataError;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Compressed bytes read at a time.
const COMPRESSED_BUFFER: usize = 1 << 17;

/// A file's content, read from its beginning.
///
/// A file is decompressed when its first bytes are those of gzip (RFC 1952) or Zstandard (RFC 8878): no UTF-8 text begins so. Files of several
/// members or frames are read to the end.
pub(super) struct Input {
    content: Content,
    path: PathBuf,
    /// Bytes of the file read so far.
    read: Arc<AtomicU64>,
}

enum Content {
    Plain(Rest),
    Decompressed(Box<dyn Read + Send>),
}

/// The first bytes, which were looked at, and then the file.
struct Rest {
    first: [u8; 4],
    seen: usize,
    given: usize,
    file: File,
    read: Arc<AtomicU64>,
}

impl Read for Rest {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = if self.given < self.seen {
            let count = (self.seen - self.given).min(buffer.len());
            buffer[..count].copy_from_slice(&self.first[self.given..self.given + count]);
            self.given += count;
            count
        } else {
            self.file.read(buffer)?
        };
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl Rest {
    /// Appends up to `most` bytes; fewer at the end. From the file they go to where they are wanted, over no zeros.
    fn read_onto(&mut self, buffer: &mut Vec<u8>, most: usize) -> std::io::Result<usize> {
        let first = most.min(self.seen - self.given);
        buffer.extend_from_slice(&self.first[self.given..self.given + first]);
        self.given += first;
        let rest = (&mut self.file).take((most - first) as u64).read_to_end(buffer)?;
        self.read.fetch_add((first + rest) as u64, Ordering::Relaxed);
        Ok(first + rest)
    }
}

impl Input {
    pub(super) fn open(path: &Path) -> Result<Self, DataError> {
        let file = File::open(path).map_err(|cause| DataError::io("open", path, cause))?;
        let read = Arc::new(AtomicU64::new(0));
        let mut rest = Rest { first: [0; 4], seen: 0, given: 0, file, read: Arc::clone(&read) };
        while rest.seen < rest.first.len() {
            match rest.file.read(&mut rest.first[rest.seen..]) {
                Ok(0) => break,
                Ok(count) => rest.seen += count,
                Err(cause) if cause.kind() == ErrorKind::Interrupted => {}
                Err(cause) => return Err(DataError::io("read", path, cause)),
            }
        }
        let content = if rest.first[..rest.seen].starts_with(&GZIP) {
            Content::Decompressed(Box::new(MultiGzDecoder::new(BufReader::with_capacity(COMPRESSED_BUFFER, rest))))
        } else if rest.first[..rest.seen].starts_with(&ZSTD) {
            let decoder = zstd::Decoder::with_buffer(BufReader::with_capacity(COMPRESSED_BUFFER, rest))
                .map_err(|cause| DataError::io("read", path, cause))?;
            Content::Decompressed(Box::new(decoder))
        } else {
            Content::Plain(rest)
        };
        Ok(Self { content, path: path.to_path_buf(), read })
    }

    /// Whether bytes of the content are bytes of the file.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.content, Content::Plain(_))
    }

    /// Bytes of the file read so far; a decompressor reads ahead.
    pub(super) fn position(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Reads until `buffer` is `wanted` bytes long or the content ends; true at its end.
    pub(super) fn fill(&mut self, buffer: &mut Vec<u8>, wanted: usize) -> Result<bool, DataError> {
        let missing = wanted.saturating_sub(buffer.len());
        let read = match &mut self.content {
            Content::Plain(rest) => rest.read_onto(buffer, missing),
            Content::Decompressed(decoder) => decoder.take(missing as u64).read_to_end(buffer),
        };
        let read = read.map_err(|cause| DataError::io("read", &self.path, cause))?;
        Ok(read < missing)
    }
}

/// Length of a file in bytes.
pub(super) fn size(path: &Path) -> Result<u64, DataError> {
    let length = std::fs::metadata(path).map_err(|cause| DataError::io("open", path, cause))?.len();
    Ok(length)
}

/// BLAKE3 of a file's bytes, as they lie on disk; `watch` is called with the bytes read so far.
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
