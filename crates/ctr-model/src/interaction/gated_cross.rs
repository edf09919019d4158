//! The gated cross network.
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::activation::sigmoid;
use burn::tensor::backend::Backend;

use crate::init::Initializer;
use crate::linear::{Linear, matmul};
use crate::op::ModelBackend;

/// `x_{l+1} = x_0 ⊙ (x_l·W_l + b_l) ⊙ σ(x_l·G_l) + x_l`.
///
/// # Shapes
/// [B, C] → [B, C].
///
/// # Reference
/// Wang et al., "Towards deeper, lighter and interpretable cross network for CTR prediction", arXiv 2311.04635, equation 6.
#[derive(Module, Debug)]
pub struct GatedCrossNetwork<B: Backend> {
    layers: Vec<GatedCrossLayer<B>>,
}

/// One layer.
#[derive(Module, Debug)]
pub struct GatedCrossLayer<B: Backend> {
    /// W with b: [C, C], \[C\].
    linear: Linear<B>,
    /// G, [C, C].
    gate: Param<Tensor<B, 2>>,
}

impl<B: Backend> GatedCrossNetwork<B> {
    /// `layers` layers of width `width`, named under `name`.
    #[must_use]
    pub fn new(name: &str, width: usize, layers: usize, init: Initializer<'_, B>) -> Self {
        let layer = |index| GatedCrossLayer {
            linear: Linear::new(&format!("{name}.layers.{index}.linear"), width, width, init),
            gate: init.xavier_normal(&format!("{name}.layers.{index}.gate"), width, width),
        };
        Self { layers: (0..layers).map(layer).collect() }
    }
}

impl<B: ModelBackend> GatedCrossNetwork<B> {
    /// The output of the last layer; [B, C] → [B, C].
    #[must_use]
    pub fn forward(&self, x0: &Tensor<B, 2>) -> Tensor<B, 2> {
        self.layers.iter().fold(x0.clone(), |x, layer| {
            let gate = sigmoid(matmul(x.clone(), layer.gate.val())); // [B, C]
            x0.clone() * layer.linear.forward(x.clone()) * gate + x
        })
    }
}
