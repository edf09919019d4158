//! Rows to lookups.
use rayon::prelude::*;

use super::{EmbeddingTable, Lookups};

const LOOKUPS_PER_BLOCK: usize = 2048;

/// Copies the row of each lookup; the result is [N, D].
#[must_use]
pub fn gather(table: &EmbeddingTable, lookups: Lookups<'_>) -> Vec<f32> {
    let (width, stride) = (table.width(), table.stride());
    let mut out = vec![0.0; lookups.inverse.len() * width];
    out.par_chunks_mut(LOOKUPS_PER_BLOCK * width).zip(lookups.inverse.par_chunks(LOOKUPS_PER_BLOCK)).for_each(
        |(out, inverse)| {
            for (out, &unique) in out.chunks_exact_mut(width).zip(inverse) {
                let start = lookups.rows[unique as usize] as usize * stride;
                out.copy_from_slice(&table.data[start..start + width]);
            }
        },
    );
    out
}
