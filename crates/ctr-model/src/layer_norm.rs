//! Layer normalisation.
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use crate::init::Initializer;
use crate::op::ModelBackend;
use crate::quotient::quotient;

/// y = γ·(x − mean)/√(variance + ε) + β over the last axis, with the biased variance; `[…, C]` → `[…, C]`.
///
/// # Reference
/// Ba, Kiros & Hinton, "Layer normalization", arXiv 1607.06450, section 3.
#[derive(Module, Debug)]
pub struct LayerNorm<B: Backend> {
    /// The scale γ, \[C\].
    pub gamma: Param<Tensor<B, 1>>,
    /// The shift β, \[C\].
    pub beta: Param<Tensor<B, 1>>,
    epsilon: f64,
}

impl<B: Backend> LayerNorm<B> {
    /// γ = 1 and β = 0; ε = 1e-5.
    #[must_use]
    pub fn new(columns: usize, init: Initializer<'_, B>) -> Self {
        Self { gamma: init.constant(columns, 1.0), beta: init.constant(columns, 0.0), epsilon: 1e-5 }
    }
}

impl<B: ModelBackend> LayerNorm<B> {
    /// Applies the layer; `[…, C]` → `[…, C]`.
    #[must_use]
    pub fn forward<const D: usize>(&self, x: Tensor<B, D>) -> Tensor<B, D> {
        let axis = D - 1;
        let centred = x.clone() - x.mean_dim(axis);
        let variance = centred.clone().powi_scalar(2).mean_dim(axis);
        let normalised = quotient(centred, (variance + self.epsilon).sqrt());
        normalised * self.gamma.val().unsqueeze() + self.beta.val().unsqueeze()
    }
}
