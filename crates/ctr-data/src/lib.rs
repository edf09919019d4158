//! Click-through-rate data: raw files in, encoded and shuffled batches with their row plan out. No deep-learning framework is involved.
//!
//! ```text
//! raw file → DataSource → Encoder (fitted on train) → Shards (memory-mapped) → batches (shuffled, prefetched) → HostBatch + RowPlan
//! ```
//!
//! [`prepare`] does the first half once and caches the result; [`batches`] does the second half each epoch. Whatever a result depends on is
//! an argument: no clock, no thread count and no hash order reaches a file or a batch.
//!
//! ```
//! use ctr_data::{DatasetConfig, LoaderOptions, Order, PrepareOptions, Split, batches, prepare};
//! use std::sync::atomic::AtomicBool;
//!
//! let config: DatasetConfig = toml::from_str(r#"
//!     name = "tiny"
//!
//!     [source]
//!     format = "synthetic"
//!     seed = 1
//!     rows = { train = 1000, valid = 100, test = 100 }
//!     categorical = [{ name = "item", cardinality = 50, effect = 1.0 }]
//!     numeric = [{ name = "hour", weight = 0.5 }]
//! "#)?;
//! let cache = tempfile::tempdir()?;
//! let dataset = prepare(&config, &PrepareOptions {
//!     data_dir: cache.path(),
//!     cache_dir: cache.path(),
//!     threads: 0,
//!     progress: &|_| {},
//!     cancelled: &AtomicBool::new(false),
//! })?;
//! let layout = dataset.schema().row_layout();
//! let order = Order::Shuffled { seed: 7, epoch: 0 };
//! let options = LoaderOptions { batch_size: 256, threads: 2, ..LoaderOptions::default() };
//! for batch in batches(dataset.split(Split::Train), &layout, order, &options) {
//!     let batch = batch?;
//!     assert_eq!(batch.plan.lookups(), batch.len() * layout.fields());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod atomic_file;
mod bad_rows;
mod bags;
mod batch;
pub mod config;
mod dataset;
pub mod decoder_guard;
mod encode;
mod error;
mod export;
mod parallel;
mod prepare;
mod random;
mod row_layout;
mod row_plan;
mod schema;
mod shard;
mod shuffle;
pub mod source;
mod split;
mod tree_hash;
mod watch;

pub use bad_rows::BadRowCounts;
pub use bags::Bags;
pub use batch::{Batches, HostBatch, LoaderOptions, batches};
pub use config::DatasetConfig;
pub use dataset::Dataset;
pub use encode::{EncodeOptions, Encoder};
pub use error::{DataError, Reason, RowError};
pub use export::write_csv;
pub use prepare::{PrepareOptions, Sources, prepare, prepare_from};
pub use row_layout::{FieldRows, RowLayout, TableRows};
pub use row_plan::{RowPlan, RowPlanner};
pub use schema::{CategoricalField, MultiHot, NumericField, Schema};
pub use shard::Shards;
pub use shuffle::Order;
pub use source::{DataSource, Labels};
pub use split::Split;
pub use watch::{PrepareProgress, Stage};
