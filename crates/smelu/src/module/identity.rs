//! The identity module.

use burn::module::{Content, Module, ModuleDisplay};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use crate::config::ActivationConfig;

/// The identity: `f(x) = x`. It costs nothing: the tensor passes through.
#[derive(Module, Clone, Debug, Default)]
#[module(custom_display)]
pub struct Identity;

impl Identity {
    /// Returns `x`.
    #[must_use]
    pub fn forward<B: Backend, const D: usize>(&self, x: Tensor<B, D>) -> Tensor<B, D> {
        x
    }
}

impl ModuleDisplay for Identity {
    fn custom_content(&self, content: Content) -> Option<Content> {
        content.add_formatted(&ActivationConfig::Identity).optional()
    }
}
