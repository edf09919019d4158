//! `run.json`: what a run was, and what came out.
use serde::{Deserialize, Serialize};

use crate::metric::ClassificationMetrics;
use crate::repro::Environment;

/// Version of `run.json`.
const VERSION: u32 = 1;

/// The contents of `run.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Version of the format.
    pub version: u32,
    /// Name of the run.
    pub name: String,
    /// How far it came.
    pub status: RunStatus,
    /// Backend and device.
    pub device: String,
    /// Compute threads.
    pub threads: usize,
    /// The seed of each stream.
    pub seeds: std::collections::BTreeMap<String, u64>,
    /// Fingerprint of the plan.
    pub plan: String,
    /// Name of the dataset.
    pub dataset: String,
    /// Digest of the encoded data.
    pub dataset_digest: String,
    /// BLAKE3 of the encoder in the folder, in hexadecimal.
    pub encoder_digest: String,
    /// Trainable numbers, tables included.
    pub parameters: usize,
    /// What came out; absent until the run is finished.
    pub result: Option<RunResult>,
    /// Where and by what it was computed.
    pub environment: Environment,
}

/// How far a run came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Started.
    Running,
    /// Stopped by a signal; `ctr resume` goes on.
    Interrupted,
    /// Ended by an error; `ctr resume` goes on from the last checkpoint.
    Failed,
    /// Done.
    Finished,
}

/// What came out of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// Epochs trained.
    pub epochs: usize,
    /// Steps trained.
    pub steps: u64,
    /// The epoch of the best validation, counted from 1.
    pub best_epoch: usize,
    /// Metrics of the best checkpoint on the validation split.
    pub valid: ClassificationMetrics,
    /// Metrics of the best checkpoint on the test split.
    pub test: ClassificationMetrics,
    /// What the true click probabilities would score on the test split, for synthetic data.
    pub bayes: Option<BayesMetrics>,
    /// Digest of all parameters of the best checkpoint.
    pub parameter_digest: String,
    /// Digest of the test predictions.
    pub prediction_digest: String,
    /// Wall time of training and validation, in seconds, over all processes that worked on the run.
    pub train_seconds: f64,
    /// Wall time of the process that ended the run, in seconds.
    pub wall_seconds: f64,
}

/// What the true click probabilities score: no model can do better but by chance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BayesMetrics {
    /// AUC of the true probabilities.
    pub auc: Option<f64>,
    /// Log loss of the true probabilities, in nats.
    pub log_loss: f64,
}

impl RunRecord {
    /// The version that this program writes.
    #[must_use]
    pub fn current_version() -> u32 {
        VERSION
    }
}
