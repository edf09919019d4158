//! The dataset config, a second file with the same treatment of errors.

pub use ctr_data::DatasetConfig;
