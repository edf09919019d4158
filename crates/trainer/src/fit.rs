//! The training loop: epochs of steps, a validation after each, the best checkpoint kept.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use ctr_data::{Batches, DataError, Dataset, LoaderOptions, Order, RowLayout, Shards, Split};
use ctr_model::ModelBackend;

use crate::asynchronous;
use crate::checkpoint::{Checkpoint, CheckpointError, CheckpointSaver, CheckpointStore};
use crate::churn::{self, BaseRunError};
use crate::config::{BlockShuffleConfig, Monitor, Plan};
use crate::diagnosis::{Cause, diagnose};
use crate::evaluate::{self, EvaluateError, EvaluateOptions};
use crate::learner::{Learner, LearnerError, RateScales};
use crate::metric::{ClassificationMetrics, MetricError};
use crate::observe::{EpochSummary, Event, ObserveError, Observer};
use crate::repro::Stream;
use crate::schedule::Horizon;
use crate::statistics::StatisticsWindow;
use crate::training_run::parameter_digest;

pub use crate::fit_state::{Best, FitState, UndefinedMonitor};

/// Why training stopped before its end.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// The user asked to stop; the state is saved.
    #[error(
        "interrupted after step {steps} (epoch {epoch}); the state is saved: go on with `ctr resume` and the folder of the run"
    )]
    Interrupted {
        /// Steps done.
        steps: u64,
        /// The epoch under way, counted from 1.
        epoch: usize,
    },
    /// The loss is no number any more.
    #[error(
        "the loss is {loss} at step {step} (epoch {epoch}): training diverged; the first number of the step that is not finite is in {cause}. \
         The checkpoints of the run are from before, and finite. Lower \
         `optimizer.learning_rate`, set `training.gradient_clip_norm`, or look for outliers in the numeric fields"
    )]
    Diverged {
        /// What the loss is.
        loss: f64,
        /// The step, counted from 1.
        step: u64,
        /// The epoch, counted from 1.
        epoch: usize,
        /// Where it began.
        cause: Cause,
    },
    /// The monitored metric is not defined on the validation data.
    #[error(transparent)]
    UndefinedMonitor(#[from] UndefinedMonitor),
    /// The training split is empty.
    #[error("the training split has no rows")]
    Empty,
    /// The data could not be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A worker of an asynchronous run could not be made, or the device does not have the memory for the tables.
    #[error(transparent)]
    Learner(#[from] LearnerError),
    /// The base run cannot be used.
    #[error(transparent)]
    BaseRun(#[from] BaseRunError),
    /// A prediction is no number.
    #[error(transparent)]
    Metric(#[from] MetricError),
    /// A checkpoint could not be written.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The progress of the run could not be written.
    #[error(transparent)]
    Observe(#[from] ObserveError),
}

/// What the loop works with and never changes.
pub struct FitContext<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The encoded data.
    pub dataset: &'a Dataset,
    /// Where checkpoints go.
    pub store: &'a CheckpointStore,
    /// Set when the user asks to stop.
    pub stop: &'a AtomicBool,
}

impl FitState {
    /// Whether the state is that at the end of an epoch, its validation included.
    #[must_use]
    pub fn ends_epoch(&self) -> bool {
        self.epochs > 0 && self.batches == 0
    }
}

/// The state with the checkpoints that it goes to.
struct Progress {
    state: FitState,
    saver: CheckpointSaver,
    window: StatisticsWindow,
    /// `train_seconds` at the beginning of this process, and when that was.
    before: (f64, Instant),
}

impl Progress {
    fn save<B: ModelBackend>(&mut self, learner: &mut Learner<B>, best: bool) -> Result<(), FitError> {
        self.take_time();
        learner.fetch_tables()?;
        Ok(self.saver.save(Checkpoint::of(learner, &self.state), best)?)
    }

    fn take_time(&mut self) {
        self.state.train_seconds = self.before.0 + self.before.1.elapsed().as_secs_f64();
    }
}

/// Trains from `state` to the end of training.
///
/// # Errors
/// See [`FitError`]; on an interruption the state is saved first.
pub fn fit<B: ModelBackend>(
    mut learner: Learner<B>,
    state: FitState,
    context: &FitContext<'_>,
    observer: &mut dyn Observer,
) -> Result<(Learner<B>, FitState), FitError> {
    check_splits(context)?;
    let saver = CheckpointSaver::new(context.store.clone(), &context.plan.checkpoint);
    let before = (state.train_seconds, Instant::now());
    let mut progress = Progress { before, saver, state, window: StatisticsWindow::default() };
    if learner.steps == 0 {
        // A run that diverges, or is killed, before its first epoch ends has something to go back to.
        progress.save(&mut learner, false)?;
    }
    if context.plan.training.async_workers.is_none() {
        learner.place_tables()?;
    }
    if let Some(base) = &context.plan.loss.churn_distillation {
        learner.base = match churn::predict::<B>(base, context, &learner.device) {
            Err(BaseRunError::Interrupted) => return Err(interrupted(&mut learner, &mut progress)?),
            base => Some(Arc::new(base?)),
        };
    }
    while !progress.state.finished {
        let rows_before = progress.state.rows;
        let started = Instant::now();
        learner = train_epoch(learner, &mut progress, context, observer)?;
        let train_seconds = started.elapsed().as_secs_f64();
        let started = Instant::now();
        let valid = match validate(&learner, context) {
            Err(Stopped::Interrupted) => return Err(interrupted(&mut learner, &mut progress)?),
            Err(Stopped::Failed(error)) => return Err(error),
            Ok(valid) => valid,
        };
        let state = &mut progress.state;
        let summary = EpochSummary {
            epoch: state.epochs + 1,
            steps: learner.steps,
            train_loss: state.loss_sum / state.rows.max(1) as f64,
            train_seconds,
            samples_per_second: (state.rows - rows_before) as f64 / train_seconds,
            valid_seconds: started.elapsed().as_secs_f64(),
            valid_auc: valid.auc,
            valid_log_loss: valid.log_loss,
            learning_rate: context.plan.optimizer.learning_rate() * learner.rates.dense,
        };
        let improved = state.end_epoch(&context.plan.training, context.plan.optimizer.learning_rate(), &valid)?;
        // In this order: a line too many is removed when the run is resumed, one too few would be lost.
        observer.observe(&Event::EpochFinished(summary))?;
        progress.save(&mut learner, improved)?;
    }
    progress.saver.finish()?;
    Ok((learner, progress.state))
}

fn train_epoch<B: ModelBackend>(
    mut learner: Learner<B>,
    progress: &mut Progress,
    context: &FitContext<'_>,
    observer: &mut dyn Observer,
) -> Result<Learner<B>, FitError> {
    let plan = context.plan;
    let state = &progress.state;
    let shards = context.dataset.split(Split::Train);
    let epoch = state.epochs + 1;
    let batches = epoch_batches(plan, shards, &learner.layout, state.epochs, state.batches);
    let horizon = Horizon::of(plan, shards.len());
    let steps = horizon.per_epoch as usize;
    observer.observe(&Event::EpochStarted { epoch, steps })?;
    // Those of the last step, for an epoch of which nothing but the validation is left.
    learner.rates = RateScales::at(plan, state.rate_scale, learner.steps.saturating_sub(1), horizon);
    let (started, first_row) = (Instant::now(), state.rows);
    if let Some(workers) = plan.training.async_workers {
        learner =
            asynchronous::train_epoch(learner, &mut progress.state, workers, batches, horizon, context, observer)?;
        return if context.stop.load(Ordering::Relaxed) {
            Err(interrupted(&mut learner, progress)?)
        } else {
            Ok(learner)
        };
    }
    for batch in learner.transfers(batches) {
        if context.stop.load(Ordering::Relaxed) {
            return Err(interrupted(&mut learner, progress)?);
        }
        let (batch, sent) = batch?;
        if plan.watch.row_ledger {
            observer.observe(&Event::RowsTaken { epoch, step: learner.steps + 1, rows: batch.examples.clone() })?;
        }
        let loss;
        learner.rates = RateScales::at(plan, progress.state.rate_scale, learner.steps, horizon);
        (learner, loss) = learner.step_in_parts(&batch, sent, |_| ());
        if !loss.is_finite() {
            learner.fetch_tables()?;
            let cause = diagnose(&learner, &batch);
            return Err(FitError::Diverged { loss, step: learner.steps + 1, epoch, cause });
        }
        let state = &mut progress.state;
        state.batches += 1;
        state.loss_sum += loss * batch.labels.len() as f64;
        state.rows += batch.labels.len() as u64;
        let samples_per_second = (state.rows - first_row) as f64 / started.elapsed().as_secs_f64();
        let mean_loss = state.loss_sum / state.rows as f64;
        let step = state.batches;
        observer.observe(&Event::Step { epoch, step, steps, loss: mean_loss, samples_per_second })?;
        if plan.watch.step_digests > 0 && learner.steps.is_multiple_of(plan.watch.step_digests) {
            learner.fetch_tables()?;
            let parameter_digest = parameter_digest(&learner);
            observer.observe(&Event::StepDigest { epoch, step: learner.steps, loss, parameter_digest })?;
        }
        if let Some(norm) = learner.gradient_norm {
            progress.window.add(norm, learner.gradient_clip_norm);
        }
        if plan.watch.statistics > 0 && learner.steps.is_multiple_of(plan.watch.statistics) {
            let statistics = progress.window.take(&learner, &batch, epoch);
            observer.observe(&Event::Statistics(statistics))?;
        }
        // The end of an epoch has a checkpoint of its own.
        if step < steps && progress.saver.is_due(learner.steps)? {
            progress.save(&mut learner, false)?;
        }
    }
    Ok(learner)
}

/// The training batches of the epoch that follows `epochs` others, from batch `start_batch` on.
pub(crate) fn epoch_batches(
    plan: &Plan,
    shards: &Arc<Shards>,
    layout: &RowLayout,
    epochs: usize,
    start_batch: usize,
) -> Batches {
    let (seed, epoch) = (plan.seed_streams().seed(Stream::Shuffle), epochs as u64);
    let order = match (plan.training.block_shuffle, plan.training.shuffle_window) {
        (Some(BlockShuffleConfig { block, window }), _) => {
            Order::Blocks { seed, epoch, block: block as u64, window: window as u64 }
        }
        (None, Some(window)) => Order::Windowed { seed, epoch, window: window as u64 },
        (None, None) => Order::Shuffled { seed, epoch },
    };
    let options = LoaderOptions {
        batch_size: plan.training.batch_size,
        drop_last: false,
        threads: plan.loader.threads,
        prefetch: plan.loader.prefetch,
        start_batch,
        reorder: plan.perturb.reduction_order,
    };
    ctr_data::batches(shards, layout, order, &options)
}

/// What would otherwise be found after an epoch, or never.
fn check_splits(context: &FitContext<'_>) -> Result<(), FitError> {
    if context.dataset.split(Split::Train).is_empty() {
        return Err(FitError::Empty);
    }
    let valid = context.dataset.split(Split::Valid);
    let one_class = valid.positives().is_some_and(|positives| positives == 0 || positives == valid.len() as u64);
    if context.plan.training.monitor == Monitor::Auc && one_class {
        return Err(UndefinedMonitor.into());
    }
    Ok(())
}

enum Stopped {
    Interrupted,
    Failed(FitError),
}

fn validate<B: ModelBackend>(learner: &Learner<B>, context: &FitContext<'_>) -> Result<ClassificationMetrics, Stopped> {
    let shards = context.dataset.split(Split::Valid);
    let logits = evaluate::logits(
        &learner.evaluator(),
        &learner.tables,
        shards,
        &learner.layout,
        EvaluateOptions::of(context.plan),
        &learner.device,
        context.stop,
    )
    .map_err(|error| match error {
        EvaluateError::Interrupted => Stopped::Interrupted,
        EvaluateError::Data(error) => Stopped::Failed(error.into()),
    })?;
    ClassificationMetrics::from_logits(&evaluate::labels(shards), &logits)
        .map_err(|error| Stopped::Failed(error.into()))
}

/// Saves the state as it is after the last whole step; the epoch goes on from there.
fn interrupted<B: ModelBackend>(learner: &mut Learner<B>, progress: &mut Progress) -> Result<FitError, FitError> {
    progress.save(learner, false)?;
    progress.saver.finish()?;
    Ok(FitError::Interrupted { steps: learner.steps, epoch: progress.state.epochs + 1 })
}
