//! Ablation studies: a grid of settings times replicas, run as child processes, with intervals over the replicas.
//!
//! ```text
//! study file ── expand ──► settings × replicas ── claim, train, resume ──► run folders ── read ──► results ── statistics
//! ```
//!
//! Every run is a process of its own (`ctr train` or `ctr resume`): a run that is killed or out of memory takes no other with it, its memory
//! goes back to the system, and each has its own pool of compute threads. What is known about a study lies in its folder and nowhere else,
//! so any number of processes may work on one study, and one that was killed is taken up where it stopped:
//!
//! ```text
//! OUT/
//!   plans/RUN.toml     the resolved config of each run
//!   runs/RUN/          its run folder
//!   logs/RUN.log       what it said on stderr
//!   claims/RUN.lock    held by the process that works on it
//!   results.csv        one line for each finished run, in the order of the plan
//!   results.jsonl      the same as JSON lines
//!   settings.csv       one line for each setting: every measure with its interval, and its difference to the baseline
//!   timings.csv        what the runs cost: the only file, beside logs and run folders, in which a clock shows
//!   report.html, …     see [`report`](crate::report)
//!   slurm/, …          what `--export` wrote for another engine: commands for shares of the runs, and one for the report
//! ```
mod cluster;
mod config;
mod error;
mod estimate;
mod expand;
mod launch;
mod locks;
mod results;
mod statistics;
mod study_folder;
mod summary;
mod work;

pub use cluster::{Container, Engine, Export, ExportFile, Share, Tasks};
pub use config::{AblationConfig, Axis, Level, Source};
pub use error::AblationError;
pub use estimate::{Cost, estimate};
pub use expand::{Run, Setting, Study};
pub use launch::{Launcher, Limits};
pub use results::{EpochFigures, Results, RunOutcome};
pub(crate) use results::{Row, write_csv};
pub use statistics::{Estimate, MEASURES, Measure, SettingStatistics};
pub use study_folder::StudyFolder;
pub use summary::{SettingSummary, Summary};
pub use work::{Progress, work};
