//! The checked plan of a run: the only form of a config that training sees.

use std::path::PathBuf;

use super::dataset::DatasetConfig;
use super::device::DeviceSpec;
use super::model::ModelConfig;
use super::optimizer::{OptimizerConfig, RowOptimizerConfig};
use super::raw::{EvaluationConfig, LoaderConfig, TrainingConfig};
use crate::repro::{SeedOverrides, SeedStreams};

/// A run, fully resolved: defaults filled in, paths absolute, every value in its range.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Plan {
    /// Name of the run: not empty, without `/` and `\`.
    pub name: String,
    /// Master seed.
    pub seed: u64,
    /// Seeds given for single streams; [`Plan::seed_streams`] puts both together.
    pub seeds: SeedOverrides,
    /// Backend and device.
    pub device: DeviceSpec,
    /// Compute threads; `None` is one per logical core.
    pub threads: Option<usize>,
    /// Which data, and where.
    pub data: DataPlan,
    /// The architecture.
    pub model: ModelConfig,
    /// The embedding tables.
    pub embedding: EmbeddingPlan,
    /// The optimiser of the dense parameters and, in dense mode, of the tables.
    pub optimizer: OptimizerConfig,
    /// The training loop.
    pub training: TrainingConfig,
    /// Validation and test.
    pub evaluation: EvaluationConfig,
    /// Reading batches ahead of the training loop.
    pub loader: LoaderConfig,
}

/// Which data, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct DataPlan {
    /// The dataset config itself.
    pub dataset: DatasetConfig,
    /// Folder of the raw files, absolute, when one is given beside the dataset config.
    pub dir: Option<PathBuf>,
    /// Folder of the encoded data, absolute.
    pub cache_dir: PathBuf,
}

/// The embedding tables.
#[derive(Clone, Debug, PartialEq)]
pub struct EmbeddingPlan {
    /// Width of an embedding row, in f32 elements.
    pub dim: usize,
    /// Standard deviation of the initial values.
    pub init_std: f64,
    /// Coefficient λ of the penalty λ/2 · ‖w‖².
    pub l2: f64,
    /// How rows are updated.
    pub update: EmbeddingUpdate,
}

/// How embedding rows are updated.
#[derive(Clone, Debug, PartialEq)]
pub enum EmbeddingUpdate {
    /// By the optimiser of the dense parameters, over whole tables.
    Dense,
    /// By this row optimiser, over the rows of a batch.
    Sparse(RowOptimizerConfig),
}

impl Plan {
    /// The seed of each stream of random numbers.
    #[must_use]
    pub fn seed_streams(&self) -> SeedStreams {
        SeedStreams::new(self.seed, self.seeds)
    }
}
