//! Which embedding rows a batch touches, and where.

use crate::error::DataError;
use crate::row_layout::RowLayout;

/// The embedding rows that a batch of B examples with F categorical fields looks up, grouped by row.
///
/// Lookup n = b·F + f is example b's value of field f; N = B·F lookups touch U ≤ N different rows. With this plan a gather reads each row
/// once, and the sum of gradients over a row's lookups runs in the same order whatever the number of threads.
///
/// For u in 0..U: `order[offsets[u] .. offsets[u + 1]]` are the lookups of row `rows[u]`, ascending; for every lookup n,
/// `rows[inverse[n]]` is its row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RowPlan {
    /// The different rows of the arena, strictly ascending, [U].
    pub rows: Vec<u64>,
    /// Index into `rows` for every lookup, [N].
    pub inverse: Vec<u32>,
    /// Where each row's lookups begin in `order`, and N at the end, [U + 1].
    pub offsets: Vec<u32>,
    /// The lookups sorted by row, those of one row ascending, [N].
    pub order: Vec<u32>,
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

/// Makes row plans; keeps its buffers from one to the next.
#[derive(Debug, Default)]
pub struct RowPlanner {
    narrow: Buffers<u64>,
    wide: Buffers<u128>,
    counts: Vec<u32>,
}

#[derive(Debug, Default)]
struct Buffers<K> {
    keys: Vec<K>,
    other: Vec<K>,
}

/// Digits of at most this many bits: a histogram of 2¹¹ counters stays in the first-level cache.
const DIGIT_BITS: u32 = 11;

impl RowPlanner {
    /// A planner with empty buffers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The plan of field-local ids [B, F] (row-major).
    ///
    /// A least-significant-digit radix sort on (row, position): linear in N, no hashing, and stable, so that the result is a function of
    /// the ids alone.
    ///
    /// # Errors
    /// [`DataError::Mismatch`] if the ids are not a whole number of examples, an id is outside its field, or there are 2³² lookups or more.
    pub fn plan(&mut self, categorical: &[u32], layout: &RowLayout) -> Result<RowPlan, DataError> {
        let fields = layout.fields();
        if fields == 0 && categorical.is_empty() {
            return Ok(RowPlan { offsets: vec![0], ..RowPlan::default() });
        }
        if fields == 0 || !categorical.len().is_multiple_of(fields) {
            return Err(DataError::Mismatch {
                what: "number of ids in a batch",
                found: categorical.len().to_string(),
                expected: format!("a multiple of the layout's {fields} categorical fields"),
            });
        }
        if u32::try_from(categorical.len()).is_err() {
            return Err(DataError::Mismatch {
                what: "lookups in a batch",
                found: categorical.len().to_string(),
                expected: format!("fewer than 2^32; use a batch of at most {} examples", u32::MAX as usize / fields),
            });
        }
        if u32::try_from(layout.rows).is_ok() {
            self.narrow.plan(categorical, layout, &mut self.counts)
        } else {
            self.wide.plan(categorical, layout, &mut self.counts)
        }
    }
}

/// A row above its lookup's position, in one integer.
trait Key: Copy + Default {
    fn pack(row: u64, position: u32) -> Self;
    fn row(self) -> u64;
    fn position(self) -> u32;
    /// Bits `shift ..` of the row, masked.
    fn digit(self, shift: u32, mask: usize) -> usize {
        (self.row() >> shift) as usize & mask
    }
}

impl Key for u64 {
    fn pack(row: u64, position: u32) -> Self {
        row << 32 | Self::from(position)
    }
    fn row(self) -> u64 {
        self >> 32
    }
    fn position(self) -> u32 {
        self as u32
    }
}

impl Key for u128 {
    fn pack(row: u64, position: u32) -> Self {
        Self::from(row) << 32 | Self::from(position)
    }
    fn row(self) -> u64 {
        (self >> 32) as u64
    }
    fn position(self) -> u32 {
        self as u32
    }
}

impl<K: Key> Buffers<K> {
    fn plan(&mut self, categorical: &[u32], layout: &RowLayout, counts: &mut Vec<u32>) -> Result<RowPlan, DataError> {
        self.pack(categorical, layout)?;
        self.sort(u64::BITS - layout.rows.saturating_sub(1).leading_zeros(), counts);

        let lookups = self.keys.len();
        let mut plan = RowPlan {
            rows: Vec::with_capacity(lookups.min(layout.rows as usize)),
            inverse: vec![0; lookups],
            offsets: Vec::with_capacity(lookups.min(layout.rows as usize) + 1),
            order: Vec::with_capacity(lookups),
        };
        for (sorted, key) in self.keys.iter().enumerate() {
            if plan.rows.last() != Some(&key.row()) {
                plan.rows.push(key.row());
                plan.offsets.push(sorted as u32);
            }
            plan.inverse[key.position() as usize] = plan.rows.len() as u32 - 1;
            plan.order.push(key.position());
        }
        plan.offsets.push(lookups as u32);
        Ok(plan)
    }

    fn pack(&mut self, categorical: &[u32], layout: &RowLayout) -> Result<(), DataError> {
        let fields = layout.fields();
        self.keys.clear();
        self.keys.reserve(categorical.len());
        let mut position = 0;
        for example in categorical.chunks_exact(fields) {
            for (field, (&id, &base)) in example.iter().zip(&layout.bases).enumerate() {
                let end = layout.bases.get(field + 1).copied().unwrap_or(layout.rows);
                let row = base + u64::from(id);
                if row >= end {
                    return Err(DataError::Mismatch {
                        what: "id of a categorical field",
                        found: format!("id {id} in field number {field}"),
                        expected: format!("an id below its cardinality, {}", end - base),
                    });
                }
                self.keys.push(K::pack(row, position));
                position += 1;
            }
        }
        Ok(())
    }

    /// Sorts the keys by row; keys enter in ascending position, and every pass is stable.
    fn sort(&mut self, row_bits: u32, counts: &mut Vec<u32>) {
        let passes = row_bits.div_ceil(DIGIT_BITS);
        if passes == 0 {
            return;
        }
        let digit_bits = row_bits.div_ceil(passes);
        let (buckets, mask) = (1_usize << digit_bits, (1_usize << digit_bits) - 1);
        self.other.clear();
        self.other.resize(self.keys.len(), K::default());
        for pass in 0..passes {
            let shift = pass * digit_bits;
            counts.clear();
            counts.resize(buckets, 0);
            for key in &self.keys {
                counts[key.digit(shift, mask)] += 1;
            }
            let mut before = 0;
            for count in counts.iter_mut() {
                let here = *count;
                *count = before;
                before += here;
            }
            for key in &self.keys {
                let place = &mut counts[key.digit(shift, mask)];
                self.other[*place as usize] = *key;
                *place += 1;
            }
            std::mem::swap(&mut self.keys, &mut self.other);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn reference(categorical: &[u32], layout: &RowLayout) -> RowPlan {
        let mut lookups_of: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
        for (n, &id) in categorical.iter().enumerate() {
            lookups_of.entry(layout.bases[n % layout.fields()] + u64::from(id)).or_default().push(n as u32);
        }
        let mut plan = RowPlan { inverse: vec![u32::MAX; categorical.len()], offsets: vec![0], ..RowPlan::default() };
        for (u, (row, lookups)) in lookups_of.into_iter().enumerate() {
            plan.rows.push(row);
            for &n in &lookups {
                plan.inverse[n as usize] = u as u32;
            }
            plan.order.extend(lookups);
            plan.offsets.push(plan.order.len() as u32);
        }
        plan
    }

    /// Fields of mixed sizes, and examples whose ids are legal in them. Some arenas have more than 2³² rows.
    fn batches() -> impl Strategy<Value = (RowLayout, Vec<u32>)> {
        let cardinality = prop_oneof![1_u64..4, 1_u64..3000, Just(1_u64 << 20), Just(1_u64 << 32)];
        prop::collection::vec(cardinality, 1..6).prop_flat_map(|cardinalities| {
            let ids: Vec<_> = cardinalities
                .iter()
                .map(|&cardinality| 0..=(cardinality - 1).min(u64::from(u32::MAX)) as u32)
                .collect();
            prop::collection::vec(ids, 0..60)
                .prop_map(move |examples| (RowLayout::new(cardinalities.iter().copied()), examples.concat()))
        })
    }

    proptest! {
        #[test]
        fn equals_a_sorted_map((layout, categorical) in batches()) {
            let mut planner = RowPlanner::new();
            // A first plan of other contents: nothing of it may be left in the buffers.
            planner.plan(&vec![0; layout.fields() * 70], &layout)?;
            prop_assert_eq!(planner.plan(&categorical, &layout)?, reference(&categorical, &layout));
        }
    }

    #[test]
    fn rows_beyond_32_bits_are_told_apart() {
        let layout = RowLayout::new([1 << 32, 1 << 32, 5]);
        let plan = RowPlanner::new().plan(&[7, 7, 4, 7, 8, 4], &layout).unwrap();
        assert_eq!(plan.rows, [7, (1 << 32) + 7, (1 << 32) + 8, (1 << 33) + 4]);
        assert_eq!(plan.inverse, [0, 1, 3, 0, 2, 3]);
        assert_eq!(plan.lookups_of(3), [2, 5]);
    }

    #[test]
    fn no_lookups_give_an_empty_plan() {
        for layout in [RowLayout::new([]), RowLayout::new([3, 4])] {
            let plan = RowPlanner::new().plan(&[], &layout).unwrap();
            assert_eq!((plan.unique(), plan.lookups(), plan.offsets), (0, 0, vec![0]));
        }
    }

    #[test]
    fn an_id_beyond_its_field_is_refused() {
        let layout = RowLayout::new([3, 4]);
        let message = RowPlanner::new().plan(&[0, 0, 3, 0], &layout).unwrap_err().to_string();
        assert!(message.contains("id 3 in field number 0") && message.contains("cardinality, 3"), "{message}");
    }

    #[test]
    fn part_of_an_example_is_refused() {
        assert!(RowPlanner::new().plan(&[0, 0, 1], &RowLayout::new([3, 4])).is_err());
        assert!(RowPlanner::new().plan(&[0], &RowLayout::new([])).is_err());
    }
}
