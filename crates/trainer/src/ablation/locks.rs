//! Locks that the system lets go of when their holder dies, however it dies.
use std::fs::{File, TryLockError};
use std::path::Path;

use super::AblationError;

/// Takes the lock of a file, or says that somebody else has it.
pub(super) fn try_lock(path: &Path) -> Result<Option<File>, AblationError> {
    let file = open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(cause)) => Err(AblationError::io(path, "cannot lock the file")(cause)),
    }
}

/// Waits for the lock of a file.
pub(super) fn lock(path: &Path) -> Result<File, AblationError> {
    let file = open(path)?;
    file.lock().map_err(AblationError::io(path, "cannot lock the file"))?;
    Ok(file)
}

fn open(path: &Path) -> Result<File, AblationError> {
    File::options().create(true).append(true).open(path).map_err(AblationError::io(path, "cannot open the file"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = try_lock(&path).unwrap();
        assert!(held.is_some() && try_lock(&path).unwrap().is_none());
        drop(held);
        assert!(try_lock(&path).unwrap().is_some());
        assert!(lock(&folder.path().join("absent/lock")).unwrap_err().to_string().contains("absent/lock"));
    }
}
