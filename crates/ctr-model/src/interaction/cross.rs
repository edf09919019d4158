//! The cross network of DCN: one vector of weights a layer.
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use crate::init::Initializer;
use crate::linear::matmul;
use crate::op::ModelBackend;

/// `x_{l+1} = x_0·⟨w_l, x_l⟩ + b_l + x_l`.
///
/// # Shapes
/// [B, C] → [B, C].
///
/// # Reference
/// Wang et al., "Deep & cross network for ad click predictions", arXiv 1708.05123, equation 3.
#[derive(Module, Debug)]
pub struct CrossNetwork<B: Backend> {
    layers: Vec<CrossLayer<B>>,
}

/// `x_0·⟨w, x⟩ + b`.
#[derive(Module, Debug)]
pub struct CrossLayer<B: Backend> {
    /// w, [C, 1].
    weight: Param<Tensor<B, 2>>,
    /// b, \[C\].
    bias: Param<Tensor<B, 1>>,
}

impl<B: ModelBackend> CrossNetwork<B> {
    /// `layers` layers of width `width`, named under `name`.
    #[must_use]
    pub fn new(name: &str, width: usize, layers: usize, init: Initializer<'_, B>) -> Self {
        Self {
            layers: (0..layers).map(|index| CrossLayer::new(&format!("{name}.layers.{index}"), width, init)).collect(),
        }
    }

    /// The output of the last layer; [B, C] → [B, C].
    #[must_use]
    pub fn forward(&self, x0: &Tensor<B, 2>) -> Tensor<B, 2> {
        self.layers.iter().fold(x0.clone(), |x, layer| layer.forward(x0.clone(), x.clone()) + x)
    }
}

impl<B: ModelBackend> CrossLayer<B> {
    pub(crate) fn new(name: &str, width: usize, init: Initializer<'_, B>) -> Self {
        Self { weight: init.xavier_normal(&format!("{name}.weight"), width, 1), bias: init.constant(width, 0.0) }
    }

    pub(crate) fn forward(&self, x0: Tensor<B, 2>, x: Tensor<B, 2>) -> Tensor<B, 2> {
        x0 * matmul(x, self.weight.val()) + self.bias.val().unsqueeze()
    }
}
