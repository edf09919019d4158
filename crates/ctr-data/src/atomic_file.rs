//! Files that are there whole or not at all.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use tempfile::NamedTempFile;

use crate::error::DataError;

/// Writes a file beside its final place, makes it durable and renames it: a reader sees the old content or the new.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), DataError> {
    write_with(path, |file| file.write_all(bytes).map_err(|cause| DataError::io("write", path, cause)))
}

/// The same for content that `fill` writes.
pub(crate) fn write_with(path: &Path, fill: impl FnOnce(&mut File) -> Result<(), DataError>) -> Result<(), DataError> {
    let dir = match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    let mut file = NamedTempFile::new_in(dir).map_err(|cause| DataError::io("create a file in", dir, cause))?;
    fill(file.as_file_mut())?;
    file.as_file().sync_all().map_err(|cause| DataError::io("write", path, cause))?;
    file.persist(path).map_err(|error| DataError::io("rename a file to", path, error.error))?;
    sync_dir(dir)
}

/// Makes a folder's entries durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), DataError> {
    let synced = if cfg!(unix) { File::open(dir).and_then(|dir| dir.sync_all()) } else { Ok(()) };
    synced.map_err(|cause| DataError::io("write the entries of", dir, cause))
}
