//! Average precision: the area under the precision-recall curve, without interpolation.

use super::exact_sum::ExactSum;
use super::ranked_scores::{RankedScores, Score, ScoresByClass};
use super::streaming::check_chunk;
use super::{MetricError, StreamingMetric};

/// PR-AUC over chunks of logits.
///
/// # Formula
/// `Σ_t (R_t − R_{t−1}) · P_t` over the distinct scores t from the highest down, with `R_t` and `P_t` the recall and
/// precision of "score ≥ t". No interpolation between the points, which would be too optimistic.
///
/// # Policy
/// Rows that tie enter together. Undefined (`None`) without positives; 1 when there are only positives. NaN and
/// infinite logits are errors. Cost as [`Auc`](super::Auc).
#[derive(Debug, Clone, Default)]
pub struct AveragePrecision {
    scores: ScoresByClass<f32>,
}

impl AveragePrecision {
    /// No rows yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl StreamingMetric for AveragePrecision {
    type Value = Option<f64>;

    fn update(&mut self, labels: &[f32], logits: &[f32]) -> Result<(), MetricError> {
        check_chunk(labels, logits, self.scores.rows())?;
        self.scores.extend(labels, logits);
        Ok(())
    }

    fn merge(&mut self, other: Self) {
        self.scores.merge(other.scores);
    }

    fn finish(self) -> Option<f64> {
        average_precision_of_ranked(&self.scores.sorted())
    }
}

/// Average precision of `logits` \[N\] against `labels` \[N\]: [`AveragePrecision`] in one call.
///
/// # Errors
/// Different lengths, a label other than 0 and 1, a logit that is NaN or infinite.
pub fn average_precision(labels: &[f32], logits: &[f32]) -> Result<Option<f64>, MetricError> {
    let mut metric = AveragePrecision::new();
    metric.update(labels, logits)?;
    Ok(metric.finish())
}

pub(super) fn average_precision_of_ranked<S: Score>(ranked: &RankedScores<S>) -> Option<f64> {
    if ranked.positives() == 0 {
        return None;
    }
    let (mut positives, mut rows) = (0u64, 0u64);
    let mut area = ExactSum::new();
    for group in ranked.descending() {
        positives += group.positives;
        rows += group.rows();
        if group.positives > 0 {
            area.add(group.positives as f64 * (positives as f64 / rows as f64));
        }
    }
    Some(area.value() / positives as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worked_example() {
        // Thresholds 0.8, 0.4, 0.35: ½·1 + 0 + ½·⅔.
        let value = average_precision(&[0.0, 0.0, 1.0, 1.0], &[0.1, 0.4, 0.35, 0.8]).unwrap().unwrap();
        assert!((value - (0.5 + 0.5 * 2.0 / 3.0)).abs() < 1e-15);
    }

    #[test]
    fn ties_enter_together_and_one_class_has_a_policy() {
        assert_eq!(average_precision(&[1.0, 0.0, 0.0, 0.0], &[1.0; 4]).unwrap(), Some(0.25));
        assert_eq!(average_precision(&[0.0, 0.0, 0.0, 1.0], &[1.0; 4]).unwrap(), Some(0.25));
        assert_eq!(average_precision(&[1.0, 1.0], &[0.0, 1.0]).unwrap(), Some(1.0));
        assert_eq!(average_precision(&[0.0, 0.0], &[0.0, 1.0]).unwrap(), None);
        assert!(average_precision(&[0.0], &[f32::NAN]).is_err());
    }

    #[test]
    fn merging_equals_the_whole() {
        let labels = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0];
        let logits = [0.3, 0.3, 2.0, 1.0, -1.0, -3.0, 0.3];
        let (mut left, mut right) = (AveragePrecision::new(), AveragePrecision::new());
        left.update(&labels[..4], &logits[..4]).unwrap();
        right.update(&labels[4..], &logits[4..]).unwrap();
        right.merge(left);
        assert_eq!(right.finish(), average_precision(&labels, &logits).unwrap());
    }
}
