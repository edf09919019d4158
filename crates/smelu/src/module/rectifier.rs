//! ReLU and its piecewise linear relatives.

use super::define::{imports, parametric, plain};

imports!();

plain! {
    /// ReLU: `f(x) = max(x, 0)`, with slope 0 at 0. NaN gives NaN in the value and in the gradient.
    Relu, "ReLU"
}

plain! {
    /// The identity: `f(x) = x`. It costs nothing: the tensor passes through.
    Identity, "Identity"
}

parametric! {
    /// Leaky ReLU: `f(x) = x` for x >= 0, `s·x` below; `df/ds = min(x, 0)`.
    LeakyRelu, LeakyReluConfig, "LeakyReLU", LeakyRelu {
        /// s, the slope below 0.
        slope: Free = 0.01,
    }
}

parametric! {
    /// PReLU: leaky ReLU whose slope is learnt (He et al. 2015, arXiv 1502.01852).
    PRelu, PReluConfig, "PReLU", LeakyRelu {
        /// s, the slope below 0.
        slope: Free = 0.25 @ PerLayer,
    }
}
