//! `ctr train`.
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::Context;

use super::use_threads;
use crate::checkpoint::{CheckpointStore, Which};
use crate::cli::TrainArgs;
use crate::config::Plan;
use crate::dataset;
use crate::device::{WithBackend, with_backend};
use crate::learner::Learner;
use crate::observe::{JsonlObserver, Observers, PrepareBar, progress_observer, rewind};
use crate::printer::{self, metric};
use crate::run_folder::{RunFolder, RunRecord};
use crate::training_run::TrainingRun;

pub(super) fn run(args: &TrainArgs, stop: &AtomicBool) -> anyhow::Result<()> {
    let plan = Plan::load(&args.config, &args.options.overrides())?;
    train(&plan, &Place::New(args.run_dir.as_deref()), stop)
}

/// Where a run goes.
pub(super) enum Place<'a> {
    /// A new folder, at this path or one that is found.
    New(Option<&'a std::path::Path>),
    /// The folder of a run that was stopped.
    Existing(RunFolder),
}

/// Trains and prints the result.
pub(super) fn train(plan: &Plan, place: &Place<'_>, stop: &AtomicBool) -> anyhow::Result<()> {
    use_threads(plan)?;
    let record = with_backend(plan.device, Train { plan, place, stop })??;
    printer::result(&report(&record.0, &record.1));
    Ok(())
}

struct Train<'a> {
    plan: &'a Plan,
    place: &'a Place<'a>,
    stop: &'a AtomicBool,
}

impl WithBackend for Train<'_> {
    type Output = anyhow::Result<(RunFolder, RunRecord)>;

    fn run<B: ctr_model::ModelBackend>(self, device: B::Device) -> Self::Output {
        let started = Instant::now();
        let bar = PrepareBar::new();
        let data = dataset::open(self.plan, &|progress| bar.update(&progress), self.stop)?;
        bar.finish();
        // Before there is a folder: what cannot be trained leaves nothing behind.
        let learner = Learner::<B>::new(self.plan, data.schema(), device)?;
        let (folder, resume) = match self.place {
            Place::New(asked) => (RunFolder::create(*asked, &self.plan.name)?, false),
            Place::Existing(folder) => (folder.clone(), true),
        };
        let _lock = folder.lock()?;
        if resume {
            let store =
                CheckpointStore::new(folder.checkpoints_path(), self.plan.fingerprint()?, data.digest().to_owned());
            let epochs = if store.has(Which::Last) { store.manifest(Which::Last)?.1.fit.epochs } else { 0 };
            rewind(&folder.metrics_path(), epochs)?;
        }
        let log = JsonlObserver::append(&folder.metrics_path())?;
        let mut observer = Observers::new(vec![progress_observer(), Box::new(log)]);
        let run = TrainingRun {
            plan: self.plan,
            dataset: &data,
            folder: &folder,
            resume,
            stop: self.stop,
            observer: &mut observer,
            started,
        };
        let record = run.run(learner).with_context(|| format!("run {}", folder.path().display()))?;
        Ok((folder, record))
    }
}

/// The result, for people.
pub(super) fn report(folder: &RunFolder, record: &RunRecord) -> String {
    let Some(result) = &record.result else { return String::new() };
    let mut table = printer::Table::new(&["", "AUC", "log loss"]);
    let mut row = |name: &str, auc: Option<f64>, log_loss: f64| {
        table.row(vec![name.to_owned(), metric(auc), metric(Some(log_loss))]);
    };
    row("valid", result.valid.auc, result.valid.log_loss);
    row("test", result.test.auc, result.test.log_loss);
    if let Some(bayes) = &result.bayes {
        row("test, Bayes", bayes.auc, bayes.log_loss);
    }
    format!(
        "{}\n\nbest epoch         {} of {} ({} steps, {:.1} s of training)\nparameters         {}\nparameter digest   {}\nprediction digest  {}\nrun \
         folder         {}",
        table.render(),
        result.best_epoch,
        result.epochs,
        result.steps,
        result.train_seconds,
        record.parameters,
        result.parameter_digest,
        result.prediction_digest,
        folder.path().display(),
    )
}
