//! Swish and its member `SiLU`.

use super::logistic::Logistic;
use super::{Gate, Gated, Real};

/// `f(x) = xσ(bx)` for b > 0; `df/dx = σ(bx)(1 + bxσ(−bx))`, `df/db = x²σ(bx)σ(−bx)`. `SiLU` is b = 1.
pub type Swish<T> = Gated<T, Sigma>;

/// σ, the gate of [`Swish`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sigma;

impl Gate for Sigma {
    const RANGE: [f64; 2] = [-1e4, 1e4];

    #[inline(always)]
    fn at<T: Real>(z: T) -> (T, T) {
        let logistic = Logistic::at(z);
        (logistic.up, logistic.up * logistic.down)
    }
}
