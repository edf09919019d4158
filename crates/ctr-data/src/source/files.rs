//! The raw files of a source: found by name or pattern, measured and fingerprinted together.

use std::io;
use std::path::{Path, PathBuf};

use super::input;
use crate::config::FileList;
use crate::error::DataError;

/// The files that a list names, in its order; those of a pattern in the order of their paths' bytes.
///
/// # Errors
/// [`DataError::Config`] for a pattern that is none, or that no file matches.
pub(super) fn find(list: &FileList, key: &str, data_dir: &Path) -> Result<Vec<PathBuf>, DataError> {
    let mut files = Vec::new();
    for entry in list.entries() {
        if !FileList::is_pattern(entry) {
            files.push(data_dir.join(entry));
            continue;
        }
        let folder = glob::Pattern::escape(&data_dir.to_string_lossy());
        let pattern = Path::new(&folder).join(entry);
        let refused = |expected: String| DataError::config(key, entry, expected);
        // A `*` stays within a folder and does not stand for a hidden file.
        let options = glob::MatchOptions {
            require_literal_separator: true,
            require_literal_leading_dot: true,
            ..glob::MatchOptions::new()
        };
        let found = glob::glob_with(&pattern.to_string_lossy(), options)
            .map_err(|cause| refused(format!("a pattern of `*`, `**`, `?` and `[…]`: {cause}")))?;
        let mut matched = Vec::new();
        for path in found {
            let path =
                path.map_err(|error| DataError::io("list", error.path(), io::Error::from(error.error().kind())))?;
            if path.is_file() {
                matched.push(path);
            }
        }
        if matched.is_empty() {
            return Err(refused(format!("a pattern that a file in `{}` matches", data_dir.display())));
        }
        matched.sort();
        files.append(&mut matched);
    }
    Ok(files)
}

/// What messages call the files together.
pub(super) fn name(files: &[PathBuf]) -> String {
    match files {
        [] => "no files".to_owned(),
        [file] => file.display().to_string(),
        [first, .., last] => format!("{} … {} ({} files)", first.display(), last.display(), files.len()),
    }
}

/// Their length in bytes, as they lie on disk.
pub(super) fn size(files: &[PathBuf]) -> Result<u64, DataError> {
    files.iter().map(|file| input::size(file)).sum()
}

/// BLAKE3 of one file's bytes; of several, of their digests one after the other.
pub(super) fn fingerprint(
    files: &[PathBuf],
    watch: &mut dyn FnMut(u64) -> Result<(), DataError>,
) -> Result<[u8; 32], DataError> {
    if let [file] = files {
        return input::fingerprint(file, watch);
    }
    let mut all = blake3::Hasher::new();
    let mut before = 0;
    for file in files {
        let mut last = 0;
        let digest = input::fingerprint(file, &mut |done| {
            last = done;
            watch(before + done)
        })?;
        before += last;
        all.update(&digest);
    }
    Ok(*all.finalize().as_bytes())
}
