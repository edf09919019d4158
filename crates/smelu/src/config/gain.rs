//! How to scale initial weights for an activation.

use core::f64::consts::PI;

use super::ActivationConfig;

/// Factors on the standard deviation of initial weights that keep the scale of signals through a layer, for
/// pre-activations z ~ N(0, 1).
///
/// With weights of standard deviation `forward / √fan_in` the mean square of pre-activations stays 1 from layer to layer;
/// with `backward / √fan_out` that of gradients does. For ReLU both are √2 (He et al. 2015, arXiv 1502.01852).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gain {
    /// 1/√(E f(z)²).
    pub forward: f64,
    /// 1/√(E f′(z)²).
    pub backward: f64,
}

impl ActivationConfig {
    /// The gains, by numerical integration; learnt parameters count at their initial values.
    ///
    /// ```
    /// let gain = "ReLU".parse::<smelu::ActivationConfig>()?.gain();
    /// assert!((gain.forward - 2.0_f64.sqrt()).abs() < 1e-3);
    /// # Ok::<(), smelu::ActivationError>(())
    /// ```
    ///
    /// An activation that is 0 wherever z may lie has an infinite gain.
    #[must_use]
    pub fn gain(&self) -> Gain {
        let curve = self.curve();
        Gain {
            forward: mean(|z| curve.value(z).powi(2)).sqrt().recip(),
            backward: mean(|z| curve.slope(z).powi(2)).sqrt().recip(),
        }
    }
}

/// E g(z) for z ~ N(0, 1), by the midpoint rule: the density is below 10⁻²² at the ends, and no midpoint is 0, where a
/// kink has no slope.
fn mean(g: impl Fn(f64) -> f64) -> f64 {
    const STEPS: u32 = 20_000;
    const END: f64 = 10.0;
    let step = 2.0 * END / f64::from(STEPS);
    let term = |i| {
        let z = -END + (f64::from(i) + 0.5) * step;
        g(z) * (-0.5 * z * z).exp()
    };
    (0..STEPS).map(term).sum::<f64>() * step / (2.0 * PI).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smelu_has_the_published_gains() {
        let table = [
            (0.0, 1.414, 1.414),
            (0.1, 1.414, 1.433),
            (0.25, 1.414, 1.463),
            (0.5, 1.410, 1.516),
            (1.0, 1.380, 1.624),
            (1.5, 1.316, 1.724),
            (2.0, 1.224, 1.803),
            (4.0, 0.849, 1.940),
        ];
        for (beta, forward, backward) in table {
            let config: ActivationConfig = format!("SmeLU(beta={beta})").parse().expect("it is well formed");
            let gain = config.gain();
            assert!((gain.forward - forward).abs() < 1e-3, "{beta}: forward {}", gain.forward);
            assert!((gain.backward - backward).abs() < 1e-3, "{beta}: backward {}", gain.backward);
        }
    }

    #[test]
    fn an_activation_that_is_always_0_has_an_infinite_gain() {
        let config: ActivationConfig = "gSmeLU(g_plus=0)".parse().expect("it is well formed");
        assert_eq!(config.gain(), Gain { forward: f64::INFINITY, backward: f64::INFINITY });
    }
}
