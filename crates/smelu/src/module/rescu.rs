//! RESCU with the smoother ramps; with the linear ramp it is gSmeLU.

use super::define::{imports, parametric};

imports!();

/// Defines RESCU with one of the ramps of [`scalar`](crate::scalar).
macro_rules! rescu {
    ($Module:ident, $Config:ident, $name:literal, $Ramp:literal, $smoothness:literal) => {
        parametric! {
            #[doc = concat!("RESCU with the ramp [`scalar::", $Ramp, "`](crate::scalar::", $Ramp, "): ", $smoothness, ".")]
            ///
            /// # Formula
            ///
            /// With w = α + β, m = clamp((x + α) / w, 0, 1), s the ramp and S its integral:
            ///
            /// ```text
            /// T = w·S(m) + max(x − β, 0)
            /// f(x) = t + g₋(x + α) + (g₊ − g₋)·T
            /// ```
            ///
            /// # Gradient
            ///
            /// ```text
            /// df/dx = g₋ + (g₊ − g₋)s(m)   df/dα = g₋ + (g₊ − g₋)(S(m) + s(m)(1 − m))   df/dβ = (g₊ − g₋)(S(m) − m·s(m))
            /// df/dg₋ = (x + α) − T         df/dg₊ = T                                  df/dt = 1
            /// ```
            ///
            /// # Reference
            ///
            /// Shamir, Lin & Coviello 2020, arXiv 2010.09931, Eq. 11.
            $Module, $Config, $name, $Module {
                /// α, how far the transition region reaches below 0.
                alpha: Width = 0.5,
                /// β, how far the transition region reaches above 0.
                beta: Width = 0.5,
                /// g₋, the slope below the transition region.
                g_minus: Free = 0.0,
                /// g₊, the slope above the transition region.
                g_plus: Free = 1.0,
                /// t, the value at x = −α.
                t: Free = 0.0,
            }
        }
    };
}

rescu!(RescuSmoothstep, RescuSmoothstepConfig, "RESCU-smoothstep", "Smoothstep", "twice continuously differentiable");
rescu!(RescuCosine, RescuCosineConfig, "RESCU-cosine", "Cosine", "twice continuously differentiable");
rescu!(RescuQuintic, RescuQuinticConfig, "RESCU-quintic", "Quintic", "three times continuously differentiable");
