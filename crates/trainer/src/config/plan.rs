//! The checked plan of a run: the only form of a config that training sees.

use std::path::{Path, PathBuf};
use std::{env, fs};

use ctr_data::config::{Dim, FieldConfig};
use ctr_model::embedding::RowClip;

use super::check::{BATCH, Checker, THREADS};
use super::dataset::{self, DatasetConfig};
use super::deserialize::deserialize;
use super::device::DeviceSpec;
use super::document::Node;
use super::error::ConfigError;
use super::fingerprint;
use super::method::{self, LossPlan};
use super::model::{EnsembleConfig, InputShape, ModelConfig};
use super::optimizer::{OptimizerConfig, RowOptimizerConfig};
use super::overrides::{Overrides, utf8};
use super::raw::{
    CheckpointConfig, DataConfig, EmbeddingConfig, EmbeddingMode, EvaluationConfig, LoaderConfig, PerturbConfig,
    RunConfig, TrainingConfig, WarmStartConfig, WatchConfig,
};
use crate::repro::{Digest, SeedOverrides, SeedStreams, Stream};
use crate::residence::Residence;
use crate::schedule::ScheduleConfig;

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
    /// How many of them are trained side by side.
    pub ensemble: EnsembleConfig,
    /// The terms of the loss.
    pub loss: LossPlan,
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
    /// When checkpoints are written, and which are kept.
    pub checkpoint: CheckpointConfig,
    /// What is recorded while training.
    pub watch: WatchConfig,
    /// Tensors of another model to begin with.
    pub warm_start: Option<WarmStartPlan>,
    /// Disturbances as small as they can be.
    pub perturb: PerturbConfig,
}

/// Tensors of another model to begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WarmStartPlan {
    /// A safetensors file, absolute.
    pub file: PathBuf,
    /// What the names of the tensors that are taken begin with.
    pub parts: Vec<String>,
    /// BLAKE3 of the file, in hexadecimal.
    pub blake3: String,
}

/// Which data, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct DataPlan {
    /// The dataset config. Its `dir` is `None`: the folder stands in [`DataPlan::dir`].
    pub dataset: DatasetConfig,
    /// Folder of the raw files, absolute: `--data-dir`, else `data.dir`, else the dataset config's `dir`, else its folder.
    /// `None` for a generator that names none.
    pub dir: Option<PathBuf>,
    /// Folder of the encoded data, absolute.
    pub cache_dir: PathBuf,
}

/// The embedding tables.
#[derive(Clone, Debug, PartialEq)]
pub struct EmbeddingPlan {
    /// Width of an embedding row, in f32 elements, of fields that have none of their own.
    pub dim: Dim,
    /// Standard deviation of the initial values.
    pub init_std: f64,
    /// Coefficient λ of the penalty λ/2 · ‖w‖².
    pub l2: f64,
    /// Decoupled weight decay of touched rows.
    pub weight_decay: f64,
    /// Limits on the gradient and on the step of each row.
    pub clip: RowClip,
    /// The schedule of the rows' learning rate, where it is not that of the dense parameters.
    pub schedule: Option<ScheduleConfig>,
    /// How rows are updated.
    pub update: EmbeddingUpdate,
    /// Where the tables are in training.
    pub residence: Residence,
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
    /// Reads a run config and the dataset config that it names, applies the overrides and checks every value.
    ///
    /// # Errors
    /// Anything that keeps the config from being run as written, with its place: see [`ConfigError`].
    pub fn load(path: &Path, overrides: &Overrides) -> Result<Self, ConfigError> {
        let working_directory = env::current_dir().map_err(|cause| ConfigError::WorkingDirectory { cause })?;
        let text = fs::read(path).map_err(|cause| ConfigError::Read { path: path.to_owned(), cause })?;
        let mut root = Node::parse(&text, path)?;
        overrides.apply(&mut root, |root| dataset::read(root, &working_directory))?;
        dataset::resolve_paths(&mut root, &working_directory)?;
        let mut config: RunConfig = deserialize(&root)?;
        check(&root, &config)?;
        dataset::digest_pretrained(&root, &mut config.data.dataset, config.data.dir.as_deref())?;
        let default_name = || path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        let name = config.name.unwrap_or_else(default_name);
        Checker::new(&root).name("name", &name)?;
        let cache_dir = config.data.cache_dir.unwrap_or_else(|| working_directory.join("cache"));
        utf8(&cache_dir)?;
        let EmbeddingConfig { dim, init_std, l2, weight_decay, schedule, optimizer, residence, .. } = config.embedding;
        let clip = RowClip {
            value: config.embedding.gradient_clip_value,
            norm: config.embedding.gradient_clip_norm,
            update_rms: config.embedding.update_clip_rms,
        };
        Ok(Self {
            name,
            seed: config.seed,
            seeds: config.seeds,
            device: config.device,
            threads: config.threads,
            data: DataPlan { dataset: config.data.dataset, dir: config.data.dir, cache_dir },
            embedding: EmbeddingPlan {
                dim: if matches!(config.model, ModelConfig::Lr(_)) { Dim::Fixed(1) } else { dim },
                init_std,
                l2,
                weight_decay,
                clip,
                schedule,
                update: optimizer.map_or(EmbeddingUpdate::Dense, EmbeddingUpdate::Sparse),
                residence,
            },
            model: config.model,
            ensemble: config.ensemble,
            loss: config.loss.plan(&root)?,
            optimizer: config.optimizer,
            training: config.training,
            evaluation: config.evaluation,
            loader: config.loader,
            checkpoint: config.checkpoint,
            watch: config.watch,
            warm_start: config.warm_start.map(|warm_start| warm_start_plan(&root, warm_start)).transpose()?,
            perturb: config.perturb,
        })
    }

    /// The config of this very plan, in one file: every default written out, the dataset config inside.
    /// [`Plan::load`] makes an equal plan of it, wherever the file lies.
    ///
    /// # Errors
    /// [`ConfigError::Serialize`], should the dataset config hold what TOML cannot express.
    pub fn to_toml(&self) -> Result<String, ConfigError> {
        toml::to_string_pretty(&self.to_config()).map_err(|cause| ConfigError::Serialize { cause })
    }

    /// BLAKE3 in hexadecimal over everything that influences the numbers of a run: the dataset config, the model, the
    /// optimisers, the training loop, the batch sizes and the seed of each stream. Not in it: the run's name, the
    /// device and threads (which a run's record names beside it), folders, the loader, checkpoints and what is watched.
    ///
    /// # Errors
    /// As [`Plan::to_toml`].
    pub fn fingerprint(&self) -> Result<String, ConfigError> {
        fingerprint::of(&self.to_config(), &self.seed_streams()).map_err(|cause| ConfigError::Serialize { cause })
    }

    /// The seed of each stream of random numbers.
    #[must_use]
    pub fn seed_streams(&self) -> SeedStreams {
        SeedStreams::new(self.seed, self.seeds)
    }

    /// The model that is trained, or each of those that are trained side by side: that of the config, narrowed where
    /// `ensemble.cost` asks for it.
    #[must_use]
    pub fn member_model(&self) -> ModelConfig {
        method::member_model(&self.model, &self.ensemble).unwrap_or_else(|| self.model.clone())
    }

    fn to_config(&self) -> RunConfig {
        let (mode, optimizer) = match &self.embedding.update {
            EmbeddingUpdate::Dense => (EmbeddingMode::Dense, None),
            EmbeddingUpdate::Sparse(optimizer) => (EmbeddingMode::Sparse, Some(optimizer.clone())),
        };
        let EmbeddingPlan { dim, init_std, l2, weight_decay, clip, schedule, residence, .. } = self.embedding.clone();
        RunConfig {
            name: Some(self.name.clone()),
            seed: self.seed,
            device: self.device,
            threads: self.threads,
            data: DataConfig {
                dir: self.data.dir.clone(),
                cache_dir: Some(self.data.cache_dir.clone()),
                dataset: self.data.dataset.clone(),
            },
            model: self.model.clone(),
            ensemble: self.ensemble,
            loss: self.loss.to_config(),
            embedding: EmbeddingConfig {
                dim,
                init_std,
                mode,
                residence,
                l2,
                weight_decay,
                gradient_clip_value: clip.value,
                gradient_clip_norm: clip.norm,
                update_clip_rms: clip.update_rms,
                schedule,
                optimizer,
            },
            optimizer: self.optimizer.clone(),
            training: self.training.clone(),
            evaluation: self.evaluation.clone(),
            loader: self.loader.clone(),
            checkpoint: self.checkpoint.clone(),
            watch: self.watch.clone(),
            warm_start: self.warm_start.clone().map(|WarmStartPlan { file, parts, blake3 }| WarmStartConfig {
                file,
                parts,
                blake3: Some(blake3),
            }),
            seeds: self.seeds,
            perturb: self.perturb.clone(),
        }
    }
}

fn has_embeddings(config: &RunConfig) -> bool {
    !matches!(config.model, ModelConfig::Lr(_))
}

/// The first field whose config says what its embeddings are like.
fn own_embeddings(config: &RunConfig) -> Option<String> {
    config.data.dataset.resolved_fields().into_iter().find_map(|field| match field {
        FieldConfig::Categorical(field) if field.embedding.dim.is_some() || field.embedding.pretrained.is_some() => {
            field.names.into_iter().next()
        }
        _ => None,
    })
}

/// The digest stands in for the file in the plan's fingerprint; a plan that has one needs the file only where it begins.
fn warm_start_plan(root: &Node, config: WarmStartConfig) -> Result<WarmStartPlan, ConfigError> {
    let WarmStartConfig { file, parts, blake3 } = config;
    let table = Checker::new(root).table("warm_start");
    let blake3 = match blake3 {
        Some(text) if text.parse::<Digest>().is_err() => {
            return Err(table.invalid(
                "blake3",
                format!("{text:?}"),
                "64 hexadecimal digits, the BLAKE3 digest of the file",
            ));
        }
        Some(text) => text.to_lowercase(),
        None => match fs::read(&file) {
            Ok(bytes) => Digest::of(&bytes).to_string(),
            Err(cause) => {
                let expected = format!("a file that can be read ({cause})");
                return Err(table.invalid("file", format!("{}", file.display()), expected));
            }
        },
    };
    Ok(WarmStartPlan { file, parts, blake3 })
}

/// The shape of the data, as far as the config tells it.
fn input_shape(config: &RunConfig) -> InputShape {
    let fields = config.data.dataset.resolved_fields();
    let categorical = fields.iter().filter(|field| matches!(field, FieldConfig::Categorical(_))).count();
    // No key of a model depends on the width.
    let embedding_dim = match config.embedding.dim {
        Dim::Fixed(width) => width,
        Dim::Auto => 1,
    };
    InputShape { categorical, numeric: fields.len() - categorical, embedding_dim }
}

/// Ranges of single keys, and keys that contradict each other.
fn check(root: &Node, config: &RunConfig) -> Result<(), ConfigError> {
    let top = Checker::new(root);
    top.seed("seed", config.seed)?;
    for stream in Stream::ALL {
        if let Some(seed) = config.seeds.get(stream) {
            top.table("seeds").seed(stream.name(), seed)?;
        }
    }
    if let Some(threads) = config.threads {
        top.whole("threads", threads, &THREADS)?;
    }
    dataset::check(root, &config.data.dataset)?;
    top.table("model").model(&config.model, input_shape(config))?;
    top.table("model").model_fields(&config.model, &config.data.dataset.resolved_fields())?;
    method::check(&top, (&config.model, input_shape(config)), &config.ensemble, &config.loss)?;
    top.table("optimizer").optimizer(&config.optimizer)?;
    top.table("training").training(&config.training)?;
    top.table("evaluation").whole("batch_size", config.evaluation.batch_size, &BATCH)?;
    top.table("loader").loader(&config.loader)?;
    top.table("checkpoint").checkpoint(&config.checkpoint)?;
    top.table("perturb").perturb(&config.perturb, config.training.replicas)?;
    if let (Some(workers), true) = (config.training.async_workers, config.watch != WatchConfig::default()) {
        let expected = "absent, because `[watch]` records steps one after the other";
        return Err(top.table("training").invalid("async_workers", workers, expected));
    }

    let embedding = top.table("embedding");
    embedding.embedding(&config.embedding)?;
    embedding.residence(config)?;
    match (config.embedding.mode, &config.embedding.optimizer) {
        (EmbeddingMode::Dense, Some(_)) => {
            let expected = "no such table in dense mode, where `[optimizer]` updates the tables; remove it or set `embedding.mode = \"sparse\"`";
            Err(embedding.invalid("optimizer", "given", expected))
        }
        (EmbeddingMode::Dense, None) if config.embedding.schedule.is_some() => {
            let expected = "no such table in dense mode, where `[training.schedule]` holds for the tables too; remove it or set \
                            `embedding.mode = \"sparse\"`";
            Err(embedding.invalid("schedule", "given", expected))
        }
        (EmbeddingMode::Dense, None) if config.embedding.weight_decay != 0.0 => {
            let expected = "no such key in dense mode, where `optimizer.type = \"adamw\"` decays the tables; remove it or set \
                            `embedding.mode = \"sparse\"`";
            Err(embedding.invalid("weight_decay", config.embedding.weight_decay, expected))
        }
        (_, Some(RowOptimizerConfig::Ftrl(_)))
            if config.embedding.weight_decay != 0.0 || config.embedding.update_clip_rms.is_some() =>
        {
            let expected = "another optimiser than ftrl, whose weights are a function of its state, where `weight_decay` or \
                            `update_clip_rms` is given";
            Err(embedding.table("optimizer").invalid("type", "\"ftrl\"", expected))
        }
        (EmbeddingMode::Sparse, None) => {
            let expected = "a table with `type` = sgd, adagrad, rowwise_adagrad, lazy_adam, rowwise_adam or ftrl, because `embedding.mode` is \"sparse\"";
            Err(embedding.invalid("optimizer", "absent", expected))
        }
        _ if !has_embeddings(config)
            && let Some(field) = own_embeddings(config) =>
        {
            let expected = format!(
                "a model with embeddings, because the field `{field}` has `embedding.dim` or `embedding.pretrained`; the model has one \
                 weight per value"
            );
            Err(top.table("model").invalid("type", "\"lr\"", expected))
        }
        _ if matches!(config.model, ModelConfig::Lr(_))
            && embedding.is_given("dim")
            && config.embedding.dim != Dim::Fixed(1) =>
        {
            let expected = "1, or no such key: logistic regression has one weight per value";
            let found = match config.embedding.dim {
                Dim::Fixed(width) => width.to_string(),
                Dim::Auto => "\"auto\"".to_owned(),
            };
            Err(embedding.invalid("dim", found, expected))
        }
        _ => Ok(()),
    }
}
