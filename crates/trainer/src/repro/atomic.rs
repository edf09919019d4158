//! Files that are whole or absent, whatever happens while they are written.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::disk::{self, DiskFile};
use super::file_error::FileError;

/// Writes `bytes` to `path`: afterwards the file holds all of them, or what it held before.
///
/// They go to a temporary file in the same folder, which is synced to disk and renamed over `path`; then the folder is
/// synced, so that the rename survives a power cut. The folder must exist.
///
/// # Errors
/// [`FileError::Full`] where there is no room, [`FileError::Write`] otherwise; the temporary file is removed.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    write_atomic_with(path, |writer| writer.write_all(bytes)).map_err(|error| match error {
        FileError::Full { path, cause, .. } => FileError::Full { path, wanted: bytes.len() as u64, cause },
        other => other,
    })
}

/// The same for content that is produced piece by piece, through a buffer.
///
/// # Errors
/// As [`write_atomic`]; an error that `produce` returns counts as one of writing.
pub fn write_atomic_with(path: &Path, produce: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), FileError> {
    let mut written = 0;
    replace(path, produce, &mut written).map_err(|cause| FileError::write(path, written, cause))
}

fn replace(path: &Path, produce: impl FnOnce(&mut dyn Write) -> io::Result<()>, written: &mut u64) -> io::Result<()> {
    let name = path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut prefix = std::ffi::OsString::from(".");
    prefix.push(name);
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // The process's umask still applies: the file gets the permissions of any other new file.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    disk::attempt()?;
    let mut file = builder.tempfile_in(folder)?;
    let mut writer = Counting { inner: BufWriter::new(DiskFile(file.as_file_mut())), written };
    produce(&mut writer)?;
    writer.flush()?;
    drop(writer);
    disk::sync_file(file.as_file())?;
    disk::attempt()?;
    file.persist(path).map_err(|error| error.error)?;
    disk::sync_folder(folder)
}

/// Counts the bytes that were to be written, also those that no longer fitted.
struct Counting<'a, W> {
    inner: W,
    written: &'a mut u64,
}

impl<W: Write> Write for Counting<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        *self.written += bytes.len() as u64;
        let taken = self.inner.write(bytes)?;
        *self.written -= (bytes.len() - taken) as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const ENOSPC: i32 = 28;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("folder");
        let mut names: Vec<_> =
            entries.map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_created_and_replaced_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("run.json");
        for bytes in [&b"first"[..], b"", b"a longer second"] {
            write_atomic(&path, bytes).expect("write");
            assert_eq!(fs::read(&path).expect("read"), bytes);
        }
        assert_eq!(names(folder.path()), ["run.json"]);
    }

    #[cfg(unix)]
    #[test]
    fn permissions_are_those_of_any_new_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("folder");
        let (ours, plain) = (folder.path().join("ours"), folder.path().join("plain"));
        write_atomic(&ours, b"x").expect("write");
        fs::write(&plain, b"x").expect("write");
        let mode = |path: &Path| fs::metadata(path).expect("metadata").permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
    }

    #[test]
    fn a_failure_half_way_keeps_the_old_file_and_removes_the_new_one() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("model.bin");
        write_atomic(&path, b"old").expect("write");
        let error = write_atomic_with(&path, |writer| {
            writer.write_all(&vec![1; 100_000])?;
            Err(io::Error::from_raw_os_error(ENOSPC))
        })
        .expect_err("the disk is full");
        assert!(matches!(error, FileError::Full { wanted: 100_000, .. }), "{error:?}");
        let text = error.to_string();
        for part in ["model.bin", "No space left", "100000 bytes were wanted", "free space"] {
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(fs::read(&path).expect("read"), b"old");
        assert_eq!(names(folder.path()), ["model.bin"]);
    }

    #[test]
    fn an_absent_folder_and_a_folder_in_the_way_are_named() {
        let folder = tempfile::tempdir().expect("folder");
        let absent = folder.path().join("absent").join("a");
        let text = write_atomic(&absent, b"x").expect_err("no folder").to_string();
        assert!(text.contains("absent/a") && text.contains("check that its folder exists"), "{text}");
        let taken = folder.path().join("taken");
        fs::create_dir(&taken).expect("folder");
        assert!(matches!(write_atomic(&taken, b"x"), Err(FileError::Write { .. })));
        assert_eq!(names(folder.path()), ["taken"]);
        assert!(matches!(write_atomic(Path::new("/"), b"x"), Err(FileError::Write { .. })));
    }
}
