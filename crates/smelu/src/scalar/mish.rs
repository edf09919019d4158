//! Mish.

use super::logistic::Logistic;
use super::{Gate, Gated, Real};

/// `f(x) = x·tanh(sp(bx))` for b > 0, sp(z) = ln(1 + eᶻ); `df/dx = T + bx·q·σ(bx)`, `df/db = x²qσ(bx)` with T the tanh and
/// q = 1 − T².
pub type Mish<T> = Gated<T, TanhSoftplus>;

/// tanh(ln(1 + eᶻ)), the gate of [`Mish`].
///
/// T and q are rational functions of d = e^(−|z|) that do not cancel: T = (1 + 2d)/(1 + 2d + 2d²) for z > 0 and
/// d(d + 2)/(d(d + 2) + 2) below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TanhSoftplus;

impl Gate for TanhSoftplus {
    const RANGE: [f64; 2] = [-1e4, 1e4];

    #[inline(always)]
    fn at<T: Real>(z: T) -> (T, T) {
        let (one, two) = (T::constant(1.0), T::constant(2.0));
        let logistic = Logistic::at(z);
        let d = logistic.decay;
        let positive = T::constant(0.0).less(z);
        let numerator = T::select(positive, one + two * d, d * (d + two));
        let more = T::select(positive, two * d * d, two);
        let sum = numerator + more;
        let root = T::select(positive, d * (one + d), one + d) / sum;
        (numerator / sum, T::constant(4.0) * root * root * logistic.up)
    }
}
