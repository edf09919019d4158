//! TanhExp.

use super::{Gate, Gated, Real};

/// `f(x) = x·tanh(e^(bx))` for b > 0; `df/dx = T + bx·q·e^(bx)`, `df/db = x²·q·e^(bx)` with T the tanh and q = 1 − T².
pub type TanhExp<T> = Gated<T, TanhOfExp>;

/// tanh(eᶻ), the gate of [`TanhExp`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TanhOfExp;

impl Gate for TanhOfExp {
    const RANGE: [f64; 2] = [-1e4, 30.0];

    #[inline(always)]
    fn at<T: Real>(z: T) -> (T, T) {
        let exp = z.exp();
        let twice = exp + exp;
        // n = e^(−2eᶻ), and 1 − n apart from it: each is small at one end, where the other has lost its digits.
        let (n, rest) = ((-twice).exp(), -(-twice).exp_m1());
        let sum = T::constant(1.0) + n;
        (rest / sum, T::constant(4.0) * n / (sum * sum) * exp)
    }
}
