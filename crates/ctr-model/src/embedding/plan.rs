//! The row plan of a batch, as the loader hands it over.

/// Which rows a batch looks up, grouped by row.
///
/// Slot s of B·F (`s = b·F + f`) is example b's value of field f. Where every field looks up one row, lookup n is slot n, and `bags` is
/// empty; otherwise the lookups of slot s are `bags[s]..bags[s + 1]`. Lookup `n` of N reads row `rows[inverse[n]]`; the lookups of `rows[u]`
/// are `order[offsets[u]..offsets[u + 1]]`, in ascending order.
#[derive(Clone, Copy, Debug)]
pub struct Lookups<'a> {
    /// The distinct rows, strictly ascending; U of them.
    pub rows: &'a [u64],
    /// For each lookup, its place in `rows`; N of them.
    pub inverse: &'a [u32],
    /// Where each row's lookups begin in `order`; U + 1 of them.
    pub offsets: &'a [u32],
    /// The lookups sorted by row; N of them.
    pub order: &'a [u32],
    /// Where each slot's lookups begin; B·F + 1 of them, or none where lookup n is slot n.
    pub bags: &'a [u32],
    /// The factor on each lookup's row in a sum; N of them, or none where all are 1.
    pub factors: &'a [f32],
}

impl Lookups<'_> {
    /// The lookups of a slot.
    #[inline(always)]
    pub(super) fn of_slot(&self, slot: usize) -> std::ops::Range<usize> {
        match self.bags {
            [] => slot..slot + 1,
            bags => bags[slot] as usize..bags[slot + 1] as usize,
        }
    }

    /// The slot of each lookup, where it is not the lookup's own number.
    pub(super) fn slots(&self) -> Option<Vec<u32>> {
        let (_, ends) = self.bags.split_first()?;
        let mut slots = Vec::with_capacity(self.inverse.len());
        for (slot, &end) in (0..).zip(ends) {
            slots.resize(end as usize, slot);
        }
        Some(slots)
    }

    #[inline(always)]
    pub(super) fn row(&self, lookup: usize) -> u64 {
        self.rows[self.inverse[lookup] as usize]
    }

    #[inline(always)]
    pub(super) fn factor(&self, lookup: usize) -> f32 {
        self.factors.get(lookup).copied().unwrap_or(1.0)
    }
}
