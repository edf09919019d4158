//! The identity.

use super::{Real, ScalarActivation};

/// `f(x) = x`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Identity;

impl<T: Real> ScalarActivation<T> for Identity {
    type Parameters = [T; 0];

    #[inline(always)]
    fn from_parameters([]: [T; 0]) -> Self {
        Self
    }

    #[inline(always)]
    fn value(self, x: T) -> T {
        x
    }

    #[inline(always)]
    fn slope(self, x: T) -> T {
        let one = T::constant(1.0);
        // Holds for every number and for no NaN.
        T::select(x.less_equal(x), one, x)
    }

    #[inline(always)]
    fn parameter_slopes(self, _x: T) -> [T; 0] {
        []
    }
}
