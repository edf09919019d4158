//! Where each field's rows lie in the embedding arena.

use serde::{Deserialize, Serialize};

/// The embedding rows of all categorical fields laid end to end: field f owns rows `bases[f] .. bases[f] + cardinality(f)`.
///
/// Rows are 64-bit: an arena may hold more than 2³² of them, although one field may not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowLayout {
    /// First row of each field, `[F]`.
    pub bases: Vec<u64>,
    /// Rows in all.
    pub rows: u64,
}

impl RowLayout {
    /// Lays fields of the given cardinalities end to end.
    #[must_use]
    pub fn new(cardinalities: impl IntoIterator<Item = u64>) -> Self {
        let mut rows = 0;
        let bases = cardinalities
            .into_iter()
            .map(|cardinality| {
                let base = rows;
                rows += cardinality;
                base
            })
            .collect();
        Self { bases, rows }
    }

    /// Number of categorical fields F.
    #[must_use]
    pub fn fields(&self) -> usize {
        self.bases.len()
    }

    /// Number of rows of a field.
    ///
    /// # Panics
    /// If `field >= self.fields()`.
    #[must_use]
    pub fn cardinality(&self, field: usize) -> u64 {
        self.bases.get(field + 1).copied().unwrap_or(self.rows) - self.bases[field]
    }
}
