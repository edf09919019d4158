//! The activations as functions of one number: value and slope side by side, one file each.
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
//! ```
//!
//! Another crate can fuse an activation into a kernel of its own by being generic over [`ScalarActivation`]: all methods
//! are inlined, so the loop around them vectorises.
#![allow(clippy::inline_always, reason = "a kernel vectorises only if the whole formula is inlined into its loop")]

mod identity;
mod real;
mod relu;
mod smelu;

pub use identity::Identity;
pub use real::Real;
pub use relu::Relu;
pub use smelu::Smelu;

/// An activation of one number with its parameters fixed.
///
/// Implementations propagate NaN: a NaN input gives a NaN value and a NaN slope.
pub trait ScalarActivation<T: Real>: Copy + Send + Sync {
    /// The value `f(x)`.
    fn value(self, x: T) -> T;

    /// The slope `df/dx` at `x`. At a kink it is the slope from the left.
    fn slope(self, x: T) -> T;
}
