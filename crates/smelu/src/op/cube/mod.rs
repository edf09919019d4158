//! The CubeCL backends (wgpu, CUDA): one family of kernels, generated from the recorded formulas.
//!
//! A formula is recorded once, as for the composed reference, and the recording is unrolled into the kernel when the
//! kernel is compiled: one kernel per formula and direction, its parameters handed over at launch. Elements of half
//! precision are computed in single precision and rounded once; double precision takes the composed reference.

mod code;
#[allow(clippy::needless_pass_by_value, reason = "what a kernel is given at compile time, it is given by value")]
mod elementary;
mod evaluate;
#[allow(clippy::trivially_copy_pass_by_ref, reason = "a view is a type without content until the kernel is compiled")]
#[allow(clippy::used_underscore_binding, reason = "the macro reads what only it can read")]
mod kernel;
mod launch;

use burn::tensor::backend::DeviceOps;
use burn::tensor::ops::{FloatTensor, FloatTensorOps};
use burn::tensor::{DType, TensorMetadata};
use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{BoolElement, CubeBackend, CubeRuntime, FloatElement, IntElement};
use cubecl::server::ComputeServer;

use super::{ActivationBackend, Curve, Formula, composed, one_row};

impl<R, F, I, BT> ActivationBackend for CubeBackend<R, F, I, BT>
where
    R: CubeRuntime,
    R::Server: ComputeServer,
    R::Device: DeviceOps,
    F: FloatElement,
    I: IntElement,
    BT: BoolElement,
{
    fn activation(x: FloatTensor<Self>, curve: Curve) -> FloatTensor<Self> {
        match Way::of([&x]) {
            Way::Empty => x,
            Way::Kernel => launch::forward(x, &curve),
            Way::Composed => composed::forward::<Self>(x, &curve),
        }
    }

    fn activation_backward(x: FloatTensor<Self>, grad: FloatTensor<Self>, curve: Curve) -> FloatTensor<Self> {
        match Way::of([&x, &grad]) {
            Way::Empty => grad,
            Way::Kernel => launch::backward(x, grad, &curve),
            Way::Composed => composed::backward::<Self>(x, grad, &curve),
        }
    }

    fn activation_of_sum(x: FloatTensor<Self>, b: FloatTensor<Self>, curve: Curve) -> FloatTensor<Self> {
        let b = Self::float_expand(one_row::<Self>(b), x.shape());
        match Way::of([&x, &b]) {
            Way::Empty => x,
            Way::Kernel => launch::forward_of_sum(x, b, &curve),
            Way::Composed => composed::forward::<Self>(Self::float_add(x, b), &curve),
        }
    }

    fn activation_of_sum_backward(
        x: FloatTensor<Self>,
        b: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        curve: Curve,
    ) -> FloatTensor<Self> {
        let b = Self::float_expand(one_row::<Self>(b), x.shape());
        match Way::of([&x, &b, &grad]) {
            Way::Empty => grad,
            Way::Kernel => launch::backward_of_sum(x, b, grad, &curve),
            Way::Composed => composed::backward::<Self>(Self::float_add(x, b), grad, &curve),
        }
    }

    fn activation_with(x: FloatTensor<Self>, parameters: FloatTensor<Self>, formula: Formula) -> FloatTensor<Self> {
        match Way::of([&x, &parameters]) {
            Way::Empty => x,
            Way::Kernel => launch::forward_with(x, parameters, formula),
            Way::Composed => composed::forward_with::<Self>(x, &parameters, formula),
        }
    }

    fn activation_with_backward(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        parameters: FloatTensor<Self>,
        formula: Formula,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        match Way::of([&x, &grad, &parameters]) {
            Way::Empty => {
                let none = Self::float_zeros(parameters.shape(), &x.device, parameters.dtype.into());
                (grad, none)
            }
            Way::Kernel => launch::backward_with(x, grad, parameters, formula),
            Way::Composed => composed::backward_with::<Self>(x, &grad, &parameters, formula),
        }
    }
}

/// How an operation is done.
enum Way {
    /// There is nothing to compute.
    Empty,
    Kernel,
    Composed,
}

impl Way {
    /// The way for `tensors`, the first of which has the elements that the formula is applied to.
    fn of<R: CubeRuntime, const N: usize>(tensors: [&CubeTensor<R>; N]) -> Self {
        if tensors[0].shape().num_elements() == 0 {
            Self::Empty
        } else if tensors.iter().all(|tensor| matches!(tensor.dtype, DType::F32 | DType::F16 | DType::BF16)) {
            Self::Kernel
        } else {
            Self::Composed
        }
    }
}
