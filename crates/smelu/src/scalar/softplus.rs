//! SoftPlus.

use super::logistic::Logistic;
use super::{Real, ScalarActivation};

/// `f(x) = sp(bx)/b`, sp(z) = ln(1 + eᶻ), for b > 0; `df/dx = σ(bx)`, `df/db = (xσ(bx) − f)/b`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Softplus<T> {
    beta: T,
}

impl<T: Real> ScalarActivation<T> for Softplus<T> {
    /// b.
    type Parameters = [T; 1];

    #[inline(always)]
    fn from_parameters([beta]: [T; 1]) -> Self {
        Self { beta }
    }

    /// As max(x, 0) + ln(1 + e^(−|bx|))/b, which overflows nowhere.
    #[inline(always)]
    fn value(self, x: T) -> T {
        let zero = T::constant(0.0);
        let rest = (-(self.beta * x).abs()).exp().ln_1p() / self.beta;
        T::select(x.less_equal(zero), zero, x) + rest
    }

    #[inline(always)]
    fn slope(self, x: T) -> T {
        Logistic::at(self.beta * x).up
    }

    /// As −(|x|·σ(−|bx|) + ln(1 + e^(−|bx|))/b)/b: the difference of the formula cancels for large x.
    #[inline(always)]
    fn parameter_slopes(self, x: T) -> [T; 1] {
        // From here on σ(−|bx|) is 0; x/b is no infinity, whichever of the operations a compiler does first, as Vulkan's may.
        let x = x.limit(-1e30, 1e30).abs();
        let logistic = Logistic::at(self.beta * x);
        [-(x * logistic.down + logistic.decay.ln_1p() / self.beta) / self.beta]
    }
}
