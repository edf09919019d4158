//! SmeLU and its asymmetric relatives.

use super::define::{imports, parametric};

imports!();

parametric! {
    /// SmeLU: ReLU with a quadratic of half-width β in place of the kink.
    ///
    /// # Formula
    ///
    /// ```text
    /// m = clamp((x + β) / (2β), 0, 1)
    /// f(x) = x for x >= β, β·m² below
    /// ```
    ///
    /// # Gradient
    ///
    /// `df/dx = m`, `df/dβ = m(1 − m)`: one pass over memory, fused with the upstream gradient.
    ///
    /// # Edge cases
    ///
    /// β = 0 is ReLU; NaN gives NaN in the value and in the gradient; +∞ gives +∞, −∞ gives 0.
    ///
    /// # Reference
    ///
    /// Shamir & Lin 2022, arXiv 2202.06499, Eq. 7.
    ///
    /// ```
    /// use burn::backend::Flex;
    /// use burn::tensor::Tensor;
    /// use smelu::SmeluConfig;
    ///
    /// let device = Default::default();
    /// let smelu = SmeluConfig::new(1.0)?.init::<Flex>(3, &device);
    /// let y = smelu.forward(Tensor::<Flex, 1>::from_floats([-2.0, 0.0, 2.0], &device));
    /// assert_eq!(y.into_data().to_vec::<f32>().unwrap(), [0.0, 0.25, 2.0]);
    /// # Ok::<(), smelu::ActivationError>(())
    /// ```
    Smelu, SmeluConfig, "SmeLU", Smelu {
        /// β, the half-width of the transition region, in units of the input.
        beta: Width = 0.5,
    }
}

parametric! {
    /// Leaky SmeLU: gSmeLU with α = β, g₊ = 1, and the lower line, of slope g, through the origin.
    ///
    /// # Formula
    ///
    /// `f(x) = gSmeLU(x; β, β, g, 1, −gβ)`
    ///
    /// # Gradient
    ///
    /// As [`GSmelu`], through the chain rule.
    ///
    /// # Reference
    ///
    /// Shamir & Lin 2022, arXiv 2202.06499, Eq. 9.
    LeakySmelu, LeakySmeluConfig, "LeakySmeLU", LeakySmelu {
        /// β, the half-width of the transition region, in units of the input.
        beta: Width = 0.5,
        /// g, the slope below the transition region.
        slope: Free = 0.01,
    }
}

parametric! {
    /// Mean-free SmeLU: SmeLU lowered by β/4, so that f(0) = 0.
    ///
    /// # Formula
    ///
    /// `f(x) = SmeLU(x; β) − β/4`
    ///
    /// # Gradient
    ///
    /// `df/dx = m`, `df/dβ = m(1 − m) − 1/4`, m as in [`Smelu`].
    ///
    /// # Reference
    ///
    /// Shamir & Lin 2022, arXiv 2202.06499, Section 4.
    MeanFreeSmelu, MeanFreeSmeluConfig, "MeanFreeSmeLU", MeanFreeSmelu {
        /// β, the half-width of the transition region, in units of the input.
        beta: Width = 0.5,
    }
}

parametric! {
    /// gSmeLU: two lines of any slopes, joined by a quadratic.
    ///
    /// # Formula
    ///
    /// ```text
    /// w = α + β,  m = clamp((x + α) / w, 0, 1),  S = w·m²/2 + max(x − β, 0)
    /// f(x) = t + g₋(x + α) + (g₊ − g₋)·S
    /// ```
    ///
    /// # Gradient
    ///
    /// ```text
    /// df/dx = g₋ + (g₊ − g₋)m    df/dα = g₋ + (g₊ − g₋)(m − m²/2)    df/dβ = −(g₊ − g₋)m²/2
    /// df/dg₋ = (x + α) − S       df/dg₊ = S                         df/dt = 1
    /// ```
    ///
    /// # Reference
    ///
    /// Shamir & Lin 2022, arXiv 2202.06499, Eq. 9.
    GSmelu, GSmeluConfig, "gSmeLU", GSmelu {
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
