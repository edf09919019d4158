//! The ReLU module.

use burn::module::{Content, Module, ModuleDisplay};
use burn::tensor::Tensor;

use crate::config::ActivationConfig;
use crate::op::{ActivationBackend, Curve, activation};

/// ReLU: `f(x) = max(x, 0)`, with slope 0 at 0.
///
/// Shapes: `[…]` to `[…]`, any rank. NaN gives NaN in the value and in the gradient.
#[derive(Module, Clone, Debug, Default)]
#[module(custom_display)]
pub struct Relu;

impl Relu {
    /// Applies the activation to every element; the shape stays.
    #[must_use]
    pub fn forward<B: ActivationBackend, const D: usize>(&self, x: Tensor<B, D>) -> Tensor<B, D> {
        activation(x, Curve::Relu)
    }
}

impl ModuleDisplay for Relu {
    fn custom_content(&self, content: Content) -> Option<Content> {
        content.add_formatted(&ActivationConfig::Relu).optional()
    }
}
