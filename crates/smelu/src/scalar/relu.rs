//! ReLU.

use super::{Real, ScalarActivation};

/// `f(x) = max(x, 0)` with slope 0 at 0; −0 gives +0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Relu;

impl<T: Real> ScalarActivation<T> for Relu {
    type Parameters = [T; 0];

    #[inline(always)]
    fn from_parameters([]: [T; 0]) -> Self {
        Self
    }

    #[inline(always)]
    fn value(self, x: T) -> T {
        let zero = T::constant(0.0);
        T::select(x.less_equal(zero), zero, x)
    }

    #[inline(always)]
    fn slope(self, x: T) -> T {
        let (zero, one) = (T::constant(0.0), T::constant(1.0));
        T::select(zero.less(x), one, T::select(x.less_equal(zero), zero, x))
    }

    #[inline(always)]
    fn parameter_slopes(self, _x: T) -> [T; 0] {
        []
    }
}
