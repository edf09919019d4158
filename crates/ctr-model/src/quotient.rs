//! Quotients of tensors, and shares that add up to 1.
use burn::tensor::{Tensor, TensorPrimitive};

use crate::op::ModelBackend;

/// a/b, where b may have one number for a whole dimension of a. Differentiable, with quotients in the backward pass: Burn's own multiplies there by
/// reciprocals, which on `NdArray` have 12 bits where the processor has no AVX-512.
pub(crate) fn quotient<B: ModelBackend, const D: usize>(a: Tensor<B, D>, b: Tensor<B, D>) -> Tensor<B, D> {
    let [a, b] = [a, b].map(|tensor| tensor.into_primitive().tensor());
    Tensor::from_primitive(TensorPrimitive::Float(B::quotient(a, b)))
}

/// `y_k = exp(x_k)/Σ_j exp(x_j)` along a dimension; no shares overflow, since the largest x is subtracted first.
///
/// # Gradient
/// `dx_k = y_k·(dy_k − Σ_j dy_j·y_j)`.
pub(crate) fn softmax<B: ModelBackend, const D: usize>(x: Tensor<B, D>, dim: usize) -> Tensor<B, D> {
    let largest = x.clone().detach().max_dim(dim);
    let powers = (x - largest).exp();
    quotient(powers.clone(), powers.sum_dim(dim))
}
