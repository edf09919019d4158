//! The system calls that change a disk: one place, so that a test can make each of them fail in its turn.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Makes a folder and those above it.
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    attempt()?;
    fs::create_dir_all(path)
}

/// Gives a file or folder another name.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    attempt()?;
    fs::rename(from, to)
}

/// Removes a folder with its contents; one that is absent is no error.
pub(crate) fn remove_folder(path: &Path) -> io::Result<()> {
    attempt()?;
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes a folder's entries durable. Only Unix has a call for it.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    attempt()?;
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

/// Makes a file's contents durable.
pub(crate) fn sync_file(file: &File) -> io::Result<()> {
    attempt()?;
    file.sync_all()
}

/// A file that is written to.
pub(crate) struct DiskFile<'a>(pub(crate) &'a mut File);

impl Write for DiskFile<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = attempt_write(bytes.len())?;
        self.0.write(&bytes[..taken])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(not(test))]
#[allow(clippy::unnecessary_wraps, reason = "the same signature as where a test makes calls fail")]
pub(crate) fn attempt() -> io::Result<()> {
    Ok(())
}

#[cfg(not(test))]
#[allow(clippy::unnecessary_wraps, reason = "the same signature as where a test makes calls fail")]
fn attempt_write(bytes: usize) -> io::Result<usize> {
    Ok(bytes)
}

#[cfg(test)]
pub(crate) use faults::attempt;
#[cfg(test)]
use faults::attempt_write;

/// A disk that fails when a test says so.
#[cfg(test)]
pub(crate) mod faults {
    use std::cell::Cell;
    use std::io;

    /// What happens from the chosen call on.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Fault {
        /// That call fails with this error of the system, later ones work again.
        Once(i32),
        /// That call and all later ones fail with this error: a disk that has gone, or a process that was killed.
        Forever(i32),
        /// If that call is a write, it takes half of its bytes; the next call fails with this error.
        Short(i32),
    }

    thread_local! {
        static PLAN: Cell<Option<(usize, Fault)>> = const { Cell::new(None) };
        static CALLS: Cell<usize> = const { Cell::new(0) };
    }

    /// Runs `work` with the call of this number, counted from 0, failing; also says how many calls were made.
    pub(crate) fn with_fault<R>(plan: Option<(usize, Fault)>, work: impl FnOnce() -> R) -> (R, usize) {
        PLAN.set(plan);
        CALLS.set(0);
        let result = work();
        PLAN.set(None);
        (result, CALLS.get())
    }

    fn number() -> usize {
        let number = CALLS.get();
        CALLS.set(number + 1);
        number
    }

    pub(crate) fn attempt() -> io::Result<()> {
        attempt_write(0).map(drop)
    }

    pub(super) fn attempt_write(bytes: usize) -> io::Result<usize> {
        let number = number();
        let fail = |code| Err(io::Error::from_raw_os_error(code));
        match PLAN.get() {
            Some((at, Fault::Once(code))) if number == at => fail(code),
            Some((at, Fault::Forever(code))) if number >= at => fail(code),
            Some((at, Fault::Short(_))) if number == at && bytes > 1 => Ok(bytes / 2),
            Some((at, Fault::Short(code))) if number == at + 1 => fail(code),
            _ => Ok(bytes),
        }
    }
}
