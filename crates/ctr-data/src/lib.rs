//! Click-through-rate data: raw files in, encoded and shuffled batches with their row plan out.
mod batch;
pub mod config;
mod error;
mod row_layout;
mod row_plan;
mod schema;
mod shard;
mod shuffle;
mod split;

pub use batch::{Batches, HostBatch, LoaderOptions, batches};
pub use config::DatasetConfig;
pub use error::{DataError, RowError};
pub use row_layout::RowLayout;
pub use row_plan::{RowPlan, RowPlanner};
pub use schema::{CategoricalField, NumericField, Schema};
pub use shard::Shards;
pub use shuffle::Order;
pub use split::Split;
