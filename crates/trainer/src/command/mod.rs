//! One file for each verb. Verbs read the command line, call the library and print what it returns.
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use tracing_subscriber::EnvFilter;

use crate::cli::{Cli, Command};
use crate::config::Plan;
use crate::{interrupt, printer};

mod ablate;
mod bench;
mod compare;
mod devices;
mod eval;
mod export;
mod inspect;
mod models;
mod predict;
mod prepare;
mod resume;
pub(crate) mod saved_run;
mod train;
mod verify;

/// Runs the command and says how it went: 0 done, 1 failed (the reason is on stderr), 130 stopped by a signal.
#[must_use]
pub fn run(cli: &Cli) -> ExitCode {
    let stop = match start(cli) {
        Ok(stop) => stop,
        Err(error) => return failed(&error),
    };
    match dispatch(&cli.command, &stop) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if stop.load(Ordering::Relaxed) => {
            printer::error(&error);
            ExitCode::from(interrupt::EXIT_STATUS)
        }
        Err(error) => failed(&error),
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    printer::error(error);
    ExitCode::FAILURE
}

fn start(cli: &Cli) -> anyhow::Result<Arc<AtomicBool>> {
    let filter = EnvFilter::try_new(&cli.log).with_context(|| {
        format!("`--log {}` is not a log filter; expected a level such as `info`, or `trainer=debug`", cli.log)
    })?;
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    interrupt::install().context("cannot install the handlers of SIGINT and SIGTERM")
}

fn dispatch(command: &Command, stop: &AtomicBool) -> anyhow::Result<()> {
    match command {
        Command::Prepare(args) => prepare::run(args, stop),
        Command::Train(args) => train::run(args, stop),
        Command::Resume(args) => resume::run(args, stop),
        Command::Eval(args) => eval::run(args, stop),
        Command::Predict(args) => predict::run(args, stop),
        Command::Export(args) => export::run(args),
        Command::Verify(args) => verify::run(args, stop),
        Command::Inspect(args) => inspect::run(args, stop),
        Command::Models(args) => models::run(args),
        Command::Compare(args) => compare::run(args),
        Command::Bench(args) => bench::run(args, stop),
        Command::Devices => {
            devices::run();
            Ok(())
        }
        Command::Ablate(args) => ablate::run(args, stop),
    }
}

/// Gives the plan's number of compute threads to the pool that every kernel uses.
fn use_threads(plan: &Plan) -> anyhow::Result<()> {
    let Some(threads) = plan.threads else { return Ok(()) };
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .with_context(|| format!("cannot start {threads} compute threads"))
}
