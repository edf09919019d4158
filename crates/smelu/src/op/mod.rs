//! The activations as operations of a backend.
//!
//! [`ActivationBackend`] is the one extension trait: its default bodies are the composed reference, correct on every
//! backend; the CPU backends replace them with single-pass kernels, and the autodiff decorator adds the backward pass.

mod autodiff;
mod composed;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod cube;
mod curve;
#[cfg(feature = "flex")]
mod flex;
#[cfg(any(feature = "flex", feature = "ndarray"))]
mod host;
#[cfg(feature = "ndarray")]
mod ndarray;
mod program;

use burn::tensor::backend::Backend;
use burn::tensor::ops::FloatTensor;
use burn::tensor::{Tensor, TensorPrimitive};

pub use curve::Curve;

/// A backend that can apply the activations of this crate.
///
/// Implemented for `Flex`, `NdArray`, the CubeCL backends and `Autodiff` over any of them. A backend of your own needs
/// one line: `impl ActivationBackend for MyBackend {}`.
pub trait ActivationBackend: Backend {
    /// `f(x)`, elementwise; the shape of `x`.
    #[must_use]
    fn activation(x: FloatTensor<Self>, curve: Curve) -> FloatTensor<Self> {
        composed::forward::<Self>(x, curve)
    }

    /// `grad · f'(x)`, elementwise, where `grad` has the shape of `x`: the gradient with respect to `x`.
    #[must_use]
    fn activation_backward(x: FloatTensor<Self>, grad: FloatTensor<Self>, curve: Curve) -> FloatTensor<Self> {
        composed::backward::<Self>(x, grad, curve)
    }
}

/// Applies `curve` to every element of `x`; the shape stays.
#[must_use]
pub fn activation<B: ActivationBackend, const D: usize>(x: Tensor<B, D>, curve: Curve) -> Tensor<B, D> {
    Tensor::from_primitive(TensorPrimitive::Float(B::activation(x.into_primitive().tensor(), curve)))
}

/// The composed reference of [`activation`]: the same definition as a chain of tensor operations, on any backend.
#[must_use]
pub fn composed_activation<B: Backend, const D: usize>(x: Tensor<B, D>, curve: Curve) -> Tensor<B, D> {
    Tensor::from_primitive(TensorPrimitive::Float(composed::forward::<B>(x.into_primitive().tensor(), curve)))
}

/// The composed reference of the backward pass: `grad · f'(x)`, where `grad` has the shape of `x`.
///
/// This is not what autodiff makes of [`composed_activation`]: that multiplies the derivatives of every intermediate
/// step, and gives NaN where an unused branch has an infinite one.
#[must_use]
pub fn composed_activation_backward<B: Backend, const D: usize>(
    x: Tensor<B, D>,
    grad: Tensor<B, D>,
    curve: Curve,
) -> Tensor<B, D> {
    let (x, grad) = (x.into_primitive().tensor(), grad.into_primitive().tensor());
    Tensor::from_primitive(TensorPrimitive::Float(composed::backward::<B>(x, grad, curve)))
}
