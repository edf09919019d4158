//! Metrics: accuracy, calibration, and how much models trained on the same data disagree.
//!
//! Policies that hold for all of them:
//!
//! - **Arithmetic.** Input is `f32` logits, everything is computed in `f64` with a portable exponential and logarithm,
//!   sums are exact and rounded once ([`ExactSum`]), ranks are counted in integers. A value is therefore the same bits
//!   for any order of rows, any split into chunks and any order of merging.
//! - **Ties** count half in AUC, enter together in PR-AUC, and are never split between calibration bins. −0 ties with
//!   +0.
//! - **NaN and infinite logits** are errors that name the row, never zeros.
//! - **One class.** What is undefined is `None` (AUC, NE, RIG, PR-AUC and calibration ratio without positives), never a
//!   plausible number. No rows at all is an error.
//!
//! [`ClassificationMetrics`] is the summary of one evaluation; [`prediction_difference`] compares replicas, and
//! [`replica_interval`] gives confidence intervals that resample replicas.

pub mod auc;
pub mod average_precision;
pub mod calibration;
pub mod classification;
mod error;
pub mod exact_sum;
pub mod excess_log_loss;
pub mod grouped_auc;
pub mod log_loss;
pub mod normalized_entropy;
pub mod prediction_difference;
mod ranked_scores;
pub mod reliability;
pub mod replica_interval;
mod sigmoid;
mod streaming;
mod student_t;

pub use auc::{Auc, auc, auc_of_scores};
pub use average_precision::{AveragePrecision, average_precision};
pub use calibration::{CalibrationRatio, calibration_ratio};
pub use classification::{CALIBRATION_BINS, ClassificationAccumulator, ClassificationMetrics};
pub use error::MetricError;
pub use exact_sum::ExactSum;
pub use excess_log_loss::excess_log_loss;
pub use grouped_auc::{GroupedAuc, GroupedAucValue, grouped_auc};
pub use log_loss::{LogLoss, log_loss, log_loss_of_probabilities};
pub use normalized_entropy::{bernoulli_entropy, normalized_entropy, relative_information_gain};
pub use reliability::{ReliabilityBin, ReliabilityTable};
pub use replica_interval::{IntervalMethod, ReplicaInterval, bootstrap, jackknife};
pub use sigmoid::{probability, sigmoid};
pub use streaming::StreamingMetric;
