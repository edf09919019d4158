//! Mean prediction against mean label.

use super::exact_sum::ExactSum;
use super::sigmoid::sigmoid;
use super::streaming::check_chunk;
use super::{MetricError, StreamingMetric};

/// Calibration ratio over chunks of logits.
///
/// # Formula
/// mean(p) / mean(y), p = σ(logit): above 1 the model promises more clicks than happen.
///
/// # Policy
/// Undefined (`None`) without positives. NaN and infinite logits are errors. Summed exactly, rounded once.
#[derive(Debug, Clone, Default)]
pub struct CalibrationRatio {
    predicted: ExactSum,
    positives: u64,
    rows: u64,
}

impl CalibrationRatio {
    /// No rows yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl StreamingMetric for CalibrationRatio {
    type Value = Option<f64>;

    fn update(&mut self, labels: &[f32], logits: &[f32]) -> Result<(), MetricError> {
        check_chunk(labels, logits, self.rows)?;
        self.predicted.extend(logits.iter().map(|&logit| sigmoid(logit)));
        self.positives += labels.iter().filter(|&&label| label == 1.0).count() as u64;
        self.rows += labels.len() as u64;
        Ok(())
    }

    fn merge(&mut self, other: Self) {
        self.predicted.merge(&other.predicted);
        self.positives += other.positives;
        self.rows += other.rows;
    }

    fn finish(self) -> Option<f64> {
        (self.positives > 0).then(|| self.predicted.value() / self.positives as f64)
    }
}

/// mean(p) / mean(y): [`CalibrationRatio`] in one call.
///
/// # Errors
/// Different lengths, a label other than 0 and 1, a logit that is NaN or infinite.
pub fn calibration_ratio(labels: &[f32], logits: &[f32]) -> Result<Option<f64>, MetricError> {
    let mut metric = CalibrationRatio::new();
    metric.update(labels, logits)?;
    Ok(metric.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promised_over_observed_clicks() {
        assert_eq!(calibration_ratio(&[1.0, 0.0, 0.0, 0.0], &[0.0; 4]).unwrap(), Some(2.0));
        assert_eq!(calibration_ratio(&[0.0, 0.0], &[0.0; 2]).unwrap(), None);
        assert!(calibration_ratio(&[0.0], &[f32::NAN]).is_err());
    }

    #[test]
    fn chunks_merge_to_the_same_bits() {
        let labels = [1.0, 0.0, 1.0];
        let logits = [0.1, -2.0, 3.3];
        let (mut left, mut right) = (CalibrationRatio::new(), CalibrationRatio::new());
        left.update(&labels[..1], &logits[..1]).unwrap();
        right.update(&labels[1..], &logits[1..]).unwrap();
        right.merge(left);
        assert_eq!(right.finish(), calibration_ratio(&labels, &logits).unwrap());
    }
}
