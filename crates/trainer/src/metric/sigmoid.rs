//! From a logit to a probability: the one place where it happens.

/// σ(z) = 1 / (1 + e⁻ᶻ) in `f64`, written so that neither sign of `logit` overflows.
///
/// Uses the portable `libm` exponential, so that the bits do not depend on the platform's C library. NaN gives NaN.
#[must_use]
pub fn sigmoid(logit: f32) -> f64 {
    let decay = libm::exp(-f64::from(logit.abs()));
    if logit < 0.0 { decay / (1.0 + decay) } else { 1.0 / (1.0 + decay) }
}

/// The predicted click probability that stands in files and tables: [`sigmoid`] rounded to `f32`.
///
/// Training, evaluation, `ctr predict` and the metrics on files all use this function; that is why they agree bit for
/// bit. Rounding to `f32` makes probabilities of logits above about 17.3 equal 1, so rankings (AUC) are computed from
/// logits.
#[must_use]
pub fn probability(logit: f32) -> f32 {
    sigmoid(logit) as f32
}

/// log(1 + e^z) in `f64`, stable for both signs: max(z, 0) + log1p(e^−|z|).
#[must_use]
pub(crate) fn softplus(z: f64) -> f64 {
    z.max(0.0) + libm::log1p(libm::exp(-z.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values_and_both_tails() {
        assert_eq!(sigmoid(0.0), 0.5);
        assert_eq!(sigmoid(-0.0), 0.5);
        assert!((sigmoid(1.0) - 0.731_058_578_630_004_9).abs() < 1e-15);
        assert!((sigmoid(-100.0) - 3.720_075_976_020_836e-44).abs() < 1e-58);
        assert_eq!((sigmoid(f32::MAX), sigmoid(f32::MIN)), (1.0, 0.0));
        assert!(sigmoid(f32::NAN).is_nan());
        assert_eq!((probability(17.4), probability(-200.0)), (1.0, 0.0));
        assert!(probability(16.0) < 1.0);
    }

    #[test]
    fn monotone_over_neighbouring_logits() {
        let mut z = -20.0f32;
        while z < 20.0 {
            let next = z + 1e-3;
            assert!(sigmoid(z) < sigmoid(next), "{z}");
            z = next;
        }
    }

    #[test]
    fn softplus_is_linear_or_exponential_in_the_tails() {
        assert_eq!(softplus(800.0), 800.0);
        assert!((softplus(0.0) - std::f64::consts::LN_2).abs() < 1e-16);
        assert!((softplus(-40.0) / (-40.0f64).exp() - 1.0).abs() < 1e-14);
    }
}
