//! Log loss relative to always predicting the base rate.

/// Entropy in nats of a Bernoulli variable: the log loss of predicting `rate` for every row when `rate` of them click.
#[must_use]
pub fn bernoulli_entropy(rate: f64) -> f64 {
    let term = |p: f64| if p == 0.0 { 0.0 } else { -p * libm::log(p) };
    term(rate) + term(1.0 - rate)
}

/// NE = log loss / entropy of the base rate, as defined by X. He et al., "Practical lessons from predicting clicks on
/// ads at Facebook", 2014. Below 1 the model is better than the base rate.
///
/// Undefined (`None`) when `base_rate` is 0 or 1: with one class there is no entropy to normalise by.
#[must_use]
pub fn normalized_entropy(log_loss: f64, base_rate: f64) -> Option<f64> {
    let entropy = bernoulli_entropy(base_rate);
    (entropy > 0.0).then(|| log_loss / entropy)
}

/// RIG = 1 − NE. Undefined as [`normalized_entropy`].
#[must_use]
pub fn relative_information_gain(log_loss: f64, base_rate: f64) -> Option<f64> {
    normalized_entropy(log_loss, base_rate).map(|ne| 1.0 - ne)
}

#[cfg(test)]
mod tests {
    use super::super::log_loss;
    use super::*;

    #[test]
    fn the_base_rate_itself_has_ne_one() {
        let rate = 0.25f64;
        let logit = (rate / (1.0 - rate)).ln() as f32;
        let loss = log_loss(&[1.0, 0.0, 0.0, 0.0], &[logit; 4]).unwrap();
        assert!((normalized_entropy(loss, rate).unwrap() - 1.0).abs() < 1e-8);
        assert!(relative_information_gain(loss, rate).unwrap().abs() < 1e-8);
        assert_eq!(relative_information_gain(0.0, rate), Some(1.0));
    }

    #[test]
    fn one_class_is_undefined() {
        assert_eq!(normalized_entropy(0.1, 0.0), None);
        assert_eq!(normalized_entropy(0.1, 1.0), None);
        assert_eq!(relative_information_gain(0.1, 1.0), None);
    }
}
