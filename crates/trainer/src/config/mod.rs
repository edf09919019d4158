//! From a config file to a checked plan.
//!
//! A run config is one TOML file ([`RunConfig`] lists its keys) that names a dataset config, a second one. The command
//! line overrides single keys. What comes out is a [`Plan`]: nothing else reaches training.

mod dataset;
mod device;
mod model;
mod optimizer;
mod plan;
mod raw;

pub use dataset::DatasetConfig;
pub use device::{BackendKind, DeviceSpec, ParseDeviceError};
pub use model::{Activation, DnnConfig, LrConfig, ModelConfig, ParseActivationError};
pub use optimizer::{AdagradConfig, AdamConfig, OptimizerConfig, RowOptimizerConfig, SgdConfig};
pub use plan::{DataPlan, EmbeddingPlan, EmbeddingUpdate, Plan};
pub use raw::{
    DataConfig, EmbeddingConfig, EmbeddingMode, EvaluationConfig, LoaderConfig, Monitor, ReduceLrOnPlateauConfig,
    RunConfig, TrainingConfig,
};
