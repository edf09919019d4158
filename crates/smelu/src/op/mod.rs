//! The activations as operations of a backend.
//!
//! [`ActivationBackend`] is the one extension trait: its default bodies are the composed reference, correct on every
//! backend; the CPU and CubeCL backends replace them with single-pass kernels, and the autodiff decorator adds the
//! backward pass.

mod autodiff;
mod composed;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod cube;
mod curve;
#[cfg(feature = "flex")]
mod flex;
#[cfg(feature = "fusion")]
mod fusion;
#[cfg(any(feature = "flex", feature = "ndarray"))]
mod host;
#[cfg(feature = "ndarray")]
mod ndarray;
mod program;
mod regions;
#[cfg(any(feature = "flex", feature = "ndarray"))]
mod slice;

use burn::tensor::backend::Backend;
use burn::tensor::ops::FloatTensor;
use burn::tensor::{Shape, Tensor, TensorMetadata, TensorPrimitive};

pub use curve::{Curve, Formula};
pub use regions::Regions;

/// A backend that can apply the activations of this crate.
///
/// Implemented for `Flex`, `NdArray`, the CubeCL backends, `Fusion` over these with the feature `fusion`, and `Autodiff`
/// over any of them. A backend of your own needs one line: `impl ActivationBackend for MyBackend {}`.
pub trait ActivationBackend: Backend {
    /// `f(x)`, elementwise; the shape of `x`.
    #[must_use]
    fn activation(x: FloatTensor<Self>, curve: Curve) -> FloatTensor<Self> {
        composed::forward::<Self>(x, &curve)
    }

    /// `grad · f'(x)`, elementwise, where `grad` has the shape of `x`: the gradient with respect to `x`.
    #[must_use]
    fn activation_backward(x: FloatTensor<Self>, grad: FloatTensor<Self>, curve: Curve) -> FloatTensor<Self> {
        composed::backward::<Self>(x, grad, &curve)
    }

    /// `f(x + b)`, where `b` is added to each row; x: [B, C], b: \[C\], the result: [B, C].
    #[must_use]
    fn activation_of_sum(x: FloatTensor<Self>, b: FloatTensor<Self>, curve: Curve) -> FloatTensor<Self> {
        Self::activation(Self::float_add(x, one_row::<Self>(b)), curve)
    }

    /// `grad · f'(x + b)`, where `grad` has the shape of `x`: the gradient of [`activation_of_sum`](Self::activation_of_sum) with respect to
    /// `x`. That of `b` is its sum over the rows.
    #[must_use]
    fn activation_of_sum_backward(
        x: FloatTensor<Self>,
        b: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        curve: Curve,
    ) -> FloatTensor<Self> {
        Self::activation_backward(Self::float_add(x, one_row::<Self>(b)), grad, curve)
    }

    /// Whether the backward pass of [`activation`](Self::activation) may start from the output, where the formula allows it:
    /// the input is then given up as soon as the output is there, which may take its memory.
    const FROM_OUTPUT: bool = false;

    /// `grad · f'(x)` of SmeLU of half-width `beta` (0 for ReLU) from its output y = f(x): with m = √(y/β) up to y = β.
    #[must_use]
    fn smelu_backward_from_output(y: FloatTensor<Self>, grad: FloatTensor<Self>, beta: f64) -> FloatTensor<Self> {
        composed::smelu_backward_from_output::<Self>(y, grad, beta)
    }

    /// `f(x)` with parameters that are tensors: `[P, U]`, one row for each parameter of `formula`, U either 1 (one value
    /// for the layer) or the size of the last axis of `x` (one for each unit).
    #[must_use]
    fn activation_with(x: FloatTensor<Self>, parameters: FloatTensor<Self>, formula: Formula) -> FloatTensor<Self> {
        composed::forward_with::<Self>(x, &parameters, formula)
    }

    /// The gradients of [`activation_with`](Self::activation_with) with respect to `x` and to `parameters`, in their
    /// shapes; the second is summed in an order that does not depend on the number of threads.
    #[must_use]
    fn activation_with_backward(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        parameters: FloatTensor<Self>,
        formula: Formula,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        composed::backward_with::<Self>(x, &grad, &parameters, formula)
    }
}

/// \[C\] as [1, C].
fn one_row<B: Backend>(b: FloatTensor<B>) -> FloatTensor<B> {
    let columns = b.shape().num_elements();
    B::float_reshape(b, Shape::new([1, columns]))
}

fn float<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> FloatTensor<B> {
    tensor.into_primitive().tensor()
}

fn tensor<B: Backend, const D: usize>(float: FloatTensor<B>) -> Tensor<B, D> {
    Tensor::from_primitive(TensorPrimitive::Float(float))
}

/// Applies `curve` to every element of `x`; the shape stays.
#[must_use]
pub fn activation<B: ActivationBackend, const D: usize>(x: Tensor<B, D>, curve: Curve) -> Tensor<B, D> {
    tensor(B::activation(float(x), curve))
}

/// Applies `formula` with learnable `parameters` to every element of `x` `[…, U]`; the shape stays.
///
/// `parameters` is `[P, U]` or `[P, 1]`, one row for each parameter in the order of the formula.
///
/// # Panics
///
/// If the shape of `parameters` is another one.
#[must_use]
pub fn activation_with<B: ActivationBackend, const D: usize>(
    x: Tensor<B, D>,
    parameters: Tensor<B, 2>,
    formula: Formula,
) -> Tensor<B, D> {
    let ([rows, units], last) = (parameters.dims(), x.dims()[D - 1]);
    assert!(
        rows == formula.parameters() && (units == 1 || units == last),
        "{formula:?} over a last axis of {last} takes parameters [{}, 1] or [{0}, {last}], not [{rows}, {units}]",
        formula.parameters()
    );
    tensor(B::activation_with(float(x), float(parameters), formula))
}

/// The composed reference of [`activation`]: the same definition as a chain of tensor operations, on any backend.
#[must_use]
pub fn composed_activation<B: Backend, const D: usize>(x: Tensor<B, D>, curve: Curve) -> Tensor<B, D> {
    tensor(composed::forward::<B>(float(x), &curve))
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
    tensor(composed::backward::<B>(float(x), float(grad), &curve))
}

/// `grad · f'(x)` of SmeLU of half-width `beta` (0 for ReLU) from its output `y`; `grad` has the shape of `y`.
#[must_use]
pub fn smelu_backward_from_output<B: ActivationBackend, const D: usize>(
    y: Tensor<B, D>,
    grad: Tensor<B, D>,
    beta: f64,
) -> Tensor<B, D> {
    tensor(B::smelu_backward_from_output(float(y), float(grad), beta))
}

/// The composed reference of [`smelu_backward_from_output`].
#[must_use]
pub fn composed_smelu_backward_from_output<B: Backend, const D: usize>(
    y: Tensor<B, D>,
    grad: Tensor<B, D>,
    beta: f64,
) -> Tensor<B, D> {
    tensor(composed::smelu_backward_from_output::<B>(float(y), float(grad), beta))
}

/// The composed reference of [`activation_with`] and of its gradients: the value, the gradient with respect to `x` and
/// the one with respect to `parameters`, for the upstream gradient `grad`.
#[must_use]
pub fn composed_activation_with<B: Backend, const D: usize>(
    x: Tensor<B, D>,
    grad: Tensor<B, D>,
    parameters: Tensor<B, 2>,
    formula: Formula,
) -> (Tensor<B, D>, Tensor<B, D>, Tensor<B, 2>) {
    let (grad, parameters) = (float(grad), float(parameters));
    let value = composed::forward_with::<B>(float(x.clone()), &parameters, formula);
    let (of_x, of_parameters) = composed::backward_with::<B>(float(x), &grad, &parameters, formula);
    (tensor(value), tensor(of_x), tensor(of_parameters))
}
