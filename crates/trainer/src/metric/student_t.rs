//! Quantiles of Student's t distribution for whole degrees of freedom.

use std::f64::consts::{FRAC_2_PI, FRAC_PI_2};

/// The t for which P(|T| ≤ t) = `confidence`, T with `degrees` ≥ 1 degrees of freedom, `confidence` in (0, 1).
pub(super) fn two_sided_quantile(confidence: f64, degrees: usize) -> f64 {
    // P(|T| ≤ t) increases with the angle θ = atan(t/√ν) over (0, π/2): bisect there, where the interval is finite.
    let (mut low, mut high) = (0.0, FRAC_PI_2);
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if central_probability(middle, degrees) < confidence {
            low = middle;
        } else {
            high = middle;
        }
    }
    (0.5 * (low + high)).tan() * (degrees as f64).sqrt()
}

/// P(|T| ≤ √ν·tan θ), as the finite series of Abramowitz and Stegun, 26.7.3 and 26.7.4.
fn central_probability(theta: f64, degrees: usize) -> f64 {
    let (sine, cosine) = theta.sin_cos();
    let mut term = if degrees % 2 == 1 { cosine } else { 1.0 };
    let mut series = 0.0;
    let mut power = degrees % 2;
    while power + 2 <= degrees {
        series += term;
        power += 2;
        term *= cosine * cosine * (power - 1) as f64 / power as f64;
    }
    if degrees % 2 == 1 { FRAC_2_PI * (theta + sine * series) } else { sine * series }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tabulated_quantiles() {
        for (confidence, degrees, expected) in [
            (0.95, 1, 12.706_204_736),
            (0.95, 2, 4.302_652_730),
            (0.95, 3, 3.182_446_305),
            (0.95, 4, 2.776_445_105),
            (0.99, 5, 4.032_142_984),
            (0.95, 7, 2.364_624_252),
            (0.90, 10, 1.812_461_123),
            (0.95, 30, 2.042_272_456),
            (0.95, 1000, 1.962_339_081),
        ] {
            let got = two_sided_quantile(confidence, degrees);
            assert!((got - expected).abs() < 2e-9, "{confidence} {degrees}: {got}");
        }
    }
}
