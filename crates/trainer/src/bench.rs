//! The time of a run's training steps, and where in a step it goes.
//!
//! The steps are those of [`Learner::step`](crate::learner::Learner::step), on the batches and with the learning rates that training has; no
//! clock reaches a number of the model.
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use burn::tensor::backend::ExecutionError;
use ctr_data::{DataError, Dataset, Split};
use ctr_model::ModelBackend;
use serde::Serialize;

use crate::config::Plan;
use crate::fit::epoch_batches;
use crate::learner::{Learner, RateScales};
use crate::repro::{Environment, peak_resident_bytes};
use crate::schedule::Horizon;
use crate::step::StepPart;
use crate::transfer::Transfers;

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// No step to measure.
    #[error("`--steps 0` measures nothing: expected at least 1 step; `--warmup` may be 0")]
    NoSteps,
    /// The training split is empty.
    #[error("the training split has no rows: there is no step to measure; give data with training rows")]
    Empty,
    /// The loss is no number any more.
    #[error(
        "the loss is {loss} at step {step}: training diverged, and such a step is not one of training; lower `optimizer.learning_rate`, or set \
         `training.gradient_clip_norm`"
    )]
    Diverged {
        /// What the loss is.
        loss: f64,
        /// The step, counted from 1, warm-up included.
        step: u64,
    },
    /// The user asked to stop.
    #[error("interrupted after step {steps} of {total}: nothing is reported; fewer `--steps` take less time")]
    Interrupted {
        /// Steps done, warm-up included.
        steps: u64,
        /// Steps asked for, warm-up included.
        total: u64,
    },
    /// The device failed to finish its work.
    #[error("the device did not finish a part of step {step}: {cause}")]
    Device {
        /// The step, counted from 1, warm-up included.
        step: u64,
        /// What the device said.
        cause: ExecutionError,
    },
    /// The data could not be read.
    #[error(transparent)]
    Data(#[from] DataError),
}

/// How many steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BenchOptions {
    warmup: u64,
    steps: u64,
}

impl BenchOptions {
    /// `steps` steps to measure after `warmup` others.
    ///
    /// # Errors
    /// When there is no step to measure.
    pub fn new(warmup: u64, steps: u64) -> Result<Self, BenchError> {
        if steps == 0 { Err(BenchError::NoSteps) } else { Ok(Self { warmup, steps }) }
    }
}

/// The figures of a run's training steps.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BenchReport {
    /// Name of the run.
    pub name: String,
    /// Device.
    pub device: String,
    /// Compute threads.
    pub threads: usize,
    /// Threads that make batches; 0 makes them in the step itself.
    pub loader_threads: usize,
    /// Examples in a batch; the last batch of an epoch may have fewer.
    pub batch_size: usize,
    /// Trainable numbers: dense parameters and table weights.
    pub parameters: usize,
    /// Steps ahead of those measured.
    pub warmup_steps: u64,
    /// Steps measured.
    pub steps: u64,
    /// Examples in them.
    pub samples: u64,
    /// Examples a second, over all the steps measured, waiting for the loader included.
    pub samples_per_second: f64,
    /// Milliseconds a step, waiting for the loader included.
    pub step_ms: StepMilliseconds,
    /// Where they go: means over the steps measured, which add up to that of the steps; on an accelerator over as many further steps, which are
    /// slower, because the device is waited for after each part.
    pub parts_ms: PartMilliseconds,
    /// The most memory of the whole process that was resident at one time, in bytes, preparing the data included; none where the system has no
    /// `/proc`.
    pub peak_resident_bytes: Option<u64>,
    /// Commit of the source; release builds in a git checkout only.
    pub git_commit: Option<String>,
    /// Optimisation level of this binary.
    pub opt_level: Option<String>,
    /// Model name of the processor.
    pub cpu_model: Option<String>,
}

/// The distribution of the time of a step, in milliseconds. Percentiles are nearest-rank: the smallest time that at least so many per cent of the
/// steps do not exceed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct StepMilliseconds {
    /// Mean.
    pub mean: f64,
    /// 5th percentile.
    pub p5: f64,
    /// 50th percentile.
    pub median: f64,
    /// 95th percentile.
    pub p95: f64,
}

/// The parts of a step, in milliseconds; see [`StepPart`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs, reason = "the parts are described where they are defined")]
pub struct PartMilliseconds {
    /// Until the next batch is there; a new epoch's order and loader threads included.
    pub loader_wait: f64,
    pub gather: f64,
    pub forward: f64,
    pub backward: f64,
    pub row_reduction: f64,
    pub gradient_norm: f64,
    pub row_update: f64,
    pub dense_update: f64,
    /// What is left: learning rates, and giving back the memory of the batch and the gradients.
    pub other: f64,
}

/// What one step took.
#[derive(Clone, Copy, Debug)]
struct StepTime {
    samples: usize,
    total: Duration,
    loader_wait: Duration,
    parts: [Duration; StepPart::ALL.len()],
}

/// Trains a new learner for the warm-up and the steps to measure.
///
/// On an accelerator the steps are followed by as many more, in which the device is waited for at the end of each part, so that its work is
/// counted where it belongs: the parts are those of these steps, everything else is that of the former, in which the host runs ahead as it does in
/// training. On the CPU there is nothing to wait for, and they are the same steps.
///
/// # Errors
/// See [`BenchError`].
pub fn bench<B: ModelBackend>(
    learner: Learner<B>,
    plan: &Plan,
    dataset: &Dataset,
    options: BenchOptions,
    stop: &AtomicBool,
) -> Result<BenchReport, BenchError> {
    let parameters = learner.parameter_count();
    let (learner, times) = measure(learner, plan, dataset, options, Waits::of_training::<B>(), stop)?;
    let times_of_parts = if B::HOST {
        times.clone()
    } else {
        let again = BenchOptions { warmup: 0, ..options };
        measure(learner, plan, dataset, again, Waits::AfterEachPart, stop)?.1
    };
    let environment = Environment::capture();
    let samples = times.iter().map(|time| time.samples as u64).sum();
    Ok(BenchReport {
        name: plan.name.clone(),
        device: plan.device.to_string(),
        threads: rayon::current_num_threads(),
        loader_threads: plan.loader.threads,
        batch_size: plan.training.batch_size,
        parameters,
        warmup_steps: options.warmup,
        steps: options.steps,
        samples,
        samples_per_second: samples as f64 / times.iter().map(|time| time.total).sum::<Duration>().as_secs_f64(),
        step_ms: StepMilliseconds::of(&times),
        parts_ms: PartMilliseconds::of(&times_of_parts),
        peak_resident_bytes: peak_resident_bytes(),
        git_commit: environment.build.git_commit,
        opt_level: environment.build.opt_level,
        cpu_model: environment.machine.cpu_model,
    })
}

/// When the device is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waits {
    /// Where training waits for it, and after the last step.
    AtTheEnd,
    AfterEachPart,
}

impl Waits {
    fn of_training<B: ModelBackend>() -> Self {
        if B::HOST { Self::AfterEachPart } else { Self::AtTheEnd }
    }
}

fn measure<B: ModelBackend>(
    mut learner: Learner<B>,
    plan: &Plan,
    dataset: &Dataset,
    options: BenchOptions,
    waits: Waits,
    stop: &AtomicBool,
) -> Result<(Learner<B>, Vec<StepTime>), BenchError> {
    let shards = dataset.split(Split::Train);
    let horizon = Horizon::of(plan, shards.len());
    let device = learner.device.clone();
    let wait = |step| B::sync(&device).map_err(|cause| BenchError::Device { step, cause });
    let total = options.warmup.saturating_add(options.steps);
    let mut times = Vec::new();
    let mut epochs = 0;
    // Where each part is waited for, what a step sends is a part of it, and not of whatever is under way.
    let batches_of = |learner: &Learner<B>, epochs| {
        let batches = epoch_batches(plan, shards, &learner.layout, epochs, 0);
        if waits == Waits::AtTheEnd { learner.transfers(batches) } else { Transfers::none(batches) }
    };
    let mut batches = batches_of(&learner, epochs);
    for number in 1..=total {
        if stop.load(Ordering::Relaxed) {
            return Err(BenchError::Interrupted { steps: learner.steps, total: learner.steps - (number - 1) + total });
        }
        let started = Instant::now();
        let (batch, sent) = if let Some(batch) = batches.next() {
            batch?
        } else {
            epochs += 1;
            batches = batches_of(&learner, epochs);
            batches.next().ok_or(BenchError::Empty)??
        };
        let loader_wait = started.elapsed();
        let (step, samples) = (learner.steps + 1, batch.len());
        learner.rates = RateScales::at(plan, 1.0, learner.steps, horizon);
        let mut parts = [Duration::ZERO; StepPart::ALL.len()];
        let mut failure = None;
        let mut last = Instant::now();
        let loss;
        (learner, loss) = learner.step_in_parts(&batch, sent, |part| {
            if waits == Waits::AfterEachPart
                && let Err(error) = wait(step)
            {
                failure.get_or_insert(error);
            }
            let now = Instant::now();
            parts[part as usize] = now - last;
            last = now;
        });
        drop(batch);
        if let Some(error) = failure {
            return Err(error);
        }
        if !loss.is_finite() {
            return Err(BenchError::Diverged { loss, step });
        }
        if number == options.warmup || number == total {
            wait(step)?;
        }
        if number > options.warmup {
            times.push(StepTime { samples, total: started.elapsed(), loader_wait, parts });
        }
    }
    Ok((learner, times))
}

impl StepMilliseconds {
    /// Of at least one step.
    fn of(times: &[StepTime]) -> Self {
        let mut totals: Vec<Duration> = times.iter().map(|time| time.total).collect();
        totals.sort_unstable();
        Self {
            mean: mean(times, |time| time.total),
            p5: milliseconds(percentile(&totals, 5)),
            median: milliseconds(percentile(&totals, 50)),
            p95: milliseconds(percentile(&totals, 95)),
        }
    }
}

impl PartMilliseconds {
    fn of(times: &[StepTime]) -> Self {
        let part = |part: StepPart| mean(times, |time| time.parts[part as usize]);
        Self {
            loader_wait: mean(times, |time| time.loader_wait),
            gather: part(StepPart::Gather),
            forward: part(StepPart::Forward),
            backward: part(StepPart::Backward),
            row_reduction: part(StepPart::RowReduction),
            gradient_norm: part(StepPart::GradientNorm),
            row_update: part(StepPart::RowUpdate),
            dense_update: part(StepPart::DenseUpdate),
            other: mean(times, |time| {
                time.total.saturating_sub(time.loader_wait + time.parts.iter().sum::<Duration>())
            }),
        }
    }

    /// The parts with their names, in the order in which they are done.
    #[must_use]
    pub fn by_name(&self) -> [(&'static str, f64); 9] {
        [
            ("waiting for the loader", self.loader_wait),
            ("gather", self.gather),
            ("forward", self.forward),
            ("backward", self.backward),
            ("row reduction", self.row_reduction),
            ("gradient norm", self.gradient_norm),
            ("row update", self.row_update),
            ("dense update", self.dense_update),
            ("other", self.other),
        ]
    }
}

fn mean(times: &[StepTime], duration: impl Fn(&StepTime) -> Duration) -> f64 {
    milliseconds(times.iter().map(duration).sum()) / times.len() as f64
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// The nearest-rank percentile of sorted durations, of which there is at least one.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(total: u64) -> StepTime {
        let parts = std::array::from_fn(|part| Duration::from_millis(part as u64 + 1));
        StepTime { samples: 1, total: Duration::from_millis(total), loader_wait: Duration::from_millis(10), parts }
    }

    #[test]
    fn percentiles_are_nearest_rank() {
        let times: Vec<_> = (1..=20).rev().map(time).collect();
        let steps = StepMilliseconds::of(&times);
        assert_eq!(steps, StepMilliseconds { mean: 10.5, p5: 1.0, median: 10.0, p95: 19.0 });
        let one = StepMilliseconds::of(&times[..1]);
        assert_eq!(one, StepMilliseconds { mean: 20.0, p5: 20.0, median: 20.0, p95: 20.0 });
    }

    #[test]
    fn the_parts_add_up_to_the_step_in_their_order() {
        let parts = PartMilliseconds::of(&[time(40), time(60)]).by_name();
        let values = parts.map(|(_, value)| value);
        assert_eq!(values, [10.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 12.0]);
    }
}
