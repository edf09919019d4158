//! Making row plans.

use super::RowPlan;
use crate::bags::Bags;
use crate::config::Pooling;
use crate::error::DataError;
use crate::row_layout::RowLayout;

/// Makes row plans; keeps its buffers from one to the next.
#[derive(Debug, Default)]
pub struct RowPlanner {
    /// The row of each lookup within its table; not used where lookup n is slot n.
    local: Vec<u32>,
    /// The lookups of one table: row above lookup, in one integer.
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

    /// The plan of field-local ids: those of the fields with one value `[B, F − M]` (row-major), and the lists of the M multi-hot fields.
    ///
    /// Tables own ascending ranges of rows, so sorting by row is sorting each table by its own rows: a least-significant-digit radix sort
    /// on (row, lookup), of as many digits as the table's largest row has. Linear in N, no hashing, and stable, so that the result is a
    /// function of the ids alone.
    ///
    /// # Errors
    /// [`DataError::Mismatch`] if the ids are not a whole number of examples, an id is outside its table, or there are 2³² lookups or more.
    pub fn plan(&mut self, categorical: &[u32], bags: &Bags, layout: &RowLayout) -> Result<RowPlan, DataError> {
        let examples = examples(categorical, bags, layout)?;
        let one_to_one = layout.is_one_to_one();
        let mut plan = RowPlan::default();
        let lookups = if one_to_one {
            categorical.len()
        } else {
            self.take_slots(examples, categorical, bags, layout, &mut plan)?;
            self.local.len()
        };
        if u32::try_from(lookups).is_err() {
            return Err(DataError::Mismatch {
                what: "lookups in a batch",
                found: lookups.to_string(),
                expected: "fewer than 2^32; use a smaller batch".to_owned(),
            });
        }
        let most = lookups.min(usize::try_from(layout.rows).unwrap_or(usize::MAX));
        plan.rows.reserve_exact(most);
        plan.inverse.resize(lookups, 0);
        plan.offsets.reserve_exact(most + 1);
        plan.order.reserve_exact(lookups);
        for table in 0..if lookups == 0 { 0 } else { layout.tables.len() } {
            let largest = if one_to_one {
                self.take_ids(categorical, table, layout)?
            } else {
                self.take_lookups(examples, table, layout, &plan.bags)
            };
            self.sort(u32::BITS - largest.leading_zeros());
            self.emit(layout.tables[table].base, &mut plan);
        }
        plan.offsets.push(lookups as u32);
        Ok(plan)
    }

    /// Writes down the lookups of every slot, where a slot may have more or fewer than one.
    fn take_slots(
        &mut self,
        examples: usize,
        categorical: &[u32],
        bags: &Bags,
        layout: &RowLayout,
        plan: &mut RowPlan,
    ) -> Result<(), DataError> {
        self.local.clear();
        plan.bags.reserve_exact(examples * layout.fields() + 1);
        plan.bags.push(0);
        let has_factors = layout
            .fields
            .iter()
            .any(|field| field.multi_hot.is_some_and(|list| list.pooling == Pooling::Mean || list.weighted));
        let (mut ids, mut lists) = (categorical.iter(), 0..);
        for _ in 0..examples {
            for (number, field) in layout.fields.iter().enumerate() {
                let table = &layout.tables[field.table];
                let check =
                    |id: u32| if u64::from(id) < table.ids { Ok(id) } else { Err(outside(id, number, table.ids)) };
                match (field.multi_hot, table.buckets) {
                    (Some(_), _) => {
                        let range = lists.next().map_or(0..0, |list| bags.range(list));
                        for &id in &bags.ids[range.clone()] {
                            self.local.push(check(id)?);
                        }
                        if has_factors {
                            add_factors(
                                &bags.weights[range],
                                field.multi_hot.map(|list| list.pooling),
                                &mut plan.factors,
                            );
                        }
                    }
                    (None, buckets) => {
                        let id = check(ids.next().copied().unwrap_or(0))?;
                        match buckets {
                            None => self.local.push(id),
                            Some(buckets) => {
                                let (quotient, remainder) = (u64::from(id) / buckets, u64::from(id) % buckets);
                                self.local.push(quotient as u32);
                                self.local.push((table.ids.div_ceil(buckets) + remainder) as u32);
                            }
                        }
                        if has_factors {
                            plan.factors.resize(self.local.len(), 1.0);
                        }
                    }
                }
                plan.bags.push(u32::try_from(self.local.len()).unwrap_or(u32::MAX));
            }
        }
        Ok(())
    }

    /// Takes up the ids of a table where lookup n is slot n; returns the largest.
    fn take_ids(&mut self, categorical: &[u32], table: usize, layout: &RowLayout) -> Result<u32, DataError> {
        self.keys.clear();
        let fields: Vec<usize> = (0..layout.fields()).filter(|&field| layout.fields[field].table == table).collect();
        let cardinality = layout.tables[table].ids;
        let mut largest = 0;
        let mut key = |lookup: usize, id: u32| {
            largest = largest.max(id);
            u64::from(id) << 32 | lookup as u64
        };
        if let [field] = fields[..] {
            let lookups = (field..categorical.len()).step_by(layout.fields());
            self.keys.extend(lookups.map(|lookup| key(lookup, categorical[lookup])));
        } else {
            let examples = categorical.chunks_exact(layout.fields()).enumerate();
            let keys =
                examples.flat_map(|(example, ids)| fields.iter().map(move |&f| (example * ids.len() + f, ids[f])));
            self.keys.extend(keys.map(|(lookup, id)| key(lookup, id)));
        }
        if u64::from(largest) < cardinality {
            return Ok(largest);
        }
        let field =
            fields.iter().find(|&&field| categorical[field..].iter().step_by(layout.fields()).any(|&id| id == largest));
        Err(outside(largest, field.copied().unwrap_or_default(), cardinality))
    }

    /// Takes up the lookups of a table out of the slots; returns the largest row.
    fn take_lookups(&mut self, examples: usize, table: usize, layout: &RowLayout, bags: &[u32]) -> u32 {
        self.keys.clear();
        let mut largest = 0;
        for example in 0..examples {
            for (field, _) in layout.fields.iter().enumerate().filter(|(_, field)| field.table == table) {
                let slot = example * layout.fields() + field;
                for lookup in bags[slot]..bags[slot + 1] {
                    let row = self.local[lookup as usize];
                    largest = largest.max(row);
                    self.keys.push(u64::from(row) << 32 | u64::from(lookup));
                }
            }
        }
        largest
    }

    /// Sorts the keys by row; they enter in ascending lookup, and every pass is stable.
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

    /// Appends a table's sorted lookups to the plan.
    fn emit(&self, base: u64, plan: &mut RowPlan) {
        let before = plan.order.len() as u32;
        plan.order.extend(self.keys.iter().map(|&key| key as u32));
        let (inverse, mut unique, mut last) = (&mut plan.inverse[..], plan.rows.len() as u32, u64::MAX);
        for (sorted, &key) in (before..).zip(&self.keys) {
            let row = key >> 32;
            if row != last {
                last = row;
                unique += 1;
                plan.rows.push(base + row);
                plan.offsets.push(sorted);
            }
            inverse[key as u32 as usize] = unique - 1;
        }
    }
}

/// Number of examples in a batch.
fn examples(categorical: &[u32], bags: &Bags, layout: &RowLayout) -> Result<usize, DataError> {
    let whole = |values: usize, fields: usize| {
        if values == 0 { Some(0) } else { values.checked_div(fields).filter(|_| values.is_multiple_of(fields)) }
    };
    let (single, multi) = (layout.single_fields(), layout.multi_hot_fields());
    let mismatch = |what, found: usize, expected| Err(DataError::Mismatch { what, found: found.to_string(), expected });
    let Some(examples) = whole(categorical.len(), single) else {
        let expected = format!("a multiple of the layout's {single} fields with one value");
        return mismatch("number of ids in a batch", categorical.len(), expected);
    };
    match whole(bags.ends.len(), multi) {
        Some(lists) if multi == 0 || single == 0 || lists == examples => Ok(if single == 0 { lists } else { examples }),
        _ => mismatch("number of lists in a batch", bags.ends.len(), format!("{multi} for each example")),
    }
}

/// The factors of a list's lookups.
fn add_factors(weights: &[f32], pooling: Option<Pooling>, factors: &mut Vec<f32>) {
    let total: f32 = weights.iter().sum();
    let mean = pooling == Some(Pooling::Mean);
    factors.extend(weights.iter().map(|weight| if mean { weight / total } else { *weight }));
}

fn outside(id: u32, field: usize, cardinality: u64) -> DataError {
    DataError::Mismatch {
        what: "id of a categorical field",
        found: format!("id {id} in field number {field}"),
        expected: format!("an id below its cardinality, {cardinality}"),
    }
}
