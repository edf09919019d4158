//! Lists of ids: the values of multi-hot fields.

/// Lists of ids and weights, end to end.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bags {
    /// Where each list ends; those of an example's M multi-hot fields follow one another, `[B·M]`.
    pub ends: Vec<u32>,
    /// The ids of all lists.
    pub ids: Vec<u32>,
    /// The weight of each id.
    pub weights: Vec<f32>,
}

impl Bags {
    /// Where the ids of a list lie.
    ///
    /// # Panics
    /// If there is no such list.
    #[must_use]
    pub fn range(&self, bag: usize) -> std::ops::Range<usize> {
        let start = bag.checked_sub(1).map_or(0, |before| self.ends[before]);
        start as usize..self.ends[bag] as usize
    }

    pub(crate) fn push(&mut self, id: u32, weight: f32) {
        self.ids.push(id);
        self.weights.push(weight);
    }

    /// Ends a list. One of 2³² ids or more has no place in a batch; the row plan refuses it by the number of ids.
    pub(crate) fn end_bag(&mut self) {
        self.ends.push(u32::try_from(self.ids.len()).unwrap_or(u32::MAX));
    }
}
