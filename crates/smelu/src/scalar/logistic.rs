//! The logistic function σ, from both sides at once.

use super::Real;

/// σ(z), σ(−z) and e^(−|z|), each to full relative precision for any z.
#[derive(Clone, Copy)]
pub(super) struct Logistic<T> {
    /// σ(z).
    pub(super) up: T,
    /// σ(−z) = 1 − σ(z).
    pub(super) down: T,
    /// e^(−|z|).
    pub(super) decay: T,
}

impl<T: Real> Logistic<T> {
    #[inline(always)]
    pub(super) fn at(z: T) -> Self {
        let decay = (-z.abs()).exp();
        let one = T::constant(1.0);
        let near = one / (one + decay);
        let far = decay * near;
        let positive = T::constant(0.0).less(z);
        Self { up: T::select(positive, near, far), down: T::select(positive, far, near), decay }
    }
}
