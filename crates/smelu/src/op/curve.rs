//! Which activation an operation applies.

use crate::scalar;

/// An activation with its parameters fixed, as the operations of a backend receive it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Curve {
    /// [`scalar::Smelu`].
    Smelu {
        /// The half-width of the transition region: finite, not negative.
        beta: f64,
    },
    /// [`scalar::Relu`].
    Relu,
    /// [`scalar::Identity`].
    Identity,
}

/// Evaluates `$body` with `$activation` bound to the scalar definition of `$curve` over the number type `$real`.
///
/// The one place where a curve chosen at run time becomes a type, so that each kernel is compiled once per activation
/// and no element pays for the choice.
macro_rules! with_scalar {
    ($curve:expr, $real:ty, |$activation:ident| $body:expr) => {
        match $curve {
            $crate::op::Curve::Smelu { beta } => {
                let $activation = $crate::scalar::Smelu::<$real>::new(<$real as $crate::scalar::Real>::constant(beta));
                $body
            }
            $crate::op::Curve::Relu => {
                let $activation = $crate::scalar::Relu;
                $body
            }
            $crate::op::Curve::Identity => {
                let $activation = $crate::scalar::Identity;
                $body
            }
        }
    };
}
pub(crate) use with_scalar;

impl Curve {
    /// `f(x)` in double precision.
    #[must_use]
    pub fn value(self, x: f64) -> f64 {
        with_scalar!(self, f64, |activation| scalar::ScalarActivation::value(activation, x))
    }

    /// `df/dx` in double precision.
    #[must_use]
    pub fn slope(self, x: f64) -> f64 {
        with_scalar!(self, f64, |activation| scalar::ScalarActivation::slope(activation, x))
    }
}
