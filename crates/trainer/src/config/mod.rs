//! From a config file to a checked plan.
//!
//! A run config is one TOML file ([`RunConfig`] lists its keys) that names a dataset config, a second one. The command
//! line overrides single keys. What comes out is a [`Plan`]: nothing else reaches training.

mod block_shuffle;
mod check;
mod dataset;
mod deserialize;
mod device;
mod document;
mod error;
mod fingerprint;
mod method;
mod model;
mod optimizer;
mod overrides;
mod plan;
mod raw;

pub use block_shuffle::BlockShuffleConfig;
pub use dataset::DatasetConfig;
pub use device::{BackendKind, DeviceSpec, ParseDeviceError};
pub use error::{ConfigError, Known, Origin};
pub use method::{ChurnDistillationConfig, ChurnDistillationPlan, LossConfig, LossPlan, base_run_digest};
pub use model::{DnnConfig, EnsembleConfig, InputShape, LrConfig, ModelConfig};
pub use optimizer::{
    AdagradConfig, AdamConfig, AdamWConfig, FtrlConfig, OptimizerConfig, RowOptimizerConfig, SgdConfig,
};
pub use overrides::Overrides;
pub use plan::{DataPlan, EmbeddingPlan, EmbeddingUpdate, Plan, WarmStartPlan};
pub use raw::{
    CheckpointConfig, DataConfig, EmbeddingConfig, EmbeddingMode, EvaluationConfig, LoaderConfig, Monitor,
    PerturbConfig, ReduceLrOnPlateauConfig, RunConfig, TrainingConfig, WarmStartConfig, WatchConfig,
};

#[cfg(test)]
mod tests;
