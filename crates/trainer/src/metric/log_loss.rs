//! Mean binary cross-entropy.

use super::exact_sum::ExactSum;
use super::sigmoid::softplus;
use super::streaming::{check_chunk, check_labels, check_length};
use super::{MetricError, StreamingMetric};

/// Log loss over chunks of logits.
///
/// # Formula
/// (1/N) Σ softplus(−z) for y = 1, softplus(z) for y = 0; natural logarithm. Taken from the logit and never through a
/// rounded probability, so a confident mistake costs |z| and not infinity.
///
/// # Policy
/// `None` without rows. NaN and infinite logits are errors. Summed exactly, rounded once.
#[derive(Debug, Clone, Default)]
pub struct LogLoss {
    sum: ExactSum,
    rows: u64,
}

impl LogLoss {
    /// No rows yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl StreamingMetric for LogLoss {
    type Value = Option<f64>;

    fn update(&mut self, labels: &[f32], logits: &[f32]) -> Result<(), MetricError> {
        check_chunk(labels, logits, self.rows)?;
        self.sum.extend(labels.iter().zip(logits).map(|(&label, &logit)| row_log_loss(label, logit)));
        self.rows += labels.len() as u64;
        Ok(())
    }

    fn merge(&mut self, other: Self) {
        self.sum.merge(&other.sum);
        self.rows += other.rows;
    }

    fn finish(self) -> Option<f64> {
        (self.rows > 0).then(|| self.sum.value() / self.rows as f64)
    }
}

/// The log loss of one row.
#[must_use]
pub(super) fn row_log_loss(label: f32, logit: f32) -> f64 {
    let z = f64::from(logit);
    softplus(if label == 1.0 { -z } else { z })
}

/// Log loss of `logits` \[N\] against `labels` \[N\] in {0, 1}: [`LogLoss`] in one call.
///
/// # Errors
/// No rows, different lengths, a label other than 0 and 1, a logit that is NaN or infinite.
pub fn log_loss(labels: &[f32], logits: &[f32]) -> Result<f64, MetricError> {
    let mut metric = LogLoss::new();
    metric.update(labels, logits)?;
    metric.finish().ok_or(MetricError::NoRows)
}

/// Log loss of `f64` probabilities \[N\], for example the true ones of a synthetic data set: the loss no model can
/// expect to beat on that sample.
///
/// # Errors
/// No rows, different lengths, a label other than 0 and 1, a probability outside \[0, 1\], or one that excludes the
/// label.
pub fn log_loss_of_probabilities(labels: &[f32], probabilities: &[f64]) -> Result<f64, MetricError> {
    check_length("labels", labels.len(), "probabilities", probabilities.len())?;
    check_labels(labels, 0)?;
    let mut sum = ExactSum::new();
    for (row, (&label, &probability)) in labels.iter().zip(probabilities).enumerate() {
        let loss = if label == 1.0 { -libm::log(probability) } else { -libm::log1p(-probability) };
        if !(0.0..=1.0).contains(&probability) || !loss.is_finite() {
            return Err(MetricError::Probability { row: row as u64, probability, label });
        }
        sum.add(loss);
    }
    if labels.is_empty() { Err(MetricError::NoRows) } else { Ok(sum.value() / labels.len() as f64) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn confident_rows_are_finite_and_tiny_losses_are_kept() {
        assert_eq!(log_loss(&[1.0], &[-1000.0]).unwrap(), 1000.0);
        assert_eq!(log_loss(&[0.0], &[3e38]).unwrap(), f64::from(3e38f32));
        let tiny = log_loss(&[1.0], &[40.0]).unwrap();
        assert!((tiny / (-40.0f64).exp() - 1.0).abs() < 1e-12, "{tiny}");
        assert!((log_loss(&[1.0, 0.0], &[0.0, 0.0]).unwrap() - std::f64::consts::LN_2).abs() < 1e-16);
    }

    #[test]
    fn bad_rows_are_named() {
        assert_eq!(log_loss(&[], &[]).unwrap_err(), MetricError::NoRows);
        assert!(log_loss(&[1.0, 0.0], &[0.0, f32::NAN]).unwrap_err().to_string().starts_with("row 1"));
        assert_eq!(log_loss(&[2.0], &[0.0]).unwrap_err(), MetricError::Label { row: 0, value: 2.0 });
    }

    #[test]
    fn probabilities_agree_with_logits_and_impossible_labels_are_errors() {
        let z = 0.75f32;
        let from_logit = log_loss(&[1.0, 0.0], &[z, z]).unwrap();
        let p = super::super::sigmoid(z);
        assert!((log_loss_of_probabilities(&[1.0, 0.0], &[p, p]).unwrap() - from_logit).abs() < 1e-15);
        assert_eq!(log_loss_of_probabilities(&[1.0], &[1.0]).unwrap(), 0.0);
        for (label, probability) in [(1.0, 0.0), (0.0, 1.0), (1.0, 1.5), (0.0, f64::NAN), (0.0, -0.1)] {
            assert!(log_loss_of_probabilities(&[label], &[probability]).is_err(), "{label} {probability}");
        }
    }

    proptest! {
        #[test]
        fn chunks_change_no_bit(
            rows in prop::collection::vec((any::<bool>(), -30f32..30.0), 1..200),
            cut in 0usize..200,
        ) {
            let labels: Vec<f32> = rows.iter().map(|r| f32::from(u8::from(r.0))).collect();
            let logits: Vec<f32> = rows.iter().map(|r| r.1).collect();
            let cut = cut.min(rows.len());
            let (mut left, mut right) = (LogLoss::new(), LogLoss::new());
            left.update(&labels[..cut], &logits[..cut]).unwrap();
            right.update(&labels[cut..], &logits[cut..]).unwrap();
            right.merge(left);
            prop_assert_eq!(right.finish().map(f64::to_bits), Some(log_loss(&labels, &logits).unwrap().to_bits()));
        }
    }
}
