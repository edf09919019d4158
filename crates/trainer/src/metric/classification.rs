//! The accuracy and calibration metrics of one evaluation, from one pass and one sort.

use serde::{Deserialize, Serialize};

use super::auc::auc_of_ranked;
use super::average_precision::average_precision_of_ranked;
use super::exact_sum::ExactSum;
use super::log_loss::row_log_loss;
use super::normalized_entropy::{normalized_entropy, relative_information_gain};
use super::ranked_scores::ScoresByClass;
use super::reliability::ReliabilityTable;
use super::sigmoid::sigmoid;
use super::streaming::check_chunk;
use super::{MetricError, StreamingMetric};

/// Bins of the expected calibration error in [`ClassificationMetrics`].
pub const CALIBRATION_BINS: usize = 20;

/// Accuracy and calibration of one set of predictions. A metric that is undefined on the data is `None`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassificationMetrics {
    /// Rows evaluated.
    pub rows: u64,
    /// Rows with label 1.
    pub positives: u64,
    /// Exact AUC, ties half; `None` with one class. See [`Auc`](super::Auc).
    pub auc: Option<f64>,
    /// Mean binary cross-entropy in nats. See [`LogLoss`](super::LogLoss).
    pub log_loss: f64,
    /// PR-AUC; `None` without positives. See [`AveragePrecision`](super::AveragePrecision).
    pub average_precision: Option<f64>,
    /// NE; `None` with one class. See [`normalized_entropy`].
    pub normalized_entropy: Option<f64>,
    /// RIG = 1 − NE; `None` with one class.
    pub relative_information_gain: Option<f64>,
    /// Mean predicted probability.
    pub mean_probability: f64,
    /// Share of rows with label 1.
    pub base_rate: f64,
    /// mean(p) / mean(y); `None` without positives. See [`CalibrationRatio`](super::CalibrationRatio).
    pub calibration_ratio: Option<f64>,
    /// ECE over [`CALIBRATION_BINS`] equal-mass bins. See [`ReliabilityTable`].
    pub expected_calibration_error: f64,
}

impl ClassificationMetrics {
    /// All metrics of `logits` \[N\] against `labels` \[N\] in {0, 1}. O(n log n), one sort.
    ///
    /// # Errors
    /// No rows, different lengths, a label other than 0 and 1, a logit that is NaN or infinite (the row is named).
    pub fn from_logits(labels: &[f32], logits: &[f32]) -> Result<Self, MetricError> {
        let mut metrics = ClassificationAccumulator::new();
        metrics.update(labels, logits)?;
        metrics.finish().ok_or(MetricError::NoRows)
    }
}

/// [`ClassificationMetrics`] over chunks; `None` without rows.
#[derive(Debug, Clone, Default)]
pub struct ClassificationAccumulator {
    scores: ScoresByClass<f32>,
    log_loss: ExactSum,
    probability: ExactSum,
}

impl ClassificationAccumulator {
    /// No rows yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl StreamingMetric for ClassificationAccumulator {
    type Value = Option<ClassificationMetrics>;

    fn update(&mut self, labels: &[f32], logits: &[f32]) -> Result<(), MetricError> {
        check_chunk(labels, logits, self.scores.rows())?;
        self.scores.extend(labels, logits);
        self.log_loss.extend(labels.iter().zip(logits).map(|(&label, &logit)| row_log_loss(label, logit)));
        self.probability.extend(logits.iter().map(|&logit| sigmoid(logit)));
        Ok(())
    }

    fn merge(&mut self, other: Self) {
        self.scores.merge(other.scores);
        self.log_loss.merge(&other.log_loss);
        self.probability.merge(&other.probability);
    }

    fn finish(self) -> Option<ClassificationMetrics> {
        let rows = self.scores.rows();
        if rows == 0 {
            return None;
        }
        let ranked = self.scores.sorted();
        let positives = ranked.positives();
        let log_loss = self.log_loss.value() / rows as f64;
        let base_rate = positives as f64 / rows as f64;
        Some(ClassificationMetrics {
            rows,
            positives,
            auc: auc_of_ranked(&ranked),
            log_loss,
            average_precision: average_precision_of_ranked(&ranked),
            normalized_entropy: normalized_entropy(log_loss, base_rate),
            relative_information_gain: relative_information_gain(log_loss, base_rate),
            mean_probability: self.probability.value() / rows as f64,
            base_rate,
            calibration_ratio: (positives > 0).then(|| self.probability.value() / positives as f64),
            expected_calibration_error: ReliabilityTable::of_ranked(&ranked, CALIBRATION_BINS)
                .expected_calibration_error(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{auc, average_precision, calibration_ratio, log_loss};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_class_leaves_only_what_is_defined() {
        let metrics = ClassificationMetrics::from_logits(&[0.0, 0.0], &[-1.0, 1.0]).unwrap();
        assert_eq!((metrics.auc, metrics.average_precision), (None, None));
        assert_eq!((metrics.normalized_entropy, metrics.calibration_ratio), (None, None));
        assert_eq!((metrics.base_rate, metrics.mean_probability), (0.0, 0.5));
        let json = serde_json::to_string(&metrics).unwrap();
        assert!(json.contains("\"auc\":null"), "{json}");
        assert_eq!(serde_json::from_str::<ClassificationMetrics>(&json).unwrap(), metrics);
    }

    #[test]
    fn no_rows_and_diverged_models_are_errors() {
        assert_eq!(ClassificationMetrics::from_logits(&[], &[]).unwrap_err(), MetricError::NoRows);
        let error = ClassificationMetrics::from_logits(&[0.0, 1.0, 1.0], &[0.0, 0.0, f32::NAN]).unwrap_err();
        assert!(error.to_string().contains("row 2"), "{error}");
    }

    proptest! {
        #[test]
        fn agrees_with_each_metric_alone_in_any_chunks(
            rows in prop::collection::vec((any::<bool>(), -6f32..6.0), 1..100),
            cut in 0usize..100,
        ) {
            let labels: Vec<f32> = rows.iter().map(|r| f32::from(u8::from(r.0))).collect();
            let logits: Vec<f32> = rows.iter().map(|r| r.1).collect();
            let all = ClassificationMetrics::from_logits(&labels, &logits).unwrap();
            prop_assert_eq!(all.auc, auc(&labels, &logits).unwrap());
            prop_assert_eq!(all.log_loss, log_loss(&labels, &logits).unwrap());
            prop_assert_eq!(all.average_precision, average_precision(&labels, &logits).unwrap());
            prop_assert_eq!(all.calibration_ratio, calibration_ratio(&labels, &logits).unwrap());
            let cut = cut.min(rows.len());
            let (mut left, mut right) = (ClassificationAccumulator::new(), ClassificationAccumulator::new());
            left.update(&labels[..cut], &logits[..cut]).unwrap();
            right.update(&labels[cut..], &logits[cut..]).unwrap();
            right.merge(left);
            prop_assert_eq!(right.finish().unwrap(), all);
        }
    }
}
