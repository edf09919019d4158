//! A cascade of smooth transitions between several lines.

use super::{Real, ScalarActivation};

/// K + 1 lines of slopes g₀ … `g_K`, joined by K transition regions [loₖ, hiₖ] in which the slope changes linearly.
///
/// # Formula
///
/// With mₖ = clamp((x − loₖ) / (hiₖ − loₖ), 0, 1) and Aₖ = (hiₖ − loₖ)·mₖ²/2 + max(x − hiₖ, 0):
///
/// ```text
/// f(x) = t + g₀(x − lo₁) + Σₖ (gₖ − gₖ₋₁)·Aₖ
/// ```
///
/// # Gradient
///
/// ```text
/// df/dx = g₀ + Σₖ (gₖ − gₖ₋₁)·mₖ
/// df/dloₖ = −(gₖ − gₖ₋₁)(mₖ − mₖ²/2), for k = 1 also −g₀    df/dhiₖ = −(gₖ − gₖ₋₁)·mₖ²/2
/// df/dg₀ = (x − lo₁) − A₁    df/dgₖ = Aₖ − Aₖ₊₁    df/dg_K = A_K    df/dt = 1
/// ```
///
/// # Edge cases
///
/// An outer line of slope 0 stays finite at its infinity. A region of width 0 is a kink.
///
/// It is an activation of up to 4 regions; [`LongCascade`](super::LongCascade) has any number of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cascade<T, const K: usize> {
    lo: [T; K],
    hi: [T; K],
    first_slope: T,
    /// The slope after each region.
    slopes: [T; K],
    t: T,
}

/// The part of x inside the outermost regions, and how far x lies beyond them.
pub(super) struct Place<T> {
    pub(super) inside: T,
    pub(super) below: T,
    pub(super) above: T,
}

impl<T: Real> Place<T> {
    /// Of `x`, between the lowest begin and the highest end of the regions.
    #[inline(always)]
    pub(super) fn of(x: T, lowest: T, highest: T) -> Self {
        let zero = T::constant(0.0);
        let (low, high) = (x.less(lowest), highest.less(x));
        Self {
            inside: T::select(low, lowest, T::select(high, highest, x)),
            below: T::select(low, x - lowest, zero),
            above: T::select(high, x - highest, zero),
        }
    }
}

/// The least of the begins.
#[inline(always)]
pub(super) fn lowest<T: Real>(lo: &[T]) -> T {
    lo.iter().fold(lo[0], |low, lo| T::select(lo.less(low), *lo, low))
}

/// The greatest of the ends.
#[inline(always)]
pub(super) fn highest<T: Real>(hi: &[T]) -> T {
    hi.iter().fold(hi[0], |high, hi| T::select(high.less(*hi), *hi, high))
}

/// m = clamp((x − lo) / (hi − lo), 0, 1), a step at lo in a region of width 0.
#[inline(always)]
pub(super) fn position<T: Real>(lo: T, hi: T, x: T) -> T {
    let (zero, one) = (T::constant(0.0), T::constant(1.0));
    let inside = (x - lo) / (hi - lo);
    T::select(x.less_equal(lo), zero, T::select(hi.less_equal(x), one, inside))
}

/// A = (hi − lo)·m²/2 + max(x − hi, 0).
#[inline(always)]
pub(super) fn area<T: Real>(lo: T, hi: T, m: T, x: T) -> T {
    let above = T::select(hi.less(x), x - hi, T::constant(0.0));
    (hi - lo) * (T::constant(0.5) * m * m) + above
}

impl<T: Real, const K: usize> Cascade<T, K> {
    #[inline(always)]
    fn place(&self, x: T) -> Place<T> {
        Place::of(x, lowest(&self.lo), highest(&self.hi))
    }

    /// mₖ.
    #[inline(always)]
    fn position(&self, k: usize, x: T) -> T {
        position(self.lo[k], self.hi[k], x)
    }

    /// Aₖ.
    #[inline(always)]
    fn area(&self, k: usize, m: T, x: T) -> T {
        area(self.lo[k], self.hi[k], m, x)
    }

    /// gₖ − gₖ₋₁.
    #[inline(always)]
    fn change(&self, k: usize) -> T {
        self.slopes[k] - if k == 0 { self.first_slope } else { self.slopes[k - 1] }
    }

    #[inline(always)]
    fn value_at(&self, x: T) -> T {
        let Place { inside: x, below, above } = self.place(x);
        let mut value = self.t + self.first_slope * (x - self.lo[0]);
        for k in 0..K {
            value = value + self.change(k) * self.area(k, self.position(k, x), x);
        }
        value + T::rise(self.first_slope, below) + T::rise(self.slopes[K - 1], above)
    }

    #[inline(always)]
    fn slope_at(&self, x: T) -> T {
        let mut slope = self.first_slope;
        for k in 0..K {
            slope = slope + self.change(k) * self.position(k, x);
        }
        slope
    }

    /// The derivative with respect to loₖ and hiₖ.
    #[inline(always)]
    fn region_slopes(&self, k: usize, x: T) -> (T, T) {
        let m = self.position(k, x);
        let half_square = T::constant(0.5) * m * m;
        let lo = -(self.change(k) * (m - half_square));
        (if k == 0 { lo - self.first_slope } else { lo }, -(self.change(k) * half_square))
    }

    /// The derivative with respect to gₖ, k from 0 to K.
    #[inline(always)]
    fn slope_slope(&self, k: usize, x: T) -> T {
        let Place { inside, below, above } = self.place(x);
        let area = |k| self.area(k, self.position(k, inside), inside);
        if k == 0 {
            (inside - self.lo[0]) - area(0) + below
        } else if k == K {
            area(K - 1) + above
        } else {
            area(k - 1) - area(k)
        }
    }
}

macro_rules! cascade {
    ($($regions:literal => $parameters:literal),*) => {$(
        impl<T: Real> ScalarActivation<T> for Cascade<T, $regions> {
            /// lo₁ … `lo_K`, hi₁ … `hi_K`, g₀ … `g_K`, t.
            type Parameters = [T; $parameters];

            #[inline(always)]
            fn from_parameters(parameters: [T; $parameters]) -> Self {
                Self {
                    lo: core::array::from_fn(|k| parameters[k]),
                    hi: core::array::from_fn(|k| parameters[$regions + k]),
                    first_slope: parameters[2 * $regions],
                    slopes: core::array::from_fn(|k| parameters[2 * $regions + 1 + k]),
                    t: parameters[3 * $regions + 1],
                }
            }

            #[inline(always)]
            fn value(self, x: T) -> T {
                self.value_at(x)
            }

            #[inline(always)]
            fn slope(self, x: T) -> T {
                self.slope_at(x)
            }

            #[inline(always)]
            fn parameter_slopes(self, x: T) -> [T; $parameters] {
                core::array::from_fn(|i| match i {
                    i if i < $regions => self.region_slopes(i, x).0,
                    i if i < 2 * $regions => self.region_slopes(i - $regions, x).1,
                    i if i < 3 * $regions + 1 => self.slope_slope(i - 2 * $regions, x),
                    _ => T::constant(1.0),
                })
            }
        }
    )*};
}

cascade!(1 => 5, 2 => 8, 3 => 11, 4 => 14);
