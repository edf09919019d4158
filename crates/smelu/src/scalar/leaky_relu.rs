//! Leaky ReLU and PReLU.

use super::{Real, ScalarActivation};

/// `f(x) = x` for x >= 0, `s·x` below; slope 1 and derivative 0 with respect to s at 0. With s learnt it is PReLU.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LeakyRelu<T> {
    slope: T,
}

impl<T: Real> ScalarActivation<T> for LeakyRelu<T> {
    /// s.
    type Parameters = [T; 1];

    #[inline(always)]
    fn from_parameters([slope]: [T; 1]) -> Self {
        Self { slope }
    }

    #[inline(always)]
    fn value(self, x: T) -> T {
        T::select(T::constant(0.0).less_equal(x), x, T::rise(self.slope, x))
    }

    #[inline(always)]
    fn slope(self, x: T) -> T {
        let zero = T::constant(0.0);
        let slope = T::select(zero.less_equal(x), T::constant(1.0), self.slope);
        T::select(x.less_equal(x), slope, x)
    }

    #[inline(always)]
    fn parameter_slopes(self, x: T) -> [T; 1] {
        let zero = T::constant(0.0);
        [T::select(zero.less_equal(x), zero, x)]
    }
}
