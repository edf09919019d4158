//! Which embedding rows a batch touches, and where.

mod planner;
#[cfg(test)]
mod tests;

pub use planner::RowPlanner;

/// The embedding rows that a batch of B examples with F categorical fields looks up, grouped by row.
///
/// Slot s = b·F + f is example b's value of field f. Where every field looks up one row, lookup n is slot n, and `bags` is empty; otherwise
/// the lookups of slot s are `bags[s] .. bags[s + 1]`: the values of a list, or the quotient's and the remainder's row of a compressed
/// table. N lookups touch U ≤ N different rows. With this plan a gather reads each row once, and the sum of gradients over a row's lookups
/// runs in the same order whatever the number of threads.
///
/// For u in 0..U: `order[offsets[u] .. offsets[u + 1]]` are the lookups of row `rows[u]`, ascending; for every lookup n,
/// `rows[inverse[n]]` is its row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RowPlan {
    /// The different rows of the arena, strictly ascending, `[U]`.
    pub rows: Vec<u64>,
    /// Index into `rows` for every lookup, `[N]`.
    pub inverse: Vec<u32>,
    /// Where each row's lookups begin in `order`, and N at the end, `[U + 1]`.
    pub offsets: Vec<u32>,
    /// The lookups sorted by row, those of one row ascending, `[N]`.
    pub order: Vec<u32>,
    /// Where the lookups of each slot begin, and N at the end, `[B·F + 1]`; empty where lookup n is slot n.
    pub bags: Vec<u32>,
    /// The factor on each lookup's row in a sum, `[N]`: its weight, over the sum of the weights where the mean is asked for. Empty where
    /// all are 1.
    pub factors: Vec<f32>,
}

impl RowPlan {
    /// Number of different rows U.
    #[must_use]
    pub fn unique(&self) -> usize {
        self.rows.len()
    }

    /// Number of lookups N.
    #[must_use]
    pub fn lookups(&self) -> usize {
        self.inverse.len()
    }

    /// The lookups of the u-th row, ascending.
    ///
    /// # Panics
    /// If `u >= self.unique()`.
    #[must_use]
    pub fn lookups_of(&self, u: usize) -> &[u32] {
        &self.order[self.offsets[u] as usize..self.offsets[u + 1] as usize]
    }
}
