//! Batches of encoded rows on the host.

mod loader;

use crate::bags::Bags;
use crate::error::DataError;
use crate::row_layout::RowLayout;
use crate::row_plan::{RowPlan, RowPlanner};
use crate::shard::Shards;
use crate::shuffle::{Permutation, Window};

pub use loader::{Batches, LoaderOptions, batches};

/// B examples, encoded, with their row plan.
#[derive(Debug, Clone, PartialEq)]
pub struct HostBatch {
    /// Number of the batch within its epoch, from 0.
    pub index: usize,
    /// Row number in the split of each example, in the order of the batch, `[B]`.
    pub examples: Vec<u64>,
    /// Labels, 0 or 1, `[B]`; NaN where the rows came without labels.
    pub labels: Vec<f32>,
    /// Numeric values, row-major `[B, N]`.
    pub numeric: Vec<f32>,
    /// Field-local ids of the fields with one value, row-major `[B, F − M]`.
    pub categorical: Vec<u32>,
    /// Field-local ids of the M multi-hot fields.
    pub bags: Bags,
    /// Which embedding rows the ids look up.
    pub plan: RowPlan,
}

/// What one thread needs to make batches.
#[derive(Debug, Default)]
struct Room {
    planner: RowPlanner,
    window: Window,
}

impl HostBatch {
    /// Number of examples B.
    #[must_use]
    pub fn len(&self) -> usize {
        self.examples.len()
    }

    /// Whether the batch holds no examples; the loader yields none such.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.examples.is_empty()
    }

    /// Collects the rows that `order` visits at `positions`.
    fn gather(
        index: usize,
        positions: std::ops::Range<usize>,
        shards: &Shards,
        order: &Permutation,
        layout: &RowLayout,
        room: &mut Room,
    ) -> Result<Self, DataError> {
        let size = positions.len();
        let mut batch = Self {
            index,
            examples: Vec::with_capacity(size),
            labels: Vec::with_capacity(size),
            numeric: Vec::with_capacity(size * shards.numeric_fields()),
            categorical: Vec::with_capacity(size * shards.categorical_fields()),
            bags: Bags::default(),
            plan: RowPlan::default(),
        };
        order.rows_at(positions, &mut room.window, &mut batch.examples);
        for &example in &batch.examples {
            let row = example as usize;
            batch.labels.push(shards.label(row));
            batch.numeric.extend_from_slice(shards.numeric(row));
            batch.categorical.extend_from_slice(shards.categorical(row));
            shards.add_bags(row, &mut batch.bags);
        }
        batch.plan = room.planner.plan(&batch.categorical, &batch.bags, layout)?;
        Ok(batch)
    }
}
