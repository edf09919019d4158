//! TanhExp.

use super::{Real, ScalarActivation};

/// `f(x) = x·tanh(e^(bx))` for b > 0; `df/dx = T + bx·q·e^(bx)`, `df/db = x²·q·e^(bx)` with T the tanh and q = 1 − T².
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TanhExp<T> {
    beta: T,
}

/// T, and the product of q = 1 − T² with e^z.
struct Tanh<T> {
    value: T,
    rest_times_exp: T,
}

impl<T: Real> Tanh<T> {
    #[inline(always)]
    fn at(z: T) -> Self {
        let exp = z.exp();
        let twice = exp + exp;
        // n = e^(−2eᶻ), and 1 − n apart from it: each is small at one end, where the other has lost its digits.
        let (n, rest) = ((-twice).exp(), -(-twice).exp_m1());
        let sum = T::constant(1.0) + n;
        Self { value: rest / sum, rest_times_exp: T::constant(4.0) * n / (sum * sum) * exp }
    }
}

impl<T: Real> TanhExp<T> {
    /// bx, limited to where tanh(eᶻ) is 1 and eᶻ finite, or eᶻ is 0.
    #[inline(always)]
    fn argument(self, x: T) -> T {
        (self.beta * x).limit(-1e4, 30.0)
    }
}

impl<T: Real> ScalarActivation<T> for TanhExp<T> {
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
        tanh.value + z * tanh.rest_times_exp
    }

    #[inline(always)]
    fn parameter_slopes(self, x: T) -> [T; 1] {
        let tanh = Tanh::at(self.argument(x));
        // Beyond the limits the factor is exactly 0; x is limited for the square to stay finite.
        let x = x.limit(-1e18, 1e18);
        [x * x * tanh.rest_times_exp]
    }
}
