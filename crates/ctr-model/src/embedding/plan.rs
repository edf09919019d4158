//! The row plan of a batch, as the loader hands it over.

/// Which rows a batch looks up, grouped by row.
///
/// Lookup `n` of N = B·F (`n = b·F + f`) reads row `rows[inverse[n]]`; the lookups of `rows[u]` are
/// `order[offsets[u]..offsets[u + 1]]`, in ascending order.
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
}
