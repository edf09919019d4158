//! Churn distillation: training that stays near to what a base run predicts.
//!
//! The loss `(1 − λ)·CE(y, f) + λ·CE(f_base, f)` is `CE((1 − λ)·y + λ·f_base, f)`, because the cross-entropy is linear in its label: the labels of
//! a batch are mixed with the base run's predictions for the same rows, and nothing else in the step changes. The predictions are made once,
//! when training begins or goes on; they are a function of the base run, the rows and `evaluation.batch_size`.
//!
//! Reference: Jiang, Narasimhan, Bahri, Cotter & Rostamizadeh, "Churn reduction via distillation", arXiv 2106.02654.
use std::borrow::Cow;
use std::path::PathBuf;

use ctr_data::{DataError, HostBatch, Split};
use ctr_model::ModelBackend;

use crate::checkpoint::{CheckpointError, CheckpointStore, Identity, Which, schema_fingerprint};
use crate::config::{ChurnDistillationPlan, ConfigError, Overrides, base_run_digest};
use crate::evaluate::{self, EvaluateError, EvaluateOptions};
use crate::fit::FitContext;
use crate::learner::{Learner, LearnerError};
use crate::metric::probability;
use crate::run_folder::{RunFolder, RunFolderError};
use crate::training_run::parameter_digest;

/// Why a base run cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BaseRunError {
    /// It has learnt another function than the plan was made with.
    #[error(
        "{}: the plan and parameters of this run have the digest {found}, `loss.churn_distillation.blake3` is {expected}; give the run that \
         training was planned with, or leave the digest out to take this one", run.display()
    )]
    Digest {
        /// Its folder.
        run: PathBuf,
        /// Its digest.
        found: String,
        /// The digest of the plan.
        expected: String,
    },
    /// It was trained on other data.
    #[error(
        "{}: this run was trained on the data {found}, and this one trains on {expected}; the base run of `loss.churn_distillation` must \
         have the same data", run.display()
    )]
    OtherData {
        /// Its folder.
        run: PathBuf,
        /// Digest of its data.
        found: String,
        /// Digest of the data here.
        expected: String,
    },
    /// It is not finished.
    #[error("{}: this run has no result; the base run of `loss.churn_distillation` must be finished", run.display())]
    Unfinished {
        /// Its folder.
        run: PathBuf,
    },
    /// The user asked to stop.
    #[error("interrupted while the base run predicts")]
    Interrupted,
    /// Its folder is damaged.
    #[error(transparent)]
    RunFolder(#[from] RunFolderError),
    /// Its plan is damaged.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Its model cannot be built.
    #[error(transparent)]
    Learner(#[from] LearnerError),
    /// Its best checkpoint cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The columns cannot be written down.
    #[error("the columns of the data cannot be written as JSON: {0}")]
    Schema(#[from] serde_json::Error),
    /// The rows cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
}

/// What a base run predicts for the training rows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BasePredictions {
    /// λ.
    weight: f32,
    /// The click probability of each row of the training split.
    probabilities: Vec<f32>,
}

impl BasePredictions {
    /// `(1 − λ)·y + λ·f_base` of each example of a batch; `rows` are their numbers in the training split.
    pub(crate) fn mix(&self, labels: &[f32], rows: &[u64]) -> Vec<f32> {
        let mixed =
            |(&label, &row): (&f32, &u64)| (1.0 - self.weight) * label + self.weight * self.probabilities[row as usize];
        labels.iter().zip(rows).map(mixed).collect()
    }
}

/// The labels of a batch, mixed with what a base run predicts where training stays near to one, \[B\].
pub(crate) fn labels<'a>(base: Option<&BasePredictions>, batch: &'a HostBatch) -> Cow<'a, [f32]> {
    match base {
        None => Cow::Borrowed(&batch.labels),
        Some(base) => Cow::Owned(base.mix(&batch.labels, &batch.examples)),
    }
}

/// The predictions of the best epoch of the plan's base run for the training rows.
///
/// # Errors
/// When the run is another one than the plan names, was trained on other data, or cannot be read.
pub(crate) fn predict<B: ModelBackend>(
    base: &ChurnDistillationPlan,
    context: &FitContext<'_>,
    device: &B::Device,
) -> Result<BasePredictions, BaseRunError> {
    let (run, data) = (base.run.clone(), context.dataset);
    let folder = RunFolder::open(&run)?;
    let (plan, record) = (folder.plan(&Overrides::default())?, folder.record()?);
    let Some(result) = record.result else { return Err(BaseRunError::Unfinished { run }) };
    if record.dataset_digest != data.digest() {
        let (found, expected) = (record.dataset_digest, data.digest().to_owned());
        return Err(BaseRunError::OtherData { run, found, expected });
    }
    let (plan_fingerprint, dataset) = (plan.fingerprint()?, record.dataset_digest);
    let schema = schema_fingerprint(data.schema())?;
    let identity = Identity { plan: plan_fingerprint.clone(), schema, dataset };
    let store = CheckpointStore::new(folder.checkpoints_path(), identity);
    let learner = Learner::<B>::new(&plan, data.schema(), device.clone())?;
    let learner = store.load(Which::Best)?.restore(learner)?;
    // Of the parameters as they are, not as the record has them.
    let (found, expected) = (base_run_digest(&plan_fingerprint, &parameter_digest(&learner)), base.blake3.clone());
    if found != expected {
        return Err(BaseRunError::Digest { run, found, expected });
    }
    tracing::info!(run = %run.display(), parameters = result.parameter_digest, "predictions of the base run");
    let logits = evaluate::logits(
        &learner.evaluator(),
        &learner.tables,
        data.split(Split::Train),
        &learner.layout,
        EvaluateOptions::of(context.plan),
        device,
        context.stop,
    )
    .map_err(|error| match error {
        EvaluateError::Interrupted => BaseRunError::Interrupted,
        EvaluateError::Data(error) => error.into(),
    })?;
    let probabilities = logits.into_iter().map(probability).collect();
    Ok(BasePredictions { weight: base.weight as f32, probabilities })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_mixed_by_the_number_of_their_row() {
        let base = BasePredictions { weight: 0.25, probabilities: vec![0.5, 0.0, 1.0] };
        assert_eq!(base.mix(&[1.0, 0.0, 1.0], &[2, 0, 1]), [1.0, 0.125, 0.75]);
        let off = BasePredictions { weight: 0.0, ..base };
        assert_eq!(off.mix(&[1.0, 0.0], &[0, 2]), [1.0, 0.0]);
    }
}
