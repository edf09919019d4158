//! Running one check on every backend of the build.

use burn::backend::Autodiff;
use burn::tensor::backend::Backend;
use burn::tensor::{DType, Tensor, TensorData};
use smelu::op::{ActivationBackend, Curve, activation};

/// Makes a module of `#[test]`s, one per function named, for each backend.
macro_rules! on_each_backend {
    ($($check:ident),* $(,)?) => {
        #[cfg(feature = "flex")]
        mod flex {
            $(#[test] fn $check() { super::$check::<burn::backend::Flex>(); })*
        }
        #[cfg(feature = "ndarray")]
        mod ndarray {
            $(#[test] fn $check() { super::$check::<burn::backend::NdArray>(); })*
        }
    };
}
pub(crate) use on_each_backend;

/// Curves of every kind, edge values of the parameters included.
pub(crate) const CURVES: &[Curve] =
    &[Curve::Smelu { beta: 0.0 }, Curve::Smelu { beta: 0.5 }, Curve::Smelu { beta: 4.0 }, Curve::Relu, Curve::Identity];

/// A tensor of `values` in the element type `dtype`.
pub(crate) fn tensor<B: Backend, const D: usize>(values: &[f64], shape: [usize; D], dtype: DType) -> Tensor<B, D> {
    let data = TensorData::new(values.to_vec(), shape).convert_dtype(dtype);
    Tensor::from_data(data, (&B::Device::default(), dtype))
}

/// The elements in row-major order.
pub(crate) fn elements<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Vec<f64> {
    tensor.into_data().convert::<f64>().to_vec().expect("converted to f64 above")
}

/// The value and the gradient of the sum of the outputs at each element, through autodiff.
pub(crate) fn value_and_slope<B: ActivationBackend>(x: &[f64], curve: Curve, dtype: DType) -> (Vec<f64>, Vec<f64>) {
    let x = tensor::<Autodiff<B>, 1>(x, [x.len()], dtype).require_grad();
    let y = activation(x.clone(), curve);
    let grads = y.clone().sum().backward();
    (elements(y), elements(x.grad(&grads).expect("x requires a gradient")))
}

/// Whether `single` is within 8 units in the last place of `exact` in `f32`, or within 1e-6 near 0.
pub(crate) fn close_in_f32(single: f64, exact: f64) -> bool {
    let nearest = exact as f32;
    let ulp = f64::from(f32::from_bits(nearest.abs().to_bits() + 1)) - f64::from(nearest.abs());
    (single - exact).abs() <= (8.0 * ulp).max(if exact.abs() < 1e-3 { 1e-6 } else { 0.0 })
}
