//! `manifest.json`: what a checkpoint consists of.
use serde::{Deserialize, Serialize};

use crate::fit::FitState;

/// The version of the format that this program writes and reads.
pub(super) const VERSION: u32 = 1;

/// The contents of `manifest.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of the format.
    pub version: u32,
    /// Steps done.
    pub steps: u64,
    /// Where the loop stands.
    pub fit: FitState,
    /// Fingerprint of the plan, see [`Plan::fingerprint`](crate::config::Plan::fingerprint).
    pub plan: String,
    /// Digest of the encoded data.
    pub dataset: String,
    /// The other files of the folder.
    pub files: Vec<FileEntry>,
}

/// One file of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Its name in the folder.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// BLAKE3 of its contents, in hexadecimal.
    pub blake3: String,
}
