//! Quotients of tensors, and shares that add up to 1.
//!
//! Burn's own backward passes multiply by reciprocals, which on `NdArray` are estimates of 8 to 14 bits, depending on the processor.
use burn::tensor::{Tensor, TensorPrimitive};

use crate::op::ModelBackend;

/// a/b, where b may have one number for a whole dimension of a. Differentiable.
pub(crate) fn quotient<B: ModelBackend, const D: usize>(a: Tensor<B, D>, b: Tensor<B, D>) -> Tensor<B, D> {
    let [a, b] = [a, b].map(|tensor| tensor.into_primitive().tensor());
    Tensor::from_primitive(TensorPrimitive::Float(B::quotient(a, b)))
}

/// `y_k = exp(x_k)/Σ_j exp(x_j)` along a dimension. Differentiable.
pub(crate) fn softmax<B: ModelBackend, const D: usize>(x: Tensor<B, D>, dim: usize) -> Tensor<B, D> {
    Tensor::from_primitive(TensorPrimitive::Float(B::shares(x.into_primitive().tensor(), dim)))
}
