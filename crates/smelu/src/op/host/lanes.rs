//! Several numbers side by side, as one number of a formula.

use core::array::from_fn;
use core::ops::{Add, Div, Mul, Neg, Sub};

use crate::scalar::Real;

/// Elements in a step of the loops over parameters, which take whole steps only.
pub(super) const LANES: usize = 16;

/// The numbers of [`LANES`] elements. A formula whose loop has a length unknown to the compiler cannot be vectorised over
/// elements from outside; over lanes each of its operations is a vector operation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Lanes<T>(pub(super) [T; LANES]);

impl<T: Real> Lanes<T> {
    /// The same number in every lane.
    #[inline(always)]
    pub(super) fn all(number: T) -> Self {
        Self([number; LANES])
    }

    #[inline(always)]
    fn map(self, function: impl Fn(T) -> T) -> Self {
        Self(from_fn(|lane| function(self.0[lane])))
    }

    #[inline(always)]
    fn zip(self, other: Self, function: impl Fn(T, T) -> T) -> Self {
        Self(from_fn(|lane| function(self.0[lane], other.0[lane])))
    }
}

macro_rules! operators {
    ($($Operator:ident::$function:ident),*) => {$(
        impl<T: Real> $Operator for Lanes<T> {
            type Output = Self;
            #[inline(always)]
            fn $function(self, other: Self) -> Self {
                self.zip(other, $Operator::$function)
            }
        }
    )*};
}

operators!(Add::add, Sub::sub, Mul::mul, Div::div);

impl<T: Real> Neg for Lanes<T> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        self.map(Neg::neg)
    }
}

macro_rules! functions {
    ($($function:ident),*) => {$(
        #[inline(always)]
        fn $function(self) -> Self {
            self.map(Real::$function)
        }
    )*};
}

impl<T: Real> Real for Lanes<T> {
    type Mask = [T::Mask; LANES];

    #[inline(always)]
    fn constant(value: f64) -> Self {
        Self::all(T::constant(value))
    }

    #[inline(always)]
    fn less(self, other: Self) -> Self::Mask {
        from_fn(|lane| self.0[lane].less(other.0[lane]))
    }

    #[inline(always)]
    fn less_equal(self, other: Self) -> Self::Mask {
        from_fn(|lane| self.0[lane].less_equal(other.0[lane]))
    }

    #[inline(always)]
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self {
        Self(from_fn(|lane| T::select(mask[lane], yes.0[lane], no.0[lane])))
    }

    functions!(sqrt, exp, exp_m1, ln_1p, normal_cdf);
}
