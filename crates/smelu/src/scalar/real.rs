//! The numbers an activation is written over.

use core::ops::{Add, Div, Mul, Neg, Sub};

use super::elementary;

/// A number type that a formula of this crate can be evaluated over.
///
/// `f64` is the oracle, `f32` the type of the kernels, and the composed reference records the formula instead of
/// evaluating it. A recorded formula cannot branch, so formulas choose with [`select`](Real::select), which the
/// vectoriser also prefers over a branch.
///
/// The elementary functions of `f32` are polynomials, so that a loop over them vectorises; each is within 5 ulp (Φ below −1 within 9).
pub trait Real:
    Copy
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// The result of a comparison.
    type Mask: Copy;

    /// The nearest number to `value`.
    fn constant(value: f64) -> Self;

    /// `self < other`; false where either is NaN.
    fn less(self, other: Self) -> Self::Mask;

    /// `self <= other`; false where either is NaN.
    fn less_equal(self, other: Self) -> Self::Mask;

    /// `yes` where the mask holds, `no` elsewhere. Both are computed.
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self;

    /// The square root.
    #[must_use]
    fn sqrt(self) -> Self;

    /// `eˣ`.
    #[must_use]
    fn exp(self) -> Self;

    /// `eˣ − 1`, without cancellation near 0.
    #[must_use]
    fn exp_m1(self) -> Self;

    /// `ln(1 + x)` for x from 0 to 1.
    #[must_use]
    fn ln_1p(self) -> Self;

    /// The distribution function Φ of the standard normal distribution.
    #[must_use]
    fn normal_cdf(self) -> Self;

    /// `|x|`.
    #[must_use]
    #[inline(always)]
    fn abs(self) -> Self {
        Self::select(self.less(Self::constant(0.0)), -self, self)
    }

    /// The number limited to `low..=high`; NaN stays NaN.
    #[must_use]
    #[inline(always)]
    fn limit(self, low: f64, high: f64) -> Self {
        let (low, high) = (Self::constant(low), Self::constant(high));
        Self::select(self.less(low), low, Self::select(high.less(self), high, self))
    }

    /// The number with infinities replaced by 3·10³⁸, so that a product with 0 is 0; NaN stays NaN.
    #[must_use]
    #[inline(always)]
    fn finite(self) -> Self {
        self.limit(-3e38, 3e38)
    }

    /// `slope · length`, and 0 for a slope of 0 however long the line; NaN stays NaN.
    #[inline(always)]
    fn rise(slope: Self, length: Self) -> Self {
        let zero = Self::constant(0.0);
        let flat = Self::select(slope.less(zero), length, Self::select(zero.less(slope), length, length.finite()));
        slope * flat
    }
}

macro_rules! real {
    ($float:ty, $($function:ident = $implementation:expr),*) => {
        impl Real for $float {
            type Mask = bool;

            #[inline(always)]
            fn constant(value: f64) -> Self {
                value as $float
            }

            #[inline(always)]
            fn less(self, other: Self) -> bool {
                self < other
            }

            #[inline(always)]
            fn less_equal(self, other: Self) -> bool {
                self <= other
            }

            #[inline(always)]
            fn select(mask: bool, yes: Self, no: Self) -> Self {
                if mask { yes } else { no }
            }

            $(
                #[inline(always)]
                fn $function(self) -> Self {
                    $implementation(self)
                }
            )*
        }
    };
}

real!(
    f32,
    sqrt = f32::sqrt,
    exp = elementary::exp,
    exp_m1 = elementary::exp_m1,
    ln_1p = elementary::ln_1p,
    normal_cdf = elementary::normal_cdf
);
real!(
    f64,
    sqrt = f64::sqrt,
    exp = f64::exp,
    exp_m1 = f64::exp_m1,
    ln_1p = f64::ln_1p,
    normal_cdf = |z: f64| 0.5 * libm::erfc(-z * core::f64::consts::FRAC_1_SQRT_2)
);
