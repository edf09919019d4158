//! Small JSON files that carry the digest of their own contents.
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::CheckpointError;
use crate::repro::write_atomic;

/// The version of the formats that this program writes and reads.
const VERSION: u32 = 2;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed<T> {
    version: u32,
    /// BLAKE3 of `content` as compact JSON, in hexadecimal.
    blake3: String,
    content: T,
}

/// What is read first: another version may have other keys.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

/// Writes `content` with its digest.
pub(super) fn write<T: Serialize>(path: &Path, content: &T) -> Result<(), CheckpointError> {
    let malformed = |error: serde_json::Error| CheckpointError::malformed(path, error.to_string());
    let blake3 = digest(content).map_err(malformed)?;
    let mut bytes = serde_json::to_vec_pretty(&Sealed { version: VERSION, blake3, content }).map_err(malformed)?;
    bytes.push(b'\n');
    Ok(write_atomic(path, &bytes)?)
}

/// Reads what [`write`] wrote.
pub(super) fn read<T: Serialize + DeserializeOwned>(path: &Path) -> Result<T, CheckpointError> {
    let bytes = std::fs::read(path).map_err(|source| CheckpointError::Read { path: path.to_owned(), source })?;
    let malformed = |error: serde_json::Error| CheckpointError::malformed(path, error.to_string());
    let Version { version: found } = serde_json::from_slice(&bytes).map_err(malformed)?;
    if found != VERSION {
        return Err(CheckpointError::Version { path: path.to_owned(), found, expected: VERSION });
    }
    let sealed: Sealed<T> = serde_json::from_slice(&bytes).map_err(malformed)?;
    let found = digest(&sealed.content).map_err(malformed)?;
    if found != sealed.blake3 {
        let (path, what) = (path.to_owned(), "BLAKE3 digest of its contents");
        return Err(CheckpointError::Damaged { path, what, found, expected: sealed.blake3 });
    }
    Ok(sealed.content)
}

fn digest<T: Serialize>(content: &T) -> Result<String, serde_json::Error> {
    Ok(blake3::hash(&serde_json::to_vec(content)?).to_hex().to_string())
}
