//! Swish and its member `SiLU`.

use super::logistic::Logistic;
use super::{Real, ScalarActivation};

/// `f(x) = xσ(bx)` for b > 0; `df/dx = σ(bx)(1 + bxσ(−bx))`, `df/db = x²σ(bx)σ(−bx)`. `SiLU` is b = 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Swish<T> {
    beta: T,
}

impl<T: Real> Swish<T> {
    /// bx, limited to where σ is still 0 or 1 exactly, so that products with it stay finite.
    #[inline(always)]
    fn argument(self, x: T) -> T {
        (self.beta * x).limit(-1e4, 1e4)
    }
}

impl<T: Real> ScalarActivation<T> for Swish<T> {
    /// b.
    type Parameters = [T; 1];

    #[inline(always)]
    fn from_parameters([beta]: [T; 1]) -> Self {
        Self { beta }
    }

    #[inline(always)]
    fn value(self, x: T) -> T {
        // Only −∞ times 0 needs the limit; +∞ passes.
        let low = T::constant(-3e38);
        T::select(x.less(low), low, x) * Logistic::at(self.argument(x)).up
    }

    #[inline(always)]
    fn slope(self, x: T) -> T {
        let z = self.argument(x);
        let logistic = Logistic::at(z);
        logistic.up * (T::constant(1.0) + z * logistic.down)
    }

    #[inline(always)]
    fn parameter_slopes(self, x: T) -> [T; 1] {
        let logistic = Logistic::at(self.argument(x));
        let x = x.finite();
        [(x * logistic.up) * (x * logistic.down)]
    }
}
