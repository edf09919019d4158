//! Rows as a shard has them, before they are written.

use super::interner::Lookup;
use crate::bags::Bags;
use crate::error::Refusal;
use crate::source::Row;

/// Encoded rows, section by section.
#[derive(Debug, Default)]
pub(crate) struct EncodedRows {
    pub(crate) rows: u64,
    /// 0 or 1, `[rows]`, or empty for rows without labels.
    pub(crate) labels: Vec<u8>,
    /// `[rows, N]`
    pub(crate) numeric: Vec<f32>,
    /// Ids of the fields with one value, `[rows, F − M]`.
    pub(crate) categorical: Vec<u32>,
    /// Lists of the multi-hot fields, `[rows, M]`.
    pub(crate) bags: Bags,
    /// `[rows]`, or empty.
    pub(crate) probabilities: Vec<f64>,
    /// Of the row that is being encoded.
    pub(super) lookups: Vec<Option<Lookup>>,
}

/// How much there was before a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lengths {
    numeric: usize,
    categorical: usize,
    bags: usize,
    ids: usize,
}

impl EncodedRows {
    pub(super) fn lengths(&self) -> Lengths {
        let Self { numeric, categorical, bags, .. } = self;
        let (bags, ids) = (bags.ends.len(), bags.ids.len());
        Lengths { numeric: numeric.len(), categorical: categorical.len(), bags, ids }
    }

    /// Takes a row's values back.
    pub(super) fn truncate(&mut self, to: Lengths) {
        self.numeric.truncate(to.numeric);
        self.categorical.truncate(to.categorical);
        self.bags.ends.truncate(to.bags);
        self.bags.ids.truncate(to.ids);
        self.bags.weights.truncate(to.ids);
    }

    /// The end of a row; a source whose rows have labels or probabilities by turns is refused.
    pub(super) fn append_label(&mut self, row: &Row<'_>) -> Result<(), Refusal> {
        let same = self.rows == 0
            || (row.label.is_some() != self.labels.is_empty()
                && row.true_probability.is_some() != self.probabilities.is_empty());
        if !same {
            let found = "a row with a label or a probability that others lack, or without one that they have";
            return Err(Refusal::new(found.to_owned(), "rows that are alike", "correct the source"));
        }
        self.rows += 1;
        self.labels.extend(row.label.map(u8::from));
        self.probabilities.extend(row.true_probability);
        Ok(())
    }
}
