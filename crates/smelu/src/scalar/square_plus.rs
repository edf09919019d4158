//! SquarePlus.

use super::{Real, ScalarActivation};

/// `f(x) = (x + √(x² + b))/2` for b > 0; `df/dx = f/√(x² + b)`, `df/db = 1/(4√(x² + b))`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SquarePlus<T> {
    b: T,
}

impl<T: Real> SquarePlus<T> {
    /// Divisors beyond it are taken to be it: Vulkan leaves quotients open from 2¹²⁶ on, and the order of sums and products.
    const FAR: f64 = 1e30;

    /// √(x² + b), without overflow: from 10¹² on it is |x|, b being at most 10⁶.
    #[inline(always)]
    fn root(self, x: T) -> T {
        T::select(T::constant(1e12).less(x.abs()), x.abs(), (x * x + self.b).sqrt())
    }

    #[inline(always)]
    fn value_at(self, x: T, root: T) -> T {
        let half = T::constant(0.5);
        // For negative x the sum would cancel; b/(√(x² + b) − x) is the same number.
        let below = half * self.b / (root - x).limit(-Self::FAR, Self::FAR);
        T::select(x.less(T::constant(0.0)), below, half * x + half * root)
    }
}

impl<T: Real> ScalarActivation<T> for SquarePlus<T> {
    /// b.
    type Parameters = [T; 1];

    #[inline(always)]
    fn from_parameters([b]: [T; 1]) -> Self {
        Self { b }
    }

    #[inline(always)]
    fn value(self, x: T) -> T {
        self.value_at(x, self.root(x))
    }

    #[inline(always)]
    fn slope(self, x: T) -> T {
        // The slope is 0 or 1 from there on.
        let x = x.limit(-Self::FAR, Self::FAR);
        let root = self.root(x);
        self.value_at(x, root) / root
    }

    #[inline(always)]
    fn parameter_slopes(self, x: T) -> [T; 1] {
        [T::constant(0.25) / self.root(x.limit(-Self::FAR, Self::FAR))]
    }
}
