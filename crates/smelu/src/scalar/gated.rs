//! The activations that multiply the input by a function of it.

use core::marker::PhantomData;

use super::{Real, ScalarActivation};

/// A function G that rises from 0 to 1, the factor of a [`Gated`] activation.
pub trait Gate: Copy + Send + Sync {
    /// Beyond these arguments G is 0 or 1 exactly, and the products with its slope 0.
    const RANGE: [f64; 2];

    /// `G(z)` and `G'(z)`.
    fn at<T: Real>(z: T) -> (T, T);
}

/// `f(x) = xG(bx)` for b > 0; `df/dx = G(z) + zG'(z)` and `df/db = x²G'(z)`, z = bx.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gated<T, G> {
    beta: T,
    gate: PhantomData<G>,
}

impl<T: Real, G: Gate> Gated<T, G> {
    /// bx, limited so that products with it stay finite.
    #[inline(always)]
    fn argument(self, x: T) -> T {
        let [low, high] = G::RANGE;
        (self.beta * x).limit(low, high)
    }
}

impl<T: Real, G: Gate> ScalarActivation<T> for Gated<T, G> {
    /// b.
    type Parameters = [T; 1];

    #[inline(always)]
    fn from_parameters([beta]: [T; 1]) -> Self {
        Self { beta, gate: PhantomData }
    }

    #[inline(always)]
    fn value(self, x: T) -> T {
        // Only −∞ times 0 needs the limit; +∞ passes.
        let low = T::constant(-3e38);
        T::select(x.less(low), low, x) * G::at(self.argument(x)).0
    }

    #[inline(always)]
    fn slope(self, x: T) -> T {
        let z = self.argument(x);
        let (value, slope) = G::at(z);
        value + z * slope
    }

    #[inline(always)]
    fn parameter_slopes(self, x: T) -> [T; 1] {
        let (_, slope) = G::at(self.argument(x));
        // From here on G' is 0, for b from 10⁻⁸ on; a compiler that multiplies x by itself first, as Vulkan's may, gets no infinity.
        let x = x.limit(-1e12, 1e12);
        [x * (x * slope)]
    }
}
