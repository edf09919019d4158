//! Optimisers: the tables `[optimizer]` and `[embedding.optimizer]`, which the model library defines.

pub use ctr_model::optim::{
    AdagradConfig, AdamConfig, AdamWConfig, FtrlConfig, OptimizerConfig, RowOptimizerConfig, SgdConfig,
};
