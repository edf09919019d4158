//! What a study will cost, before it starts.
use std::time::{Duration, Instant};

use ctr_data::{Dataset, LoaderOptions, Order, Split};
use ctr_model::ModelBackend;

use super::{AblationError, Limits, Study};
use crate::config::Plan;
use crate::device::{WithBackend, with_backend};
use crate::learner::Learner;

/// What runs will cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Seconds of wall time if no run stops early.
    pub seconds: f64,
    /// Bytes of disk.
    pub bytes: u64,
}

/// Steps to take for a measurement, and how long to go on at most.
const STEPS: usize = 6;
const PATIENCE: Duration = Duration::from_millis(400);

/// The cost of `runs_left[setting]` runs of each setting: a few steps of each are timed on the real data, and an epoch's validation is
/// taken to cost a third of a training step for each row.
///
/// # Errors
/// When a setting cannot be trained at all: this is found before the first run starts.
pub fn estimate(
    study: &Study,
    datasets: &[&Dataset],
    runs_left: &[usize],
    limits: Limits,
) -> Result<Cost, AblationError> {
    let mut total = Cost::default();
    for (setting, &runs) in runs_left.iter().enumerate() {
        let Some(run) = study.runs_of(setting).next().filter(|_| runs > 0) else { continue };
        let cost = with_backend(run.plan.device, Probe { plan: &run.plan, dataset: datasets[setting] })??;
        total.seconds += cost.seconds * runs as f64;
        total.bytes += cost.bytes * runs as u64;
    }
    total.seconds /= limits.jobs as f64;
    Ok(total)
}

struct Probe<'a> {
    plan: &'a Plan,
    dataset: &'a Dataset,
}

impl WithBackend for Probe<'_> {
    type Output = Result<Cost, AblationError>;

    fn run<B: ModelBackend>(self, device: B::Device) -> Self::Output {
        let (plan, data) = (self.plan, self.dataset);
        let mut learner = Learner::<B>::new(plan, data.schema(), device)?;
        // Checkpoints of the last and the best epoch, each with two moments for every parameter, and the test predictions.
        let numbers = 3 * learner.parameter_count() as u64;
        let bytes = 2 * 4 * numbers + 20 * data.split(Split::Test).len() as u64;
        let shards = data.split(Split::Train);
        let options = LoaderOptions {
            batch_size: plan.training.batch_size,
            drop_last: false,
            threads: 0,
            prefetch: 1,
            start_batch: 0,
            reorder: None,
        };
        let mut batches = ctr_data::batches(shards, &learner.layout, Order::Sequential, &options);
        // The first step makes buffers that the others reuse.
        if let Some(batch) = batches.next() {
            (learner, _) = learner.step(&batch?);
        }
        let (started, mut rows) = (Instant::now(), 0);
        for batch in batches.take(STEPS) {
            let batch = batch?;
            rows += batch.labels.len();
            (learner, _) = learner.step(&batch);
            if started.elapsed() > PATIENCE {
                break;
            }
        }
        let per_row = started.elapsed().as_secs_f64() / rows.max(1) as f64;
        let rows = shards.len() as f64 + data.split(Split::Valid).len() as f64 / 3.0;
        Ok(Cost { seconds: per_row * rows * plan.training.epochs as f64, bytes })
    }
}
