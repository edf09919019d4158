//! Access to the weights of many rows.
use super::prefetch::prefetch;
use super::table::{InitialWeights, is_unwritten};

/// Reads the weights of rows, numbered as in the plan.
#[derive(Clone, Copy)]
pub(super) struct RowReader<'a> {
    pub(super) data: &'a [f32],
    pub(super) width: usize,
    pub(super) stride: usize,
    pub(super) first: u64,
    pub(super) initial: InitialWeights,
}

impl RowReader<'_> {
    /// Copies the weights of row `row`.
    #[inline(always)]
    pub(super) fn read(&self, row: u64, weights: &mut [f32]) {
        let stored = &self.data[(row - self.first) as usize * self.stride..][..self.width];
        if is_unwritten(stored) {
            self.initial.fill(row, weights);
        } else {
            weights.copy_from_slice(stored);
        }
    }

    /// Asks for the weights of row `row` to be fetched into the cache.
    #[inline(always)]
    pub(super) fn prefetch(&self, row: u64) {
        let place = row.wrapping_sub(self.first) as usize;
        prefetch(self.data, place.wrapping_mul(self.stride), self.width);
    }
}
