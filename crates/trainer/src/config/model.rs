//! Model architecture: the `[model]` table, which the model library defines.

pub use ctr_model::model::{DnnConfig, EnsembleConfig, InputShape, LrConfig, ModelConfig};
