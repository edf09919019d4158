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

/// a·b in `f32`, for each matrix of the leading dimensions, those of size 1 repeated; [.., M, K], [.., K, N] → [.., M, N]. Differentiable.
///
/// Burn's own product is not used for two matrices, whose gradients it copies transposed, nor on accelerators, where it rounds the factors of `f32`
/// matrices to TF32; see [`ModelBackend::product`].
pub(crate) fn matmul<B: ModelBackend, const D: usize>(a: Tensor<B, D>, b: Tensor<B, D>) -> Tensor<B, D> {
    if B::HOST && D != 2 {
        #[allow(clippy::disallowed_methods, reason = "a host has no other format")]
        return a.matmul(b);
    }
    let ([a_shape, b_shape], mut leading) = ([a.dims(), b.dims()], [1; D]);
    for (dim, size) in leading.iter_mut().enumerate().take(D - 2) {
        *size = a_shape[dim].max(b_shape[dim]);
    }
    let [a, b] = [(a, a_shape), (b, b_shape)].map(|(factor, own)| {
        let mut shape = leading;
        shape[D - 2..].copy_from_slice(&own[D - 2..]);
        if factor.dims() == shape { factor } else { factor.expand(shape) }
    });
    let [a, b] = [a, b].map(|t| t.into_primitive().tensor());
    Tensor::from_primitive(TensorPrimitive::Float(B::product(a, b, Precision::F32)))
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
