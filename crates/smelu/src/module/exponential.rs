//! Activations made of exponentials and their kin.

use super::define::{imports, parametric, plain};

imports!();

parametric! {
    /// SoftPlus: `f(x) = ln(1 + e^(βx))/β`; `df/dx = σ(βx)`, `df/dβ = (xσ(βx) − f)/β`, σ the logistic function.
    Softplus, SoftplusConfig, "SoftPlus", Softplus {
        /// β, the sharpness of the bend.
        beta: Positive = 1.0,
    }
}

parametric! {
    /// Swish: `f(x) = xσ(βx)`; `df/dx = σ(βx)(1 + βxσ(−βx))`, `df/dβ = x²σ(βx)σ(−βx)` (Ramachandran et al. 2017,
    /// arXiv 1710.05941). `SiLU` in a text is the one of β = 1.
    Swish, SwishConfig, "Swish", Swish {
        /// β, the sharpness of the bend.
        beta: Positive = 1.0,
    }
}

parametric! {
    /// GELU: `f(x) = xΦ(βx)`; `df/dx = Φ(βx) + βxφ(βx)`, `df/dβ = x²φ(βx)`, Φ and φ the normal distribution function and
    /// density (Hendrycks & Gimpel 2016, arXiv 1606.08415).
    Gelu, GeluConfig, "GELU", Gelu {
        /// β, the sharpness of the bend.
        beta: Positive = 1.0,
    }
}

plain! {
    /// GELU in the tanh form: `f(x) = x/2·(1 + tanh(√(2/π)(x + 0.044715x³)))`.
    GeluTanh, "GELU-tanh"
}

parametric! {
    /// Mish: `f(x) = x·tanh(ln(1 + e^(βx)))`; `df/dx = T + βx·q·σ(βx)`, `df/dβ = x²qσ(βx)`, T the tanh and q = 1 − T²
    /// (Misra 2019, arXiv 1908.08681).
    Mish, MishConfig, "Mish", Mish {
        /// β, the sharpness of the bend.
        beta: Positive = 1.0,
    }
}

parametric! {
    /// TanhExp: `f(x) = x·tanh(e^(βx))`; `df/dx = T + βx·q·e^(βx)`, `df/dβ = x²·q·e^(βx)`, T the tanh and q = 1 − T²
    /// (Liu & Di 2020, arXiv 2003.09855).
    TanhExp, TanhExpConfig, "TanhExp", TanhExp {
        /// β, the sharpness of the bend.
        beta: Positive = 1.0,
    }
}

parametric! {
    /// ELU: `f(x) = x` for x > 0, `α(eˣ − 1)` below; `df/dα = eˣ − 1` below (Clevert et al. 2015, arXiv 1511.07289).
    Elu, EluConfig, "ELU", Elu {
        /// α, minus the limit at −∞.
        alpha: Free = 1.0,
    }
}

parametric! {
    /// CELU: `f(x) = x` for x > 0, `α(e^(x/α) − 1)` below; `df/dα = e^(x/α)(1 − x/α) − 1` below (Barron 2017,
    /// arXiv 1704.07483).
    Celu, CeluConfig, "CELU", Celu {
        /// α, minus the limit at −∞.
        alpha: Positive = 1.0,
    }
}

plain! {
    /// SELU: `f(x) = λx` for x > 0, `λα(eˣ − 1)` below, with the constants of Klambauer et al. 2017, arXiv 1706.02515.
    Selu, "SELU"
}
