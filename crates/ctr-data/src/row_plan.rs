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
    /// The different rows of the arena, strictly ascending, `[U]`.
    pub rows: Vec<u64>,
    /// Index into `rows` for every lookup, `[N]`.
    pub inverse: Vec<u32>,
    /// Where each row's lookups begin in `order`, and N at the end, `[U + 1]`.
    pub offsets: Vec<u32>,
    /// The lookups sorted by row, those of one row ascending, `[N]`.
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
    /// The lookups of one field: id above example, in one integer.
    keys: Vec<u64>,
    other: Vec<u64>,
    counts: Vec<u32>,
}

/// Digits of at most this many bits: a histogram of 2¹² counters stays in the first-level cache.
const DIGIT_BITS: u32 = 12;

impl RowPlanner {
    /// A planner with empty buffers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The plan of field-local ids `[B, F]` (row-major).
    ///
    /// Fields own ascending ranges of rows, so sorting by row is sorting each field by id: a least-significant-digit radix sort on
    /// (id, example), of as many digits as the field's largest id has. Linear in N, no hashing, and stable, so that the result is a
    /// function of the ids alone.
    ///
    /// # Errors
    /// [`DataError::Mismatch`] if the ids are not a whole number of examples, an id is outside its field, or there are 2³² lookups or more.
    pub fn plan(&mut self, categorical: &[u32], layout: &RowLayout) -> Result<RowPlan, DataError> {
        let (fields, lookups) = (layout.fields(), categorical.len());
        if lookups > 0 && (fields == 0 || !lookups.is_multiple_of(fields)) {
            return Err(DataError::Mismatch {
                what: "number of ids in a batch",
                found: lookups.to_string(),
                expected: format!("a multiple of the layout's {fields} categorical fields"),
            });
        }
        if u32::try_from(lookups).is_err() {
            return Err(DataError::Mismatch {
                what: "lookups in a batch",
                found: lookups.to_string(),
                expected: format!("fewer than 2^32; use a batch of at most {} examples", u32::MAX as usize / fields),
            });
        }
        let most = lookups.min(usize::try_from(layout.rows).unwrap_or(usize::MAX));
        let mut plan = RowPlan {
            rows: Vec::with_capacity(most),
            inverse: vec![0; lookups],
            offsets: Vec::with_capacity(most + 1),
            order: Vec::with_capacity(lookups),
        };
        for field in 0..if lookups == 0 { 0 } else { fields } {
            self.take(categorical, field, layout)?;
            self.emit(field, layout, &mut plan);
        }
        plan.offsets.push(lookups as u32);
        Ok(plan)
    }

    /// Takes up a field's ids and sorts them.
    fn take(&mut self, categorical: &[u32], field: usize, layout: &RowLayout) -> Result<(), DataError> {
        let ids = categorical[field..].iter().step_by(layout.fields());
        self.keys.clear();
        let mut largest = 0;
        self.keys.extend(ids.zip(0_u64..).map(|(&id, example)| {
            largest = largest.max(id);
            u64::from(id) << 32 | example
        }));
        let cardinality = layout.cardinality(field);
        if u64::from(largest) >= cardinality {
            return Err(DataError::Mismatch {
                what: "id of a categorical field",
                found: format!("id {largest} in field number {field}"),
                expected: format!("an id below its cardinality, {cardinality}"),
            });
        }
        self.sort(u32::BITS - largest.leading_zeros());
        Ok(())
    }

    /// Sorts the keys by id; they enter in ascending example, and every pass is stable.
    fn sort(&mut self, id_bits: u32) {
        let passes = id_bits.div_ceil(DIGIT_BITS);
        if passes == 0 {
            return;
        }
        let digit_bits = id_bits.div_ceil(passes);
        let mask = (1_usize << digit_bits) - 1;
        self.other.resize(self.keys.len(), 0);
        self.counts.resize(mask + 1, 0);
        for pass in 0..passes {
            let digit = |key: u64| (key >> (32 + pass * digit_bits)) as usize & mask;
            let (keys, other) = (&self.keys[..], &mut self.other[..]);
            let counts = &mut self.counts[..=mask];
            counts.fill(0);
            for &key in keys {
                counts[digit(key)] += 1;
            }
            let mut before = 0;
            for count in counts.iter_mut() {
                before += std::mem::replace(count, before);
            }
            for &key in keys {
                let place = &mut counts[digit(key)];
                other[*place as usize] = key;
                *place += 1;
            }
            std::mem::swap(&mut self.keys, &mut self.other);
        }
    }

    /// Appends a field's sorted lookups to the plan.
    fn emit(&self, field: usize, layout: &RowLayout, plan: &mut RowPlan) {
        let (fields, base, before) = (layout.fields() as u32, layout.bases[field], plan.order.len() as u32);
        let lookup = |key: u64| key as u32 * fields + field as u32;
        plan.order.extend(self.keys.iter().map(|&key| lookup(key)));
        let (inverse, mut unique, mut last) = (&mut plan.inverse[..], plan.rows.len() as u32, u64::MAX);
        for (sorted, &key) in (before..).zip(&self.keys) {
            let id = key >> 32;
            if id != last {
                last = id;
                unique += 1;
                plan.rows.push(base + id);
                plan.offsets.push(sorted);
            }
            inverse[lookup(key) as usize] = unique - 1;
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
