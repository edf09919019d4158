//! A fully connected layer.
use burn::module::{Module, Param};
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorPrimitive};

use crate::init::Initializer;
use crate::op::ModelBackend;
use crate::precision::Precision;

/// y = x·W + b; [B, I] → [B, O].
///
/// # Gradient
/// dx = dy·Wᵀ, dW = xᵀ·dy, db = Σ dy over the batch, in one hand-written backward pass.
#[derive(Module, Debug)]
pub struct Linear<B: Backend> {
    /// The weights, [I, O].
    pub weight: Param<Tensor<B, 2>>,
    /// The bias, \[O\].
    pub bias: Param<Tensor<B, 1>>,
    /// In which format the products are computed: that of the initialiser, but `f32` for the one output of a logit, whose ranking 8 bits would blur.
    #[module(skip)]
    pub precision: Precision,
}

impl<B: Backend> Linear<B> {
    /// Xavier-normal weights and a bias of 0, named in the seed's stream by `name`.
    #[must_use]
    pub fn new(name: &str, inputs: usize, outputs: usize, init: Initializer<'_, B>) -> Self {
        let weight = init.xavier_normal(&format!("{name}.weight"), inputs, outputs);
        Self { weight, bias: init.constant(outputs, 0.0), precision: precision(outputs, init.precision) }
    }

    /// Weights from N(0, gain²/I) in place of Xavier's, otherwise as [`Linear::new`].
    #[must_use]
    pub fn with_gain(name: &str, inputs: usize, outputs: usize, gain: f64, init: Initializer<'_, B>) -> Self {
        let weight = init.normal(&format!("{name}.weight"), [inputs, outputs], gain / (inputs.max(1) as f64).sqrt());
        Self { weight, bias: init.constant(outputs, 0.0), precision: precision(outputs, init.precision) }
    }
}

fn precision(outputs: usize, asked: Precision) -> Precision {
    if outputs == 1 { Precision::F32 } else { asked }
}

impl<B: ModelBackend> Linear<B> {
    /// Applies the layer; [B, I] → [B, O].
    #[must_use]
    pub fn forward(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        let [x, weight] = [x, self.weight.val()].map(|t| t.into_primitive().tensor());
        let bias = self.bias.val().into_primitive().tensor();
        Tensor::from_primitive(TensorPrimitive::Float(B::affine(x, weight, bias, self.precision)))
    }

    /// x·W, the bias left out; [B, I] → [B, O].
    pub(crate) fn product(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        let [x, weight] = [x, self.weight.val()].map(|t| t.into_primitive().tensor());
        Tensor::from_primitive(TensorPrimitive::Float(B::product(x, weight, self.precision)))
    }
}
