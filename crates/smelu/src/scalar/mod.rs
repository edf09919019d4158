//! The activations as functions of one number: value, slope and the slopes of the parameters side by side.
//!
//! Every kernel, the composed reference and the tests evaluate these definitions; no formula stands anywhere else.
//! With `f64` they are the oracle:
//!
//! ```
//! use smelu::scalar::{ScalarActivation, Smelu};
//!
//! let smelu = Smelu::new(0.5_f64);
//! assert_eq!(smelu.value(0.0), 0.125);
//! assert_eq!(smelu.slope(0.0), 0.5);
//! assert_eq!(smelu.parameter_slopes(0.0), [0.25]);
//! ```
//!
//! Another crate can fuse an activation into a kernel of its own by being generic over [`ScalarActivation`]: all methods
//! are inlined, so the loop around them vectorises.
#![allow(clippy::inline_always, reason = "a kernel vectorises only if the whole formula is inlined into its loop")]

mod cascade;
pub(crate) mod elementary;
mod elu;
mod gated;
mod gelu;
mod identity;
mod leaky_relu;
mod logistic;
mod long_cascade;
mod mish;
mod ramp;
mod real;
mod relu;
mod rescu;
mod smelu;
mod softplus;
mod square_plus;
mod swish;
mod tanh_exp;

pub use cascade::Cascade;
pub use elu::{Celu, Elu, Selu};
pub use gated::{Gate, Gated};
pub use gelu::{Gelu, GeluTanh, Phi};
pub use identity::Identity;
pub use leaky_relu::LeakyRelu;
pub use long_cascade::LongCascade;
pub use mish::{Mish, TanhSoftplus};
pub use ramp::{Cosine, Linear, Quintic, Ramp, Smoothstep};
pub use real::Real;
pub use relu::Relu;
pub use rescu::{GSmelu, LeakySmelu, MeanFreeSmelu, Rescu};
pub use smelu::Smelu;
pub use softplus::Softplus;
pub use square_plus::SquarePlus;
pub use swish::{Sigma, Swish};
pub use tanh_exp::{TanhExp, TanhOfExp};

/// An activation of one number with its parameters fixed.
///
/// Implementations propagate NaN: a NaN input gives a NaN value and a NaN slope.
pub trait ScalarActivation<T: Real>: Copy + Send + Sync {
    /// One number for each parameter.
    type Parameters: Parameters<T>;

    /// The activation with these parameters.
    fn from_parameters(parameters: Self::Parameters) -> Self;

    /// The value `f(x)`.
    fn value(self, x: T) -> T;

    /// The slope `df/dx` at `x`.
    fn slope(self, x: T) -> T;

    /// The derivative of the value at `x` with respect to each parameter.
    fn parameter_slopes(self, x: T) -> Self::Parameters;
}

/// An array of one number for each parameter of an activation.
pub trait Parameters<T>: Copy + Send + Sync + AsRef<[T]> {
    /// How many parameters there are.
    const COUNT: usize;

    /// The array with `number(i)` at position i.
    fn from_fn(number: impl FnMut(usize) -> T) -> Self;
}

impl<T: Copy + Send + Sync, const N: usize> Parameters<T> for [T; N] {
    const COUNT: usize = N;

    #[inline(always)]
    fn from_fn(number: impl FnMut(usize) -> T) -> Self {
        core::array::from_fn(number)
    }
}
