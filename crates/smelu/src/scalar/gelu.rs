//! GELU, exact and in the tanh form.

use super::logistic::Logistic;
use super::{Gate, Gated, Real, ScalarActivation};

/// `f(x) = xΦ(bx)` for b > 0, Φ and φ the normal distribution function and density;
/// `df/dx = Φ(bx) + bxφ(bx)`, `df/db = x²φ(bx)`.
pub type Gelu<T> = Gated<T, Phi>;

/// Φ, the gate of [`Gelu`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Phi;

impl Gate for Phi {
    const RANGE: [f64; 2] = [-1e3, 1e3];

    #[inline(always)]
    fn at<T: Real>(z: T) -> (T, T) {
        let root = T::constant(0.398_942_280_401_432_7);
        (z.normal_cdf(), root * (T::constant(-0.5) * z * z).exp())
    }
}

/// `f(x) = x/2·(1 + tanh u)` with u = √(2/π)·(x + 0.044715x³).
///
/// Evaluated as `xσ(2u)`, which does not cancel for negative x; `df/dx = σ(2u) + x·σ(2u)σ(−2u)·d(2u)/dx`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GeluTanh;

impl GeluTanh {
    /// 2√(2/π).
    const TWICE_ROOT: f64 = 1.595_769_121_605_730_8;
    const CUBIC: f64 = 0.044_715;

    #[inline(always)]
    fn logistic<T: Real>(x: T) -> Logistic<T> {
        let twice_u = T::constant(Self::TWICE_ROOT) * (x + T::constant(Self::CUBIC) * x * x * x);
        Logistic::at(twice_u)
    }
}

impl<T: Real> ScalarActivation<T> for GeluTanh {
    type Parameters = [T; 0];

    #[inline(always)]
    fn from_parameters([]: [T; 0]) -> Self {
        Self
    }

    #[inline(always)]
    fn value(self, x: T) -> T {
        let low = T::constant(-3e38);
        T::select(x.less(low), low, x) * Self::logistic(x.limit(-1e3, 1e3)).up
    }

    #[inline(always)]
    fn slope(self, x: T) -> T {
        let x = x.limit(-1e3, 1e3);
        let logistic = Self::logistic(x);
        let inner = T::constant(Self::TWICE_ROOT) * (T::constant(1.0) + T::constant(3.0 * Self::CUBIC) * x * x);
        logistic.up + x * logistic.up * logistic.down * inner
    }

    #[inline(always)]
    fn parameter_slopes(self, _x: T) -> [T; 0] {
        []
    }
}
