//! A run config as it is written: every key, its unit and its default. Nothing here is checked yet; see [`Plan`](super::Plan).

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use ctr_data::config::Dim;
use ctr_model::Precision;

use super::block_shuffle::BlockShuffleConfig;
use super::dataset::DatasetConfig;
use super::device::DeviceSpec;
use super::method::LossConfig;
use super::model::{EnsembleConfig, ModelConfig};
use super::optimizer::{OptimizerConfig, RowOptimizerConfig};
use crate::repro::SeedOverrides;
use crate::residence::Residence;
use crate::schedule::ScheduleConfig;

/// The top level of a run config.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// Name of the run, used for its folder. Default: the config's file name without its extension.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Master seed from which every stream of random numbers is derived, in [0, 2⁶³). Default `0`.
    #[serde(default)]
    pub seed: u64,
    /// Backend and device: `flex`, `ndarray`, `wgpu[:N]` or `cuda[:N]`. Default `"flex"`.
    #[serde(default)]
    pub device: DeviceSpec,
    /// Compute threads, ≥ 1. Default: one per logical core.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<usize>,
    /// Which data, and where. Required.
    pub data: DataConfig,
    /// The architecture. Required.
    pub model: ModelConfig,
    /// Several models trained side by side. Default: one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ensemble: EnsembleConfig,
    /// Terms of the loss beside the cross-entropy. Default: none.
    #[serde(default, skip_serializing_if = "LossConfig::is_plain")]
    pub loss: LossConfig,
    /// The embedding tables.
    #[serde(default)]
    pub embedding: EmbeddingConfig,
    /// The optimiser of the dense parameters and, in dense mode, of the tables. Default: Adam.
    #[serde(default)]
    pub optimizer: OptimizerConfig,
    /// The training loop.
    #[serde(default)]
    pub training: TrainingConfig,
    /// Validation and test.
    #[serde(default)]
    pub evaluation: EvaluationConfig,
    /// Reading batches ahead of the training loop.
    #[serde(default)]
    pub loader: LoaderConfig,
    /// When checkpoints are written, and which are kept.
    #[serde(default)]
    pub checkpoint: CheckpointConfig,
    /// What is recorded while training, beside the epochs.
    #[serde(default)]
    pub watch: WatchConfig,
    /// Tensors of another model to begin with. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warm_start: Option<WarmStartConfig>,
    /// Seeds of single streams, each derived from `seed` when absent.
    #[serde(default, skip_serializing_if = "SeedOverrides::is_empty")]
    pub seeds: SeedOverrides,
    /// Disturbances as small as they can be, to see how training magnifies them.
    #[serde(default, skip_serializing_if = "PerturbConfig::is_empty")]
    pub perturb: PerturbConfig,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "what serde calls")]
fn is_one(value: &usize) -> bool {
    *value == 1
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Keys of `[data]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// Folder of the raw files. Relative to the config file. Default: `dir` of the dataset config, relative to that one;
    /// else the folder of the dataset config.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dir: Option<PathBuf>,
    /// Folder of the encoded data. Relative to the config file. Default: `cache` in the working directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_dir: Option<PathBuf>,
    /// The dataset: the path of its config, relative to this file, or its table. Required.
    pub dataset: DatasetConfig,
}

/// Keys of `[embedding]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EmbeddingConfig {
    /// Width of an embedding row, in f32 elements, ≥ 1, or `"auto"`: for each field the width that its `embedding.dim = "auto"` stands for.
    /// Default `10`; always `1` for logistic regression.
    pub dim: Dim,
    /// Standard deviation of the initial values, ≥ 0. Default `1e-4`.
    pub init_std: f64,
    /// How rows are updated. Default `"dense"`.
    pub mode: EmbeddingMode,
    /// Where the tables are in training: `"host"`, `"device"`, or `"auto"` for the device's memory where it has its own and every field looks
    /// up one row of the run's width. Default `"auto"`.
    #[serde(skip_serializing_if = "Residence::is_auto")]
    pub residence: Residence,
    /// L2 coefficient λ of the penalty λ/2 · ‖w‖², ≥ 0: over whole tables in dense mode, over touched rows in sparse mode.
    /// Default `0.0`.
    pub l2: f64,
    /// Decoupled weight decay of touched rows, w ← w·(1 − lr·`weight_decay`) before the optimiser's step, ≥ 0; sparse mode only, and not with
    /// FTRL. Default `0.0`.
    pub weight_decay: f64,
    /// Largest magnitude of an element of a row's gradient, > 0. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gradient_clip_value: Option<f64>,
    /// Largest L2 norm of a row's gradient, > 0; larger ones are scaled down to it, after `gradient_clip_value` and before
    /// `training.gradient_clip_norm`. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gradient_clip_norm: Option<f64>,
    /// Largest root mean square of a row's step, in units of the learning rate, > 0; larger steps are scaled down to it. Not with FTRL.
    /// Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_clip_rms: Option<f64>,
    /// The learning-rate schedule of the rows, in sparse mode. Default: that of `[training.schedule]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleConfig>,
    /// The row optimiser: required in sparse mode, refused in dense mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub optimizer: Option<RowOptimizerConfig>,
}

impl Default for EmbeddingConfig {
    fn default() -> Self {
        Self {
            dim: Dim::Fixed(10),
            init_std: 1e-4,
            mode: EmbeddingMode::Dense,
            residence: Residence::Auto,
            l2: 0.0,
            weight_decay: 0.0,
            gradient_clip_value: None,
            gradient_clip_norm: None,
            update_clip_rms: None,
            schedule: None,
            optimizer: None,
        }
    }
}

/// How embedding rows are updated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmbeddingMode {
    /// The optimiser of the dense parameters, over whole tables: exact Adam and L2, as the BARS protocol needs.
    Dense,
    /// A row optimiser, over the rows of the batch only: the cost of a step does not depend on the vocabulary.
    Sparse,
}

/// Keys of `[training]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainingConfig {
    /// Samples per step, ≥ 1. Default `4096`.
    pub batch_size: usize,
    /// Format of the matrix products of linear layers with more than one output, `"f32"`, `"tf32"` or `"bf16"`; parameters, optimiser state and tables are `f32` in any case. On
    /// the CPU the short formats give the numbers that a device with such units gives, more slowly than `"f32"`. Default `"f32"`.
    #[serde(skip_serializing_if = "Precision::is_f32")]
    pub precision: Precision,
    /// Replicas of the model that each batch is divided among, each on a device of its own where there are several, 1 to 64
    /// (docs/distributed.md). They change numbers: batch norm sees a part of the batch. Default `1`.
    #[serde(skip_serializing_if = "is_one")]
    pub replicas: usize,
    /// Training rows are shuffled only within consecutive windows of this many rows, ≥ 1; `1` keeps the order of the file. Default: all rows
    /// are shuffled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shuffle_window: Option<usize>,
    /// Blocks of consecutive rows are visited in a random order, and the rows of a window of blocks are shuffled together: memory holds a
    /// window, not the number of every row, and a file larger than memory is read block after block. Not beside `shuffle_window`. Default:
    /// all rows are shuffled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block_shuffle: Option<BlockShuffleConfig>,
    /// Threads that train at the same time, each on batches of its own, and add their updates to shared parameters without locks (Hogwild,
    /// arXiv 1106.5730), 1 to 64. Such a run never gives the same bits twice; it has no checkpoints within an epoch, and `[watch]` must be
    /// off. Default: one batch after the other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub async_workers: Option<usize>,
    /// Passes over the training data at most, ≥ 1. Default `100`.
    pub epochs: usize,
    /// Largest magnitude of an element of a dense parameter's gradient, > 0. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tensor_clip_value: Option<f64>,
    /// Largest L2 norm of the gradient of each dense parameter (a matrix, a vector), > 0; larger ones are scaled down to it, after
    /// `tensor_clip_value` and before `gradient_clip_norm`. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tensor_clip_norm: Option<f64>,
    /// Largest global L2 norm of the gradients, > 0; larger ones are scaled down to it. Default: no clipping.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gradient_clip_norm: Option<f64>,
    /// Largest root mean square of the step of a dense parameter, in units of the learning rate, > 0; a larger step of a weight matrix or a
    /// vector is scaled down to it, weight decay included. The tables have `embedding.update_clip_rms`. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_clip_rms: Option<f64>,
    /// Epochs without an improvement before training stops; `0` never stops early. Default `2`.
    pub early_stop_patience: usize,
    /// The validation metric that decides on the best epoch. Default `"auc"`.
    pub monitor: Monitor,
    /// Smallest change of the monitored metric that counts as an improvement, ≥ 0. Default `1e-6`.
    pub min_delta: f64,
    /// The learning-rate schedule of the dense parameters, and of the tables unless `[embedding.schedule]` is given. Default: constant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleConfig>,
    /// Lower the learning rates after epochs without an improvement. Default: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reduce_lr_on_plateau: Option<ReduceLrOnPlateauConfig>,
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self {
            batch_size: 4096,
            precision: Precision::F32,
            replicas: 1,
            shuffle_window: None,
            block_shuffle: None,
            async_workers: None,
            epochs: 100,
            tensor_clip_value: None,
            tensor_clip_norm: None,
            gradient_clip_norm: None,
            update_clip_rms: None,
            early_stop_patience: 2,
            monitor: Monitor::Auc,
            min_delta: 1e-6,
            schedule: None,
            reduce_lr_on_plateau: None,
        }
    }
}

/// Keys of `[perturb]`: sources of irreproducibility that have no seed of their own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PerturbConfig {
    /// Number of the dense weight whose last bit is flipped after initialisation: an element of the weight matrices, in the order of
    /// `ctr inspect`, modulo their number. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_ulp: Option<u64>,
    /// Seed of another order of the rows within each batch, in [0, 2⁶³): each batch keeps its rows, every sum over it is taken in another
    /// order. Needs a model without dropout, whose masks would fall on other rows. Default: the order of the shuffle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reduction_order: Option<u64>,
}

impl PerturbConfig {
    /// Whether nothing is disturbed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The validation metric that decides on the best epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Monitor {
    /// Area under the ROC curve; larger is better.
    Auc,
    /// Mean negative log-likelihood in nats; smaller is better.
    LogLoss,
}

impl Monitor {
    /// Whether `candidate` beats `best` by more than `min_delta`; NaN beats nothing.
    #[must_use]
    pub fn improves(self, candidate: f64, best: f64, min_delta: f64) -> bool {
        match self {
            Self::Auc => candidate > best + min_delta,
            Self::LogLoss => candidate < best - min_delta,
        }
    }
}

/// Keys of `[training.reduce_lr_on_plateau]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReduceLrOnPlateauConfig {
    /// What the learning rate is multiplied by, in (0, 1). Default `0.1`.
    pub factor: f64,
    /// The learning rate of `[optimizer]` never goes below this, ≥ 0; that of `[embedding.optimizer]` is lowered by the same factors.
    /// Default `1e-6`.
    pub min_lr: f64,
    /// Epochs without an improvement that are let pass before each reduction. Default `0`.
    pub patience: usize,
}

impl Default for ReduceLrOnPlateauConfig {
    fn default() -> Self {
        Self { factor: 0.1, min_lr: 1e-6, patience: 0 }
    }
}

/// Keys of `[evaluation]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvaluationConfig {
    /// Samples per forward pass, ≥ 1. Default `4096`.
    pub batch_size: usize,
}

impl Default for EvaluationConfig {
    fn default() -> Self {
        Self { batch_size: 4096 }
    }
}

/// Keys of `[loader]`. None of them changes a number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoaderConfig {
    /// Threads that prepare batches; `0` prepares them in the training loop itself. Default `2`.
    pub threads: usize,
    /// Batches kept ready ahead of the training loop, ≥ 1. Default `4`.
    pub prefetch: usize,
}

impl Default for LoaderConfig {
    fn default() -> Self {
        Self { threads: 2, prefetch: 4 }
    }
}

/// Keys of `[checkpoint]`. None of them changes a number. A checkpoint is always written at the end of an epoch and when a signal stops the
/// run; the best and the latest one are always kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointConfig {
    /// Steps from one checkpoint to the next; `0` writes none by count. Default `0`.
    pub every_steps: u64,
    /// Minutes from one checkpoint to the next, ≥ 0; `0` writes none by time. Default `10.0`.
    pub every_minutes: f64,
    /// How many of the latest checkpoints are kept, ≥ 1. Default `1`.
    pub keep_last: usize,
    /// Keeps the checkpoint at the end of every so many epochs for good; `0` keeps none for its number. Default `0`.
    pub keep_every_epochs: usize,
    /// Writes checkpoints on a thread of their own while training goes on. It costs one more copy of the state in memory. Default `true`.
    pub asynchronous: bool,
}

impl Default for CheckpointConfig {
    fn default() -> Self {
        Self { every_steps: 0, every_minutes: 10.0, keep_last: 1, keep_every_epochs: 0, asynchronous: true }
    }
}

/// Keys of `[watch]`. None of them changes a number.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WatchConfig {
    /// Steps from one `step` line of `metrics.jsonl`, with the loss and the digest of all parameters, to the next; `0` writes none. Each costs
    /// a pass over all tables. Default `0`.
    pub step_digests: u64,
    /// Writes `rows.jsonl`: which rows each step was trained on. Default `false`.
    pub row_ledger: bool,
    /// Writes `tensorboard/`, event files for `tensorboard --logdir RUN`. Default `false`.
    pub tensorboard: bool,
    /// Steps from one `statistics` line of `metrics.jsonl` to the next: gradient norm, share of clipped steps, and for each hidden layer the
    /// spread of its pre-activations and its share of dead units; `0` writes none. Each costs a forward pass over a batch. Default `0`.
    pub statistics: u64,
}

/// Keys of `[warm_start]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WarmStartConfig {
    /// A safetensors file that `ctr export` wrote, or a checkpoint's `parameters.safetensors`. Relative to the config file. Required.
    pub file: PathBuf,
    /// Which of its tensors are taken: those whose names begin with one of these. Default: all, `[""]`.
    #[serde(default = "everything")]
    pub parts: Vec<String>,
    /// BLAKE3 of the file, in hexadecimal; another file is then an error. Default: that of the file as it is found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blake3: Option<String>,
}

fn everything() -> Vec<String> {
    vec![String::new()]
}
