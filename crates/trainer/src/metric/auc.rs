//! Area under the ROC curve, exact.

use super::ranked_scores::{RankedScores, Score, ScoresByClass, rank_scores};
use super::streaming::check_chunk;
use super::{MetricError, StreamingMetric};

/// AUC over chunks of logits.
///
/// # Formula
/// AUC = `Σ ([s_i > s_j] + ½[s_i = s_j]) / (P · N)` over the P · N pairs of a positive i and a negative j: the
/// Mann–Whitney statistic, counted in integers, so the only rounding is the last division.
///
/// # Policy
/// Ties count half. With one class only (or no rows) the value is `None`, never 0.5. NaN and infinite logits are
/// errors.
///
/// # Cost
/// 4 bytes a row; O(n log n): one sort of integer keys per class and one merge of the two. On one AMD EPYC core
/// 1.4 ms for 58 thousand rows and 0.17 s for 6 million; a radix sort would save 0.03 s of the latter.
#[derive(Debug, Clone, Default)]
pub struct Auc {
    scores: ScoresByClass<f32>,
}

impl Auc {
    /// No rows yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl StreamingMetric for Auc {
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
        auc_of_ranked(&self.scores.sorted())
    }
}

/// AUC of `logits` \[N\] against `labels` \[N\] in {0, 1}: [`Auc`] in one call.
///
/// # Errors
/// Different lengths, a label other than 0 and 1, a logit that is NaN or infinite.
pub fn auc(labels: &[f32], logits: &[f32]) -> Result<Option<f64>, MetricError> {
    let mut metric = Auc::new();
    metric.update(labels, logits)?;
    Ok(metric.finish())
}

/// AUC of `f64` scores, for example of the true click probabilities of a synthetic data set: with those it is the Bayes
/// AUC of that sample, the highest any model can expect. Policy as [`Auc`].
///
/// # Errors
/// Different lengths, a label other than 0 and 1, a score that is NaN or infinite.
pub fn auc_of_scores(labels: &[f32], scores: &[f64]) -> Result<Option<f64>, MetricError> {
    Ok(auc_of_ranked(&rank_scores(labels, scores)?))
}

pub(super) fn auc_of_ranked<S: Score>(ranked: &RankedScores<S>) -> Option<f64> {
    let (positives, negatives) = (ranked.positives(), ranked.negatives());
    if positives == 0 || negatives == 0 {
        return None;
    }
    let mut negatives_below = 0u64;
    let mut twice_won = 0u128;
    for group in ranked.ascending() {
        twice_won += u128::from(group.positives) * u128::from(2 * negatives_below + group.negatives);
        negatives_below += group.negatives;
    }
    Some(twice_won as f64 / (2 * u128::from(positives) * u128::from(negatives)) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn by_all_pairs(labels: &[f32], logits: &[f32]) -> Option<f64> {
        let (mut won, mut pairs) = (0.0, 0.0);
        for (i, _) in labels.iter().enumerate().filter(|(_, y)| **y == 1.0) {
            for (j, _) in labels.iter().enumerate().filter(|(_, y)| **y == 0.0) {
                pairs += 1.0;
                won += if logits[i] > logits[j] {
                    1.0
                } else if logits[i] == logits[j] {
                    0.5
                } else {
                    0.0
                };
            }
        }
        (pairs > 0.0).then(|| won / pairs)
    }

    #[test]
    fn ties_count_half_and_one_class_is_undefined() {
        assert_eq!(auc(&[0.0, 1.0], &[0.3, 0.3]).unwrap(), Some(0.5));
        assert_eq!(auc(&[0.0, 1.0, 1.0], &[0.0, -0.0, 1.0]).unwrap(), Some(0.75));
        assert_eq!(auc(&[0.0, 1.0], &[0.1, 0.3]).unwrap(), Some(1.0));
        assert_eq!(auc(&[1.0, 1.0], &[0.1, 0.3]).unwrap(), None);
        assert_eq!(auc(&[], &[]).unwrap(), None);
    }

    #[test]
    fn a_refused_chunk_names_its_row_and_leaves_nothing_behind() {
        let mut metric = Auc::new();
        metric.update(&[0.0, 1.0], &[0.0, 1.0]).unwrap();
        let error = metric.update(&[0.0, 1.0], &[9.0, f32::NAN]).unwrap_err();
        assert!(error.to_string().starts_with("row 3: the logit is NaN"), "{error}");
        assert_eq!(metric.update(&[0.5], &[0.0]).unwrap_err(), MetricError::Label { row: 2, value: 0.5 });
        assert!(metric.update(&[0.0], &[f32::INFINITY]).is_err());
        assert!(metric.update(&[0.0], &[]).is_err());
        assert_eq!(metric.finish(), Some(1.0));
    }

    #[test]
    fn scores_that_differ_only_in_f64_are_told_apart() {
        assert_eq!(auc_of_scores(&[0.0, 1.0], &[0.3, 0.3 + 1e-12]).unwrap(), Some(1.0));
        assert_eq!(auc_of_scores(&[1.0, 1.0], &[0.3, 0.4]).unwrap(), None);
        assert!(auc_of_scores(&[1.0], &[f64::NAN]).unwrap_err().to_string().contains("row 0"));
    }

    proptest! {
        #[test]
        fn equals_the_count_over_all_pairs(
            rows in prop::collection::vec((any::<bool>(), -4i8..4), 0..60),
            cut in 0usize..60,
        ) {
            let labels: Vec<f32> = rows.iter().map(|r| f32::from(u8::from(r.0))).collect();
            let logits: Vec<f32> = rows.iter().map(|r| f32::from(r.1) / 3.0).collect();
            let whole = auc(&labels, &logits).unwrap();
            prop_assert_eq!(whole, by_all_pairs(&labels, &logits));
            let cut = cut.min(rows.len());
            let (mut left, mut right) = (Auc::new(), Auc::new());
            left.update(&labels[..cut], &logits[..cut]).unwrap();
            right.update(&labels[cut..], &logits[cut..]).unwrap();
            right.merge(left);
            prop_assert_eq!(right.finish(), whole);
        }
    }
}
