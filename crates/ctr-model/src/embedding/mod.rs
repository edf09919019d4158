//! Embedding tables outside autodiff.
//!
//! A table is a slice of host memory that no gradient of its size ever exists for. A step gathers the rows of its lookups into a leaf
//! tensor [B, F, D], takes the gradient of that leaf, sums it over the lookups of each row in a fixed order, and updates rows:
//! the touched ones ([`UpdateScope::TouchedRows`]) or all of them ([`UpdateScope::AllRows`]). An accelerator can hold copies of the tables
//! and do the same to them ([`DeviceTables`]).
mod device;
mod error;
mod gather;
mod input_product;
mod layout;
mod norm;
mod plan;
mod prefetch;
mod reader;
mod records;
mod rule;
mod segment;
mod storage;
mod table;
mod tables;
mod update;

pub use device::{DevicePlan, DeviceTables, Uploader};
pub use error::TableError;
pub use gather::gather;
pub use input_product::InputProduct;
pub use layout::{Combine, FieldLookup, LookupLayout, RowGroup};
pub use plan::Lookups;
pub use rule::{RowClip, UpdateRule, UpdateScope};
pub use segment::segment_sum;
pub use table::{EmbeddingTable, TableSpec};
pub use tables::{EmbeddingTables, RowGradients};
