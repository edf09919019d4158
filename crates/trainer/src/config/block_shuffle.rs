//! A shuffle that holds a window of rows in memory.
use serde::{Deserialize, Serialize};

/// Keys of `[training.block_shuffle]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BlockShuffleConfig {
    /// Consecutive rows of a block, ≥ 1. Default `4096`.
    pub block: usize,
    /// Blocks of a window, ≥ 1: each loader thread holds 8 bytes for each of its rows. Default `64`.
    pub window: usize,
}

impl Default for BlockShuffleConfig {
    fn default() -> Self {
        Self { block: 4096, window: 64 }
    }
}
