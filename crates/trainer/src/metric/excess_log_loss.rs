//! How far predictions are from the true click probabilities, where these are known.

use super::MetricError;
use super::exact_sum::ExactSum;
use super::sigmoid::sigmoid;
use super::streaming::check_length;

/// (1/N) Σ KL(q ‖ p) in nats, q \[N\] the true click probability and p = σ(z) the prediction: what the expected log loss is above that of
/// the true probabilities, exactly and whatever labels were drawn. At least 0; 0 only for p = q.
///
/// `KL(q ‖ p) = q·ln(q/p) + (1 − q)·ln((1 − q)/(1 − p))`, with 0·ln 0 = 0.
///
/// # Errors
/// No rows, different lengths, a probability outside \[0, 1\], a logit that is NaN or infinite.
pub fn excess_log_loss(truth: &[f64], logits: &[f32]) -> Result<f64, MetricError> {
    check_length("true probabilities", truth.len(), "predictions", logits.len())?;
    if truth.is_empty() {
        return Err(MetricError::NoRows);
    }
    let mut sum = ExactSum::new();
    for (row, (&q, &logit)) in truth.iter().zip(logits).enumerate() {
        if !(0.0..=1.0).contains(&q) {
            return Err(MetricError::Argument { name: "the true probability", value: q, expected: "0 to 1" });
        }
        if !logit.is_finite() {
            return Err(MetricError::ReplicaLogit { model: 0, row, value: logit });
        }
        sum.add(term(q, sigmoid(logit)) + term(1.0 - q, sigmoid(-logit)));
    }
    // Rounding may leave a sum of terms that cancel slightly below 0.
    Ok((sum.value() / truth.len() as f64).max(0.0))
}

fn term(q: f64, p: f64) -> f64 {
    if q == 0.0 { 0.0 } else { q * libm::log(q / p) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::log_loss_of_probabilities;
    use proptest::prelude::*;

    #[test]
    fn the_truth_has_no_excess() {
        assert!(excess_log_loss(&[0.5, sigmoid(1.5), 0.0], &[0.0, 1.5, -200.0]).unwrap() < 1e-15);
        assert!(excess_log_loss(&[], &[]).is_err() && excess_log_loss(&[1.5], &[0.0]).is_err());
        assert!(excess_log_loss(&[0.5], &[f32::NAN]).is_err() && excess_log_loss(&[0.5], &[0.0, 0.0]).is_err());
    }

    proptest! {
        /// The expectation over labels of log loss, minus that of the truth itself, row by row.
        #[test]
        fn it_is_the_expected_log_loss_above_that_of_the_truth(q in 0.001f64..0.999, logit in -8f32..8.0) {
            let loss = |label: f32, p: f64| log_loss_of_probabilities(&[label], &[p]).unwrap();
            let expected = |p: f64| q * loss(1.0, p) + (1.0 - q) * loss(0.0, p);
            let direct = expected(sigmoid(logit)) - expected(q);
            prop_assert!((excess_log_loss(&[q], &[logit]).unwrap() - direct).abs() < 1e-9);
        }
    }
}
