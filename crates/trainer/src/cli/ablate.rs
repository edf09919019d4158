//! The options of `ctr ablate`.
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::ConfigArgs;
use crate::ablation::{Engine, Share};
use crate::config::ConfigError;

/// `ctr ablate`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  ctr ablate configs/ablations/quick.toml --out runs/quick\n  ctr ablate study.toml --out runs/study --jobs 4 \
                        --dry-run\n  ctr ablate study.toml --out runs/study --export slurm && sh runs/study/slurm/submit.sh\n\nThe same command \
                        goes on with a study that was stopped or killed, and several may work on one study."
)]
pub struct AblateArgs {
    /// The study file.
    pub config: PathBuf,

    /// Folder of the study.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,

    /// Runs at the same time [default: the number of cores divided by --threads; 1 on a GPU].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,

    /// Print the plan, with the time and disk it will take, and stop.
    #[arg(long, conflicts_with_all = ["export", "share", "report_only"])]
    pub dry_run: bool,

    /// Write what another engine needs to do the runs into DIR/ENGINE, print the plan, and stop.
    #[arg(long, value_name = "ENGINE", value_enum, conflicts_with_all = ["share", "report_only"])]
    pub export: Option<Engine>,

    /// Tasks that an export divides the runs into [default: one for each run, 1000 at most].
    #[arg(long, value_name = "N", requires = "export", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub tasks: Option<u16>,

    /// Container image with the `ctr` program, for `--export kubernetes`.
    #[arg(long, value_name = "IMAGE", required_if_eq("export", "kubernetes"))]
    pub image: Option<String>,

    /// Persistent volume claim, for `--export kubernetes`: it is mounted where the working directory is here, and must hold the study file,
    /// the data and DIR.
    #[arg(long, value_name = "NAME", required_if_eq("export", "kubernetes"))]
    pub claim: Option<String>,

    /// Do every Nth run only, from run I (counted from 0) on, and write no report: one task of an export.
    #[arg(long, value_name = "I/N", conflicts_with = "report_only")]
    pub share: Option<Share>,

    /// Start no run: write the tables and the report of those that are finished.
    #[arg(long)]
    pub report_only: bool,

    #[command(flatten)]
    #[allow(missing_docs, reason = "documented where it is defined")]
    pub options: ConfigArgs,
}

impl AblateArgs {
    /// The arguments with which another process works on the same study, its share left out.
    ///
    /// # Errors
    /// When a path is no text, which a script could not hold.
    pub fn worker_arguments(&self) -> Result<Vec<String>, ConfigError> {
        let ConfigArgs { set, data_dir, cache_dir, device, seed, threads } = &self.options;
        let text = |path: &Path| {
            path.to_str().map(str::to_owned).ok_or_else(|| ConfigError::PathNotUtf8 { path: path.to_owned() })
        };
        let mut words = vec!["ablate".to_owned(), text(&self.config)?, "--out".to_owned(), text(&self.out)?];
        let mut option = |name: &str, value: Option<String>| {
            words.extend(value.into_iter().flat_map(|value| [name.to_owned(), value]));
        };
        for assignment in set {
            option("--set", Some(assignment.clone()));
        }
        option("--data-dir", data_dir.as_deref().map(text).transpose()?);
        option("--cache-dir", cache_dir.as_deref().map(text).transpose()?);
        option("--device", device.clone());
        option("--seed", seed.map(|seed| seed.to_string()));
        option("--threads", threads.map(|threads| threads.to_string()));
        Ok(words)
    }
}

impl ValueEnum for Engine {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.name()))
    }
}
