//! The numbers an activation is written over.

use core::ops::{Add, Div, Mul, Neg, Sub};

/// A number type that a formula of this crate can be evaluated over.
///
/// `f64` is the oracle, `f32` the type of the kernels, and the composed reference records the formula instead of
/// evaluating it. A recorded formula cannot branch, so formulas choose with [`select`](Real::select), which the
/// vectoriser also prefers over a branch.
pub trait Real:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> + Neg<Output = Self>
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
}

macro_rules! real {
    ($float:ty) => {
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
        }
    };
}

real!(f32);
real!(f64);
