//! ELU, CELU and SELU.

use super::{Real, ScalarActivation};

/// `f(x) = x` for x > 0, `a(eˣ − 1)` below; `df/dx = aeˣ` below (so a at 0), `df/da = eˣ − 1`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Elu<T> {
    alpha: T,
}

/// x for x <= 0 (and NaN), 0 above: the exponential of an element on the line must not overflow.
#[inline(always)]
fn negative_part<T: Real>(x: T) -> T {
    let zero = T::constant(0.0);
    T::select(zero.less(x), zero, x)
}

impl<T: Real> ScalarActivation<T> for Elu<T> {
    /// a.
    type Parameters = [T; 1];

    #[inline(always)]
    fn from_parameters([alpha]: [T; 1]) -> Self {
        Self { alpha }
    }

    #[inline(always)]
    fn value(self, x: T) -> T {
        T::select(T::constant(0.0).less(x), x, self.alpha * negative_part(x).exp_m1())
    }

    #[inline(always)]
    fn slope(self, x: T) -> T {
        T::select(T::constant(0.0).less(x), T::constant(1.0), self.alpha * negative_part(x).exp())
    }

    #[inline(always)]
    fn parameter_slopes(self, x: T) -> [T; 1] {
        [negative_part(x).exp_m1()]
    }
}

/// `f(x) = x` for x > 0, `a(e^(x/a) − 1)` below, a > 0; `df/dx = e^(x/a)` below,
/// `df/da = e^(x/a) − 1 − (x/a)e^(x/a)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Celu<T> {
    alpha: T,
}

impl<T: Real> Celu<T> {
    #[inline(always)]
    fn argument(self, x: T) -> T {
        (negative_part(x) / self.alpha).limit(-1e4, 0.0)
    }
}

impl<T: Real> ScalarActivation<T> for Celu<T> {
    /// a.
    type Parameters = [T; 1];

    #[inline(always)]
    fn from_parameters([alpha]: [T; 1]) -> Self {
        Self { alpha }
    }

    #[inline(always)]
    fn value(self, x: T) -> T {
        T::select(T::constant(0.0).less(x), x, self.alpha * self.argument(x).exp_m1())
    }

    #[inline(always)]
    fn slope(self, x: T) -> T {
        self.argument(x).exp()
    }

    #[inline(always)]
    fn parameter_slopes(self, x: T) -> [T; 1] {
        let z = self.argument(x);
        [z.exp_m1() - z * z.exp()]
    }
}

/// `f(x) = λx` for x > 0, `λα(eˣ − 1)` below, with λ and α the fixed constants that keep mean 0 and variance 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selu;

impl Selu {
    const LAMBDA: f64 = 1.050_700_987_355_480_5;
    const ALPHA: f64 = 1.673_263_242_354_377_2;
}

impl<T: Real> ScalarActivation<T> for Selu {
    type Parameters = [T; 0];

    #[inline(always)]
    fn from_parameters([]: [T; 0]) -> Self {
        Self
    }

    #[inline(always)]
    fn value(self, x: T) -> T {
        let below = T::constant(Self::LAMBDA * Self::ALPHA) * negative_part(x).exp_m1();
        T::select(T::constant(0.0).less(x), T::constant(Self::LAMBDA) * x, below)
    }

    #[inline(always)]
    fn slope(self, x: T) -> T {
        let below = T::constant(Self::LAMBDA * Self::ALPHA) * negative_part(x).exp();
        T::select(T::constant(0.0).less(x), T::constant(Self::LAMBDA), below)
    }

    #[inline(always)]
    fn parameter_slopes(self, _x: T) -> [T; 0] {
        []
    }
}
