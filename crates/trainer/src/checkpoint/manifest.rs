//! `manifest.json` and `index.json`: what a checkpoint consists of, and which checkpoints a run has.
use serde::{Deserialize, Serialize};

use crate::fit::FitState;

/// The contents of `manifest.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Steps done. With the epoch and batch of `fit`, the counters of every random stream.
    pub steps: u64,
    /// Where the loop stands.
    pub fit: FitState,
    /// What the checkpoint belongs to.
    pub identity: Identity,
    /// The other files of the folder.
    pub files: Vec<FileEntry>,
}

/// What a run is: a checkpoint of another one is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Fingerprint of the plan, the seed of each random stream included, see [`Plan::fingerprint`](crate::config::Plan::fingerprint).
    pub plan: String,
    /// Fingerprint of the columns, see [`schema_fingerprint`].
    pub schema: String,
    /// Digest of the encoded data.
    pub dataset: String,
}

/// BLAKE3 in hexadecimal over the columns of the encoded rows: their names, kinds and cardinalities.
///
/// # Errors
/// When the schema cannot be written as JSON.
pub fn schema_fingerprint(schema: &ctr_data::Schema) -> Result<String, serde_json::Error> {
    let mut hasher = blake3::Hasher::new_derive_key("ctr trainer 2026-11 schema fingerprint");
    hasher.update(&serde_json::to_vec(schema)?);
    Ok(hasher.finalize().to_hex().to_string())
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

/// The contents of `index.json`: replaced in one piece, so that the best and the latest checkpoint always belong together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// Every checkpoint that is kept, in the order of writing; the last one is where a resumed run goes on.
    pub checkpoints: Vec<IndexEntry>,
    /// The folder of the best one, once an epoch is done.
    pub best: Option<String>,
}

/// One checkpoint of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexEntry {
    /// Its folder.
    pub name: String,
    /// Steps done.
    pub steps: u64,
    /// The epoch that it ends; none where it lies within one.
    pub epoch: Option<usize>,
}

/// Which checkpoints are kept beside the best one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// How many of the latest ones.
    pub last: usize,
    /// Those that end an epoch whose number is a multiple of this one; `0` keeps none for its number.
    pub every_epochs: usize,
}

impl Index {
    /// Adds a checkpoint and forgets those that are not to be kept any more.
    pub(super) fn add(&mut self, entry: IndexEntry, best: bool, keep: Retention) {
        if best {
            self.best = Some(entry.name.clone());
        }
        self.checkpoints.push(entry);
        let first_of_last = self.checkpoints.len().saturating_sub(keep.last.max(1));
        let mut position = 0;
        let best = self.best.as_ref();
        self.checkpoints.retain(|entry| {
            let numbered = |epoch: usize| keep.every_epochs > 0 && epoch.is_multiple_of(keep.every_epochs);
            let kept = position >= first_of_last || Some(&entry.name) == best || entry.epoch.is_some_and(numbered);
            position += 1;
            kept
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_the_best_and_every_kth_are_kept() {
        let kept = |last, every_epochs| {
            let mut index = Index::default();
            for epoch in 1..=10 {
                let middle = IndexEntry { name: format!("{epoch}m"), steps: epoch as u64 * 10 - 5, epoch: None };
                index.add(middle, false, Retention { last, every_epochs });
                let end = IndexEntry { name: epoch.to_string(), steps: epoch as u64 * 10, epoch: Some(epoch) };
                index.add(end, epoch == 5, Retention { last, every_epochs });
            }
            assert_eq!(index.best.as_deref(), Some("5"));
            index.checkpoints.into_iter().map(|entry| entry.name).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(kept(1, 0), "5 10");
        assert_eq!(kept(3, 0), "5 9 10m 10");
        assert_eq!(kept(1, 4), "4 5 8 10");
        assert_eq!(kept(0, 0), "5 10", "one is always kept");
    }
}
