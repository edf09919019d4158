//! Lookups to rows: the gradient of each row is the sum over its lookups.
use rayon::prelude::*;

use super::Lookups;

const ROWS_PER_BLOCK: usize = 128;

/// Σ over the lookups of each row, first lookup first; `grads` is [N, D], the result [U, D].
///
/// The order of the additions is fixed by the plan, so the bits do not depend on the number of threads.
#[must_use]
pub fn segment_sum(grads: &[f32], width: usize, lookups: Lookups<'_>) -> Vec<f32> {
    let mut sums = vec![0.0; lookups.rows.len() * width];
    sums.par_chunks_mut(ROWS_PER_BLOCK * width).enumerate().for_each(|(block, sums)| {
        let first = block * ROWS_PER_BLOCK;
        for (sum, bounds) in sums.chunks_exact_mut(width).zip(lookups.offsets[first..].windows(2)) {
            for &lookup in &lookups.order[bounds[0] as usize..bounds[1] as usize] {
                let grad = &grads[lookup as usize * width..][..width];
                for (sum, grad) in sum.iter_mut().zip(grad) {
                    *sum += grad;
                }
            }
        }
    });
    sums
}
