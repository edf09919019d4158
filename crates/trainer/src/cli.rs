//! The command line of `ctr`.
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::Overrides;

mod ablate;

pub use ablate::AblateArgs;

/// Trains click-through-rate models that give the same answer twice.
#[derive(Debug, Parser)]
#[command(name = "ctr", version, propagate_version = true, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// Log level on stderr: error, warn, info, debug, trace, or a filter such as `trainer=debug`.
    #[arg(long, global = true, value_name = "FILTER", default_value = "warn")]
    pub log: String,
}

const EXAMPLES: &str = "\
Examples:
  ctr train configs/quickstart.toml
  ctr train configs/frappe/dnn_smelu.toml --data-dir ~/data/frappe --run-dir runs/frappe
  ctr train configs/quickstart.toml --set model.activation='SmeLU(beta=1)' --seed 7
  ctr compare runs/a runs/b
  ctr predict runs/frappe new.csv --output new.parquet";

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Encode a config's raw data into the cache.
    Prepare(PrepareArgs),
    /// Train, keep the best epoch, test it once, and write a run folder.
    Train(TrainArgs),
    /// Go on with a run that was stopped; the result is that of a run that never stopped.
    Resume(ResumeArgs),
    /// Compute the metrics of a run's best checkpoint.
    Eval(EvalArgs),
    /// Predict the rows of a raw file with a run's best checkpoint.
    Predict(PredictArgs),
    /// Write a run's model for other programs: safetensors and what they mean.
    Export(ExportArgs),
    /// Check a run's files, make its first steps again, and compare digests.
    Verify(VerifyArgs),
    /// Show a config or a run: data, architecture, parameters, seeds.
    Inspect(InspectArgs),
    /// List the models, or show the keys of one.
    Models(ModelsArgs),
    /// Compare the test predictions of runs: AUC, log loss and pairwise prediction difference.
    Compare(CompareArgs),
    /// Measure the training steps of a config: samples a second, milliseconds a step, and where they go.
    Bench(BenchArgs),
    /// List the devices that training can run on, and say why others cannot be used.
    #[command(after_help = "Example:\n  ctr devices ")]
    Devices,
    /// Run an ablation study: settings times replicas, with confidence intervals over the replicas.
    Ablate(AblateArgs),
}

/// Options that change a config.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// Set one key of the config: TOML on the right, quotes may be left out.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,

    /// Folder of the raw data files.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// Folder of the encoded data [default: cache].
    #[arg(long, value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,

    /// Device: flex, ndarray, wgpu or cuda; `wgpu:1` is the second GPU.
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<String>,

    /// Master seed.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// Compute threads; they change no number.
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

impl ConfigArgs {
    /// As the config reads them.
    #[must_use]
    pub fn overrides(&self) -> Overrides {
        Overrides {
            set: self.set.clone(),
            data_dir: self.data_dir.clone(),
            cache_dir: self.cache_dir.clone(),
            device: self.device.clone(),
            seed: self.seed,
            threads: self.threads,
        }
    }
}

/// Options that change where a finished run is computed.
#[derive(Debug, Args)]
pub struct DeviceArgs {
    /// Device instead of the run's own.
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<String>,

    /// Compute threads instead of the run's own.
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

impl DeviceArgs {
    /// As the config reads them.
    #[must_use]
    pub fn overrides(&self) -> Overrides {
        Overrides { device: self.device.clone(), threads: self.threads, ..Overrides::default() }
    }
}

/// `ctr prepare`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  ctr prepare configs/frappe/dnn_relu.toml --data-dir ~/data/frappe")]
pub struct PrepareArgs {
    /// The run config.
    pub config: PathBuf,

    #[command(flatten)]
    #[allow(missing_docs, reason = "documented where it is defined")]
    pub options: ConfigArgs,
}

/// `ctr train`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  ctr train configs/quickstart.toml\n  ctr train configs/frappe/dnn_relu.toml --data-dir \
                        ~/data/frappe --set training.epochs=5 --run-dir runs/short\n  ctr train configs/quickstart.toml --run-dir runs/job --resume auto"
)]
pub struct TrainArgs {
    /// The run config.
    pub config: PathBuf,

    /// Folder of the run; it must be new or empty [default: runs/NAME-001, runs/NAME-002, …].
    #[arg(long, value_name = "DIR")]
    pub run_dir: Option<PathBuf>,

    /// Whether to go on with the run that is in the folder.
    #[arg(long, value_enum, default_value_t = ResumeMode::Never, value_name = "MODE", requires_if("auto", "run_dir"))]
    pub resume: ResumeMode,

    #[command(flatten)]
    #[allow(missing_docs, reason = "documented where it is defined")]
    pub options: ConfigArgs,
}

/// What `ctr train` does with a folder that holds a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ResumeMode {
    /// Refuse it.
    Never,
    /// Go on with the run from its latest checkpoint, or begin it where there is none: the same command line starts a job and
    /// starts it again.
    Auto,
}

/// `ctr resume`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  ctr resume runs/quickstart-001\n  ctr resume runs/quickstart-001 --from step-0000000391"
)]
pub struct ResumeArgs {
    /// The run folder.
    pub run: PathBuf,

    /// Go on from this checkpoint, a folder in the run's `checkpoints/`, instead of the latest one.
    #[arg(long, value_name = "NAME")]
    pub from: Option<String>,

    /// Folder of the raw data files, where it has moved.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// Folder of the encoded data, where it has moved.
    #[arg(long, value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,

    /// Compute threads; they change no number.
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

/// `ctr eval`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  ctr eval runs/quickstart-001 --split valid")]
pub struct EvalArgs {
    /// The run folder.
    pub run: PathBuf,

    /// Which split of the run's data.
    #[arg(long, value_enum, default_value_t = SplitName::Test)]
    pub split: SplitName,

    /// Folder of the raw data files, where the cache has to be made again.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    #[allow(missing_docs, reason = "documented where it is defined")]
    pub device: DeviceArgs,
}

/// A split of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SplitName {
    /// What the model learns from.
    Train,
    /// What the best epoch is chosen by.
    Valid,
    /// What is evaluated once.
    Test,
}

/// `ctr predict`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  ctr predict runs/frappe-001 ~/data/frappe/test.csv --output test.parquet")]
pub struct PredictArgs {
    /// The run folder.
    pub run: PathBuf,

    /// A raw file in the format of the run's data; its label column may be absent.
    pub data: PathBuf,

    /// Where the predictions go, as Parquet.
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,

    #[command(flatten)]
    #[allow(missing_docs, reason = "documented where it is defined")]
    pub device: DeviceArgs,
}

/// `ctr export`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  ctr export runs/frappe-001 --output model\n  ctr export runs/frappe-001 --output latest --checkpoint last"
)]
pub struct ExportArgs {
    /// The run folder.
    pub run: PathBuf,

    /// Folder for model.safetensors and model.json; it is made where it is absent, and the two files are replaced.
    #[arg(long, short, value_name = "DIR")]
    pub output: PathBuf,

    /// Which checkpoint: best, last, or a folder in the run's `checkpoints/`.
    #[arg(long, value_name = "NAME", default_value = "best")]
    pub checkpoint: String,
}

/// `ctr verify`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ctr verify runs/frappe-001\n  ctr verify runs/frappe-001 --steps 500")]
pub struct VerifyArgs {
    /// The run folder.
    pub run: PathBuf,

    /// Steps to make again [default: up to the last recorded digest within 100 steps, or the first one].
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u64).range(1..))]
    pub steps: Option<u64>,

    /// Folder of the raw data files, where the cache has to be made again.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// Folder of the encoded data, where it has moved.
    #[arg(long, value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,

    #[command(flatten)]
    #[allow(missing_docs, reason = "documented where it is defined")]
    pub device: DeviceArgs,
}

/// `ctr inspect`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ctr inspect configs/quickstart.toml\n  ctr inspect runs/quickstart-001")]
pub struct InspectArgs {
    /// A run config, or a run folder.
    pub path: PathBuf,

    #[command(flatten)]
    #[allow(missing_docs, reason = "documented where it is defined")]
    pub options: ConfigArgs,
}

/// `ctr models`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ctr models\n  ctr models dcn_v2")]
pub struct ModelsArgs {
    /// A model: the value of `type` in `[model]`.
    #[arg(value_name = "NAME")]
    pub model: Option<String>,
}

/// `ctr compare`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  ctr compare runs/a runs/b runs/c\n  ctr compare a.parquet b.csv --json\n  ctr compare runs/* --html compare.html"
)]
pub struct CompareArgs {
    /// Run folders, or prediction files (Parquet or CSV); two or more.
    #[arg(required = true, num_args = 2.., value_name = "RUN")]
    pub runs: Vec<PathBuf>,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,

    /// Write a page with tables and figures to this file.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// `ctr bench`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  ctr bench configs/quickstart.toml\n  ctr bench configs/bench/wide.toml --steps 200 --threads 2 --json\n\nNo run \
                        folder and no checkpoint is written. Figures mean something in a release build with nothing else running."
)]
pub struct BenchArgs {
    /// The run config.
    pub config: PathBuf,

    /// Steps to measure, at least 1.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub steps: u64,

    /// Steps ahead of them that are not measured.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub warmup: u64,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    #[allow(missing_docs, reason = "documented where it is defined")]
    pub options: ConfigArgs,
}
