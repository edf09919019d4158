//! SmeLU.

use super::{Real, ScalarActivation};

/// SmeLU: ReLU with a quadratic of half-width β in place of the kink (Shamir & Lin 2022, arXiv 2202.06499, Eq. 7).
///
/// # Formula
///
/// ```text
/// m = clamp((x + β) / (2β), 0, 1)
/// f(x) = x for x >= β, β·m² below
/// ```
///
/// # Gradient
///
/// `df/dx = m`, `df/dβ = m(1 − m)`
///
/// # Edge cases
///
/// β = 0 is ReLU. For 0 < β the value at ±0 is β/4. +∞ gives +∞, −∞ gives 0, NaN gives NaN. In `f32` the value is within 5 ulp
/// of the exact one; the expanded polynomial `x²/(4β) + x/2 + β/4` would lose every digit near x = −β.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Smelu<T> {
    beta: T,
}

impl<T: Real> Smelu<T> {
    /// SmeLU of half-width `beta`, which is finite and not negative.
    #[inline(always)]
    pub fn new(beta: T) -> Self {
        Self { beta }
    }

    /// The position in the transition region, which is also the slope: 0 up to x = −β, 1 from x = β on.
    #[inline(always)]
    fn position(self, x: T) -> T {
        let (zero, one) = (T::constant(0.0), T::constant(1.0));
        // Below −β comes first: for β = 0 the quotient is 0/0 at x = 0, and only there.
        let inside = (x + self.beta) / (self.beta + self.beta);
        T::select(x.less_equal(-self.beta), zero, T::select(self.beta.less_equal(x), one, inside))
    }

    /// The slope from the value: m = √(y/β) below y = β, 1 from there on.
    ///
    /// As exact as [`slope`](ScalarActivation::slope) while y = β·m² keeps its digits: the root halves the relative error
    /// of y, and where y underflows m is below √(10⁻⁴⁵/β) in `f32`.
    #[inline(always)]
    pub fn slope_from_value(self, y: T) -> T {
        let (zero, one) = (T::constant(0.0), T::constant(1.0));
        let inside = (y * (one / self.beta)).sqrt();
        // Below 0 comes first: for β = 0 the product is 0·∞ at y = 0, and only there.
        T::select(y.less_equal(zero), zero, T::select(self.beta.less_equal(y), one, inside))
    }
}

impl<T: Real> ScalarActivation<T> for Smelu<T> {
    type Parameters = [T; 1];

    #[inline(always)]
    fn from_parameters([beta]: [T; 1]) -> Self {
        Self::new(beta)
    }

    #[inline(always)]
    fn value(self, x: T) -> T {
        let m = self.position(x);
        T::select(self.beta.less_equal(x), x, self.beta * m * m)
    }

    #[inline(always)]
    fn slope(self, x: T) -> T {
        self.position(x)
    }

    #[inline(always)]
    fn parameter_slopes(self, x: T) -> [T; 1] {
        let m = self.position(x);
        [m * (T::constant(1.0) - m)]
    }
}
