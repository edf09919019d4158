//! Running one check on every backend of the build, over every kind of activation.

use burn::backend::Autodiff;
use burn::tensor::backend::Backend;
use burn::tensor::{DType, Tensor, TensorData};
use smelu::ActivationConfig;
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
        #[cfg(feature = "wgpu")]
        mod wgpu {
            $(#[test] fn $check() {
                if crate::accelerator::has_wgpu() {
                    super::$check::<burn::backend::Wgpu>();
                }
            })*
        }
        #[cfg(feature = "cuda")]
        mod cuda {
            $(#[test] fn $check() {
                if crate::accelerator::has_cuda() {
                    super::$check::<burn::backend::Cuda>();
                }
            })*
        }
    };
}
pub(crate) use on_each_backend;

/// One of every kind, edge values of the parameters included.
pub(crate) const ACTIVATIONS: &[&str] = &[
    "SmeLU(beta=0)",
    "SmeLU(beta=0.5)",
    "SmeLU(beta=4)",
    "LeakySmeLU(beta=0.7, slope=0.1)",
    "MeanFreeSmeLU(beta=1.5)",
    "gSmeLU(alpha=0.5, beta=2, g_minus=0.05, g_plus=1, t=-0.025)",
    "gSmeLU(alpha=1, beta=0.3, g_minus=-0.2, g_plus=1.5, t=0.1)",
    "gSmeLU(alpha=0, beta=0, g_minus=0.25)",
    "RESCU-smoothstep(alpha=1, beta=1)",
    "RESCU-cosine(alpha=0.5, beta=1.5, g_minus=0.1)",
    "RESCU-quintic(alpha=1.5, beta=0.5, g_minus=-0.1, g_plus=0.9, t=0.2)",
    "Cascade1(lo1=-0.5, hi1=1, g0=0.1, g1=1)",
    "Cascade2",
    "Cascade3(g1=-0.5, g2=1.5, t=0.3)",
    "Cascade4(hi2=2, lo3=2, g0=0, g4=0)",
    "Cascade6(hi1=0.5, lo2=0.5, hi2=0.5, g0=-0.2, g3=1.4, g6=0, t=0.3)",
    "Cascade16(g0=0.1)",
    "ReLU",
    "Identity",
    "LeakyReLU(slope=0.1)",
    "SoftPlus(beta=2)",
    "Swish(beta=1.5)",
    "SiLU",
    "GELU(beta=0.8)",
    "GELU-tanh",
    "Mish(beta=1.2)",
    "TanhExp(beta=0.9)",
    "ELU(alpha=0.7)",
    "CELU(alpha=1.3)",
    "SELU",
    "SquarePlus(b=2)",
];

/// The config written as `text`.
pub(crate) fn config(text: &str) -> ActivationConfig {
    text.parse().expect(text)
}

/// Every one of [`ACTIVATIONS`] with its text.
pub(crate) fn curves() -> impl Iterator<Item = (&'static str, Curve)> {
    ACTIVATIONS.iter().map(|text| (*text, config(text).curve()))
}

/// Those of `dtypes` that the backend computes with.
pub(crate) fn supported<B: Backend>(dtypes: [DType; 2]) -> impl Iterator<Item = DType> {
    dtypes.into_iter().filter(|dtype| match dtype {
        DType::F64 => has_f64::<B>(),
        dtype => B::supports_dtype(&B::Device::default(), *dtype),
    })
}

/// Whether the backend computes in double precision. Where wgpu has the type it still has none of the elementary functions:
/// Vulkan defines them up to single precision.
pub(crate) fn has_f64<B: Backend>() -> bool {
    let device = B::Device::default();
    B::supports_dtype(&device, DType::F64) && !B::name(&device).contains("wgpu")
}

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
pub(crate) fn value_and_slope<B: ActivationBackend>(x: &[f64], curve: &Curve, dtype: DType) -> (Vec<f64>, Vec<f64>) {
    let x = tensor::<Autodiff<B>, 1>(x, [x.len()], dtype).require_grad();
    let y = activation(x.clone(), *curve);
    let grads = y.clone().sum().backward();
    (elements(y), elements(x.grad(&grads).expect("x requires a gradient")))
}

/// Whether `single` is within 8 units in the last place of `exact` in `f32`, or within 1e-6 near 0.
pub(crate) fn close_in_f32(single: f64, exact: f64) -> bool {
    let nearest = (exact as f32).abs();
    let ulp = f64::from(nearest.next_up()) - f64::from(nearest);
    (single - exact).abs() <= (8.0 * ulp).max(if exact.abs() < 0.1 { 1e-6 } else { 0.0 })
}

/// Whether two numbers agree to `relative` of the larger, or to `relative` near 0; NaN agrees with NaN.
pub(crate) fn close(a: f64, b: f64, relative: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= relative * a.abs().max(b.abs()).max(1.0)
}
