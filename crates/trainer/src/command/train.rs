//! `ctr train`.
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::{Context, bail};
use ctr_data::Dataset;

use super::use_threads;
use crate::checkpoint::{Checkpoint, CheckpointStore, Which};
use crate::cli::{ResumeMode, TrainArgs};
use crate::config::Plan;
use crate::dataset;
use crate::device::{WithBackend, with_backend};
use crate::learner::Learner;
use crate::observe::{
    JsonlObserver, Observer, Observers, PrepareBar, RowLedger, TensorBoardObserver, progress_observer, rewind,
};
use crate::pretrained;
use crate::printer::{self, metric};
use crate::run_folder::{RunFolder, RunRecord, RunStatus};
use crate::training_run::{TrainingRun, identity};

pub(super) fn run(args: &TrainArgs, stop: &AtomicBool) -> anyhow::Result<()> {
    let plan = Plan::load(&args.config, &args.options.overrides())?;
    let place = match (args.resume, &args.run_dir) {
        (ResumeMode::Auto, Some(path)) => match RunFolder::adopt(path)? {
            Some(folder) => {
                let record = folder.record()?;
                if record.status == RunStatus::Finished && record.plan == plan.fingerprint()? {
                    printer::result(&report(&folder, &record));
                    return Ok(());
                }
                check_same(&plan, &folder, &record)?;
                Place::Existing { folder, from: None }
            }
            None => Place::Adopted(path),
        },
        (_, asked) => Place::New(asked.as_deref()),
    };
    train(&plan, &place, stop)
}

/// A run goes on only as what it is.
fn check_same(plan: &Plan, folder: &RunFolder, record: &RunRecord) -> anyhow::Result<()> {
    let (fingerprint, device) = (plan.fingerprint()?, plan.device.to_string());
    for (what, found, expected) in
        [("plan fingerprint", &fingerprint, &record.plan), ("device", &device, &record.device)]
    {
        if found != expected {
            bail!(
                "{}: the run in this folder has the {what} {expected}, the given configuration has {found}; give the configuration of the run, or \
                 another `--run-dir`",
                folder.path().display()
            );
        }
    }
    Ok(())
}

/// Where a run goes.
pub(super) enum Place<'a> {
    /// A new folder, at this path or one that is found.
    New(Option<&'a Path>),
    /// This folder, which is empty, absent, or left by a process that ended before its run began.
    Adopted(&'a Path),
    /// The folder of a run that was stopped.
    Existing {
        /// The folder.
        folder: RunFolder,
        /// The checkpoint to go on from instead of the latest one.
        from: Option<&'a str>,
    },
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
        let mut learner = Learner::<B>::new(self.plan, data.schema(), device)?;
        if !matches!(self.place, Place::Existing { .. }) {
            pretrained::load(&mut learner, self.plan, &data)?;
        }
        let (folder, resumed) = match self.place {
            Place::New(asked) => (RunFolder::create(*asked, &self.plan.name)?, None),
            Place::Adopted(path) => (RunFolder::create_in_place(path)?, None),
            Place::Existing { folder, from } => (folder.clone(), Some(*from)),
        };
        let _lock = folder.lock()?;
        let resume = match resumed {
            None => None,
            Some(from) => {
                let checkpoint = self.take_up(&folder, &data, from)?;
                if checkpoint.is_none() {
                    pretrained::load(&mut learner, self.plan, &data)?;
                }
                checkpoint
            }
        };
        let steps = resume.as_ref().map_or(0, |checkpoint| checkpoint.steps);
        let mut observers: Vec<Box<dyn Observer>> =
            vec![progress_observer(), Box::new(JsonlObserver::append(&folder.metrics_path())?)];
        if self.plan.watch.row_ledger {
            observers.push(Box::new(RowLedger::append(&folder.ledger_path(), steps)?));
        }
        if self.plan.watch.tensorboard {
            observers.push(Box::new(TensorBoardObserver::create(&folder.tensorboard_path(), steps)?));
        }
        let mut observer = Observers::new(observers);
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

impl Train<'_> {
    /// The checkpoint to go on from, none where the run has none yet; what the run wrote after it is taken back.
    fn take_up(&self, folder: &RunFolder, data: &Dataset, from: Option<&str>) -> anyhow::Result<Option<Checkpoint>> {
        folder.remove_temporary_files()?;
        let store = CheckpointStore::new(folder.checkpoints_path(), identity(self.plan, data)?);
        let checkpoint = match from {
            Some(name) => Some(store.load_named(name)?),
            None if store.has_any()? => Some(store.load(Which::Last)?),
            None => None,
        };
        let (epochs, steps) = checkpoint.as_ref().map_or((0, 0), |from| (from.fit.epochs, from.steps));
        rewind(&folder.metrics_path(), epochs, steps)?;
        Ok(checkpoint)
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
