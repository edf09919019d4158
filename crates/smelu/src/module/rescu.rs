//! RESCU with the smoother ramps; with the linear ramp it is gSmeLU.

use super::define::{imports, parametric};

imports!();

parametric! {
    /// RESCU with the ramp [`scalar::Smoothstep`](crate::scalar::Smoothstep): twice continuously differentiable.
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
    RescuSmoothstep, RescuSmoothstepConfig, "RESCU-smoothstep", RescuSmoothstep {
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

parametric! {
    /// RESCU with the ramp [`scalar::Cosine`](crate::scalar::Cosine): twice continuously differentiable.
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
    RescuCosine, RescuCosineConfig, "RESCU-cosine", RescuCosine {
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

parametric! {
    /// RESCU with the ramp [`scalar::Quintic`](crate::scalar::Quintic): three times continuously differentiable.
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
    RescuQuintic, RescuQuinticConfig, "RESCU-quintic", RescuQuintic {
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
