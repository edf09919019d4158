//! RESCU and its members with a linear ramp: gSmeLU, leaky SmeLU, mean-free SmeLU.

use core::marker::PhantomData;

use super::ramp::{Linear, Ramp};
use super::{Real, ScalarActivation, Smelu};

/// RESCU: two lines joined by a transition region, in which the slope follows a [`Ramp`] (Shamir, Lin & Coviello 2020,
/// arXiv 2010.09931, Eq. 11; Shamir & Lin 2022, arXiv 2202.06499, Eq. 9).
///
/// # Formula
///
/// With w = α + β, m = clamp((x + α) / w, 0, 1) and T = w·S(m) + max(x − β, 0), S the integral of the ramp s:
///
/// ```text
/// f(x) = t + g₋(x + α) + (g₊ − g₋)·T
/// ```
///
/// # Gradient
///
/// ```text
/// df/dx = g₋ + (g₊ − g₋)s(m)    df/dα = g₋ + (g₊ − g₋)(S(m) + s(m)(1 − m))    df/dβ = (g₊ − g₋)(S(m) − m·s(m))
/// df/dg₋ = (x + α) − T          df/dg₊ = T                                   df/dt = 1
/// ```
///
/// # Edge cases
///
/// α = β = 0 is two lines with a kink at 0. A side of slope 0 stays finite at its infinity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rescu<T, R> {
    alpha: T,
    beta: T,
    g_minus: T,
    g_plus: T,
    t: T,
    ramp: PhantomData<R>,
}

/// gSmeLU: RESCU with the linear ramp.
pub type GSmelu<T> = Rescu<T, Linear>;

/// A point on the curve, by where it lies with respect to the transition region.
struct Place<T> {
    /// The position in the transition region, 0 to 1.
    m: T,
    /// The distance from the lower end of the region, not above its width.
    from_low: T,
    /// The distance above the upper end of the region, not below 0.
    above: T,
}

impl<T: Real, R: Ramp> Rescu<T, R> {
    /// The curve from its half-widths below and above 0, its slopes below and above, and its value at x = −α.
    #[inline(always)]
    pub fn new(alpha: T, beta: T, g_minus: T, g_plus: T, t: T) -> Self {
        Self { alpha, beta, g_minus, g_plus, t, ramp: PhantomData }
    }

    #[inline(always)]
    fn width(self) -> T {
        self.alpha + self.beta
    }

    #[inline(always)]
    fn place(self, x: T) -> Place<T> {
        let (zero, one) = (T::constant(0.0), T::constant(1.0));
        let (below, above) = (x.less_equal(-self.alpha), self.beta.less_equal(x));
        let from_low = x + self.alpha;
        Place {
            // Below comes first: for α = β = 0 the quotient is 0/0 at x = 0, and only there.
            m: T::select(below, zero, T::select(above, one, from_low / self.width())),
            from_low: T::select(above, self.width(), from_low),
            above: T::select(above, x - self.beta, zero),
        }
    }
}

impl<T: Real, R: Ramp> ScalarActivation<T> for Rescu<T, R> {
    /// α, β, g₋, g₊, t.
    type Parameters = [T; 5];

    #[inline(always)]
    fn from_parameters([alpha, beta, g_minus, g_plus, t]: [T; 5]) -> Self {
        Self::new(alpha, beta, g_minus, g_plus, t)
    }

    /// The formula with the part above the region split off, so that no two large numbers cancel there.
    #[inline(always)]
    fn value(self, x: T) -> T {
        let place = self.place(x);
        let bend = (self.g_plus - self.g_minus) * (self.width() * R::integral(place.m));
        self.t + T::rise(self.g_minus, place.from_low) + bend + T::rise(self.g_plus, place.above)
    }

    #[inline(always)]
    fn slope(self, x: T) -> T {
        self.g_minus + (self.g_plus - self.g_minus) * R::slope(self.place(x).m)
    }

    #[inline(always)]
    fn parameter_slopes(self, x: T) -> [T; 5] {
        let one = T::constant(1.0);
        let Place { m, from_low, above } = self.place(x);
        let (s, integral) = (R::slope(m), R::integral(m));
        let (difference, area) = (self.g_plus - self.g_minus, self.width() * integral);
        [
            self.g_minus + difference * (integral + s * (one - m)),
            difference * (integral - m * s),
            from_low - area,
            area + above,
            one,
        ]
    }
}

/// Leaky SmeLU: gSmeLU with α = β, g₊ = 1 and t = −g·β, so that the lower line, of slope g, passes through the origin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LeakySmelu<T> {
    curve: GSmelu<T>,
    beta: T,
    slope: T,
}

impl<T: Real> ScalarActivation<T> for LeakySmelu<T> {
    /// β, g.
    type Parameters = [T; 2];

    #[inline(always)]
    fn from_parameters([beta, slope]: [T; 2]) -> Self {
        Self { curve: Rescu::new(beta, beta, slope, T::constant(1.0), -(slope * beta)), beta, slope }
    }

    #[inline(always)]
    fn value(self, x: T) -> T {
        self.curve.value(x)
    }

    #[inline(always)]
    fn slope(self, x: T) -> T {
        self.curve.slope(x)
    }

    #[inline(always)]
    fn parameter_slopes(self, x: T) -> [T; 2] {
        let [alpha, beta, g_minus, _, t] = self.curve.parameter_slopes(x);
        [alpha + beta - self.slope * t, g_minus - self.beta * t]
    }
}

/// Mean-free SmeLU: SmeLU lowered by β/4, so that f(0) = 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeanFreeSmelu<T> {
    smelu: Smelu<T>,
    drop: T,
}

impl<T: Real> ScalarActivation<T> for MeanFreeSmelu<T> {
    /// β.
    type Parameters = [T; 1];

    #[inline(always)]
    fn from_parameters([beta]: [T; 1]) -> Self {
        Self { smelu: Smelu::new(beta), drop: T::constant(0.25) * beta }
    }

    #[inline(always)]
    fn value(self, x: T) -> T {
        self.smelu.value(x) - self.drop
    }

    #[inline(always)]
    fn slope(self, x: T) -> T {
        self.smelu.slope(x)
    }

    #[inline(always)]
    fn parameter_slopes(self, x: T) -> [T; 1] {
        let [beta] = self.smelu.parameter_slopes(x);
        [beta - T::constant(0.25)]
    }
}
