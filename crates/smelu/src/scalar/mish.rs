//! Mish.

use super::logistic::Logistic;
use super::{Real, ScalarActivation};

/// `f(x) = x·tanh(sp(bx))` for b > 0, sp(z) = ln(1 + eᶻ); `df/dx = T + bx·q·σ(bx)`, `df/db = x²qσ(bx)` with T the tanh and
/// q = 1 − T².
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mish<T> {
    beta: T,
}

/// T and q = 1 − T², as rational functions of d = e^(−|z|) that do not cancel:
/// T = (1 + 2d)/(1 + 2d + 2d²) for z > 0 and d(d + 2)/(d(d + 2) + 2) below.
struct Tanh<T> {
    value: T,
    rest: T,
    logistic: Logistic<T>,
}

impl<T: Real> Tanh<T> {
    #[inline(always)]
    fn at(z: T) -> Self {
        let (one, two) = (T::constant(1.0), T::constant(2.0));
        let logistic = Logistic::at(z);
        let d = logistic.decay;
        let positive = T::constant(0.0).less(z);
        let numerator = T::select(positive, one + two * d, d * (d + two));
        let more = T::select(positive, two * d * d, two);
        let sum = numerator + more;
        let root = T::select(positive, d * (one + d), one + d) / sum;
        Self { value: numerator / sum, rest: T::constant(4.0) * root * root, logistic }
    }
}

impl<T: Real> Mish<T> {
    #[inline(always)]
    fn argument(self, x: T) -> T {
        (self.beta * x).limit(-1e4, 1e4)
    }
}

impl<T: Real> ScalarActivation<T> for Mish<T> {
    /// b.
    type Parameters = [T; 1];

    #[inline(always)]
    fn from_parameters([beta]: [T; 1]) -> Self {
        Self { beta }
    }

    #[inline(always)]
    fn value(self, x: T) -> T {
        let low = T::constant(-3e38);
        T::select(x.less(low), low, x) * Tanh::at(self.argument(x)).value
    }

    #[inline(always)]
    fn slope(self, x: T) -> T {
        let z = self.argument(x);
        let tanh = Tanh::at(z);
        tanh.value + z * tanh.rest * tanh.logistic.up
    }

    #[inline(always)]
    fn parameter_slopes(self, x: T) -> [T; 1] {
        let tanh = Tanh::at(self.argument(x));
        let x = x.finite();
        [(x * tanh.rest) * (x * tanh.logistic.up)]
    }
}
