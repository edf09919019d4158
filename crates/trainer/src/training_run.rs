//! A whole run on one backend: data, training, one test of the best epoch, and the folder that holds it all.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use ctr_data::{Dataset, Shards, Split};
use ctr_model::ModelBackend;

use crate::checkpoint::{Checkpoint, CheckpointStore, Identity, Which, all_parameters, schema_fingerprint};
use crate::config::Plan;
use crate::device_failure::DeviceFailure;
use crate::evaluate::{self, EvaluateOptions};
use crate::fit::{FitContext, FitState, fit};
use crate::learner::Learner;
use crate::metric::{ClassificationMetrics, auc_of_scores, log_loss_of_probabilities};
use crate::observe::{Event, Observer, RunSummary};
use crate::predictions::{self, PredictionMetadata, Predictions};
use crate::repro::{Environment, ParameterDigest};
use crate::run_folder::{BayesMetrics, RunFolder, RunRecord, RunResult, RunStatus};
use crate::warm_start;

/// A run to do, new or resumed.
pub struct TrainingRun<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The encoded data.
    pub dataset: &'a Dataset,
    /// Where the run is kept.
    pub folder: &'a RunFolder,
    /// The checkpoint to go on from; none begins the run.
    pub resume: Option<Checkpoint>,
    /// Set when the user asks to stop.
    pub stop: &'a AtomicBool,
    /// Who watches.
    pub observer: &'a mut dyn Observer,
    /// When the process began.
    pub started: Instant,
}

impl TrainingRun<'_> {
    /// Trains, tests the best epoch once, and records how it ended.
    ///
    /// # Errors
    /// Whatever kept the run from its end; `run.json` then says `interrupted` or `failed`.
    pub fn run<B: ModelBackend>(mut self, learner: Learner<B>) -> anyhow::Result<RunRecord> {
        let mut record = self.record(&learner)?;
        let store = CheckpointStore::new(self.folder.checkpoints_path(), identity(self.plan, self.dataset)?);
        let (learner, state) = self.begin(learner)?;
        record.encoder_digest = self.folder.encoder_digest()?;
        self.folder.write_record(&record)?;
        let failure = DeviceFailure::of(self.plan, learner.tables());
        let finished = failure.catch::<B, _>(|| self.finish(learner, state, &store, &record));
        match finished.map_err(anyhow::Error::from).flatten() {
            Ok(result) => {
                self.observer.observe(&Event::RunFinished(RunSummary {
                    epochs: result.epochs,
                    steps: result.steps,
                    best_epoch: result.best_epoch,
                    seconds: result.wall_seconds,
                    test_auc: result.test.auc,
                    test_log_loss: result.test.log_loss,
                }))?;
                (record.status, record.result) = (RunStatus::Finished, Some(result));
                self.folder.write_record(&record)?;
                Ok(record)
            }
            Err(error) => {
                let stopped = self.stop.load(Ordering::Relaxed);
                record.status = if stopped { RunStatus::Interrupted } else { RunStatus::Failed };
                // What went wrong first is what the user has to know; a full disk may refuse this file too.
                let _ = self.folder.write_record(&record);
                Err(error)
            }
        }
    }

    fn finish<B: ModelBackend>(
        &mut self,
        learner: Learner<B>,
        state: FitState,
        store: &CheckpointStore,
        record: &RunRecord,
    ) -> anyhow::Result<RunResult> {
        self.announce()?;
        let context = FitContext { plan: self.plan, dataset: self.dataset, store, stop: self.stop };
        let (learner, state) = fit(learner, state, &context, self.observer)?;
        let steps = learner.steps;

        let learner = store.load(Which::Best)?.restore(learner)?;
        let valid = self.evaluate(&learner, Split::Valid, None)?;
        let parameter_digest = parameter_digest(&learner);
        let metadata = PredictionMetadata {
            run_id: record.name.clone(),
            dataset_digest: record.dataset_digest.clone(),
            split: "test".to_owned(),
            model_digest: parameter_digest.clone(),
        };
        let test = self.evaluate(&learner, Split::Test, Some(&metadata))?;
        Ok(RunResult {
            epochs: state.epochs,
            steps,
            best_epoch: state.best.map_or(0, |best| best.epoch),
            valid: valid.metrics,
            test: test.metrics,
            bayes: bayes(self.dataset.split(Split::Test))?,
            parameter_digest,
            prediction_digest: test.digest,
            train_seconds: state.train_seconds,
            wall_seconds: self.started.elapsed().as_secs_f64(),
        })
    }
}

struct Evaluated {
    metrics: ClassificationMetrics,
    digest: String,
}

impl TrainingRun<'_> {
    fn announce(&mut self) -> anyhow::Result<()> {
        let samples = self.dataset.split(Split::Train).len();
        Ok(self.observer.observe(&Event::RunStarted {
            name: self.plan.name.clone(),
            epochs: self.plan.training.epochs,
            steps: samples.div_ceil(self.plan.training.batch_size),
            samples,
        })?)
    }

    fn record<B: ModelBackend>(&self, learner: &Learner<B>) -> anyhow::Result<RunRecord> {
        let plan = self.plan;
        let seeds = plan.seed_streams().by_name();
        Ok(RunRecord {
            version: RunRecord::current_version(),
            name: plan.name.clone(),
            status: RunStatus::Running,
            device: plan.device.to_string(),
            threads: rayon::current_num_threads(),
            seeds: seeds.into_iter().map(|(name, seed)| (name.to_owned(), seed)).collect(),
            plan: plan.fingerprint()?,
            dataset: plan.data.dataset.name.clone(),
            dataset_digest: self.dataset.digest().to_owned(),
            parameters: learner.parameter_count(),
            encoder_digest: String::new(),
            result: None,
            environment: Environment::capture(),
        })
    }

    fn begin<B: ModelBackend>(&mut self, learner: Learner<B>) -> anyhow::Result<(Learner<B>, FitState)> {
        if let Some(checkpoint) = self.resume.take() {
            return Ok((checkpoint.restore(learner)?, checkpoint.fit));
        }
        let learner = match &self.plan.warm_start {
            None => learner,
            Some(warm_start) => warm_start::apply(learner, warm_start)?,
        };
        self.folder.write_plan(self.plan)?;
        self.dataset.encoder()?.save(&self.folder.make_subfolder("encoder")?)?;
        Ok((learner, FitState::default()))
    }

    fn evaluate<B: ModelBackend>(
        &self,
        learner: &Learner<B>,
        split: Split,
        write: Option<&PredictionMetadata>,
    ) -> anyhow::Result<Evaluated> {
        let shards = self.dataset.split(split);
        let predictions = predict(learner, shards, self.plan, self.stop)?;
        if let Some(metadata) = write {
            self.folder.make_subfolder("predictions")?;
            predictions::write(&self.folder.predictions_path(&metadata.split), &predictions, metadata)?;
        }
        let metrics = ClassificationMetrics::from_logits(&evaluate::labels(shards), predictions.logits())?;
        Ok(Evaluated { metrics, digest: predictions.digest() })
    }
}

/// What the checkpoints of a run with this plan and these data belong to.
///
/// # Errors
/// When the plan or the schema cannot be written down.
pub fn identity(plan: &Plan, dataset: &Dataset) -> anyhow::Result<Identity> {
    let (plan, dataset, schema) = (plan.fingerprint()?, dataset.digest().to_owned(), dataset.schema());
    Ok(Identity { plan, schema: schema_fingerprint(schema)?, dataset })
}

/// Predictions of a learner for encoded rows, in file order.
///
/// # Errors
/// When the rows cannot be read, a prediction is no number, or `stop` is set meanwhile.
pub fn predict<B: ModelBackend>(
    learner: &Learner<B>,
    shards: &Arc<Shards>,
    plan: &Plan,
    stop: &AtomicBool,
) -> anyhow::Result<Predictions> {
    let logits = evaluate::logits(
        &learner.evaluator(),
        &learner.tables,
        shards,
        &learner.layout,
        EvaluateOptions::of(plan),
        &learner.device,
        stop,
    )?;
    let labels = shards.has_labels().then(|| evaluate::labels(shards));
    Ok(Predictions::of_whole_file(labels, logits)?)
}

/// BLAKE3 over all parameters, running statistics and table weights of a learner, names and shapes included.
#[must_use]
pub fn parameter_digest<B: ModelBackend>(learner: &Learner<B>) -> String {
    let mut digest = ParameterDigest::new();
    for parameter in all_parameters(learner) {
        digest.add(&parameter.name, &parameter.shape, &parameter.values);
    }
    digest.finish().to_string()
}

/// What the true click probabilities score, where the data has them.
fn bayes(shards: &Shards) -> anyhow::Result<Option<BayesMetrics>> {
    let truth: Option<Vec<f64>> = (0..shards.len()).map(|row| shards.true_probability(row)).collect();
    let Some(truth) = truth.filter(|truth| !truth.is_empty()) else { return Ok(None) };
    let labels = evaluate::labels(shards);
    let auc = auc_of_scores(&labels, &truth)?;
    Ok(Some(BayesMetrics { auc, log_loss: log_loss_of_probabilities(&labels, &truth)? }))
}
