//! The backward pass that starts from the output.

use burn::backend::Autodiff;
use burn::tensor::{DType, Tensor};
use smelu::op::{
    ActivationBackend, Curve, activation, composed_smelu_backward_from_output, smelu_backward_from_output,
};

use crate::backends::{elements, on_each_backend, supported, tensor};

/// On the backends that start from the output.
#[cfg(any(feature = "flex", feature = "ndarray"))]
mod digits {
    use burn::tensor::DType;
    use proptest::prelude::*;
    use smelu::op::{ActivationBackend, Curve};

    use crate::backends::{close_in_f32, value_and_slope};

    /// The slope of SmeLU is that of the input to 8 ulp or 1e-6, for any half-width and next to both ends of the transition,
    /// where the value is tiny or nearly β.
    fn check_slope<B: ActivationBackend>(exponent: f64, position: f64, step: i32) -> Result<(), TestCaseError> {
        let beta = f64::from(10f64.powf(exponent) as f32);
        let mut x = (beta * position) as f32;
        for _ in 0..step.abs() {
            x = if step < 0 { x.next_down() } else { x.next_up() };
        }
        let curve = Curve::smelu(beta);
        let (_, slopes) = value_and_slope::<B>(&[f64::from(x)], &curve, DType::F32);
        let exact = curve.slope(f64::from(x));
        prop_assert!(close_in_f32(slopes[0], exact), "beta {beta:e}, x {x:e}: {} for {exact}", slopes[0]);
        let (_, slopes) = value_and_slope::<B>(&[f64::from(x)], &curve, DType::F64);
        prop_assert!((slopes[0] - exact).abs() <= 1e-12 * exact + 1e-15, "beta {beta:e}, x {x:e}: {}", slopes[0]);
        Ok(())
    }

    fn position() -> impl Strategy<Value = f64> {
        prop_oneof![-1.5..1.5_f64, Just(-1.0), Just(1.0), (-12.0..0.0_f64).prop_map(|small| 10f64.powf(small) - 1.0)]
    }

    proptest! {
        #[cfg(feature = "flex")]
        #[test]
        fn the_slope_keeps_its_digits_on_flex(exponent in -38.0..30.0_f64, position in position(), step in -3..=3) {
            check_slope::<burn::backend::Flex>(exponent, position, step)?;
        }

        #[cfg(feature = "ndarray")]
        #[test]
        fn the_slope_keeps_its_digits_on_ndarray(exponent in -38.0..30.0_f64, position in position(), step in -3..=3) {
            check_slope::<burn::backend::NdArray>(exponent, position, step)?;
        }
    }
}

/// In any layout, and for ReLU, what the composed reference gives.
fn the_kernel_is_its_reference<B: ActivationBackend>() {
    let values: Vec<f64> =
        (0..60).map(|i| (f64::from(i) * 0.37).sin() * 1.5).chain([f64::NAN, f64::INFINITY]).collect();
    let views: [fn(Tensor<B, 2>) -> Tensor<B, 2>; 4] =
        [|x| x, Tensor::transpose, |x| x.slice([0..2, 3..17]), |x| x.flip([0, 1])];
    for dtype in supported::<B>([DType::F32, DType::F64]) {
        for beta in [0.0, 0.5, 1.0] {
            let y = activation(tensor::<B, 2>(&values, [2, 31], dtype), Curve::smelu(beta));
            for view in views {
                let (y, grad) = (view(y.clone()), view(y.clone() + 0.5));
                let fused = elements(smelu_backward_from_output(y.clone(), grad.clone(), beta));
                let composed = elements(composed_smelu_backward_from_output(y, grad, beta));
                for (fused, composed) in fused.iter().zip(&composed) {
                    let same = (fused.is_nan() && composed.is_nan()) || fused == composed;
                    assert!(same || (fused - composed).abs() < 1e-6, "{beta}: {fused} for {composed}");
                }
            }
        }
    }
}

/// The output may be used more than once, and may be changed in place by what follows.
fn the_output_that_is_kept_is_not_overwritten<B: ActivationBackend>() {
    let x = tensor::<Autodiff<B>, 1>(&[-1.0, -0.25, 0.0, 0.25, 1.0], [5], DType::F32).require_grad();
    let y = activation(x.clone() * 1.0, Curve::smelu(0.5));
    let z = (y * 0.0).exp();
    let grads = (activation(x.clone() * 2.0, Curve::smelu(0.5)) * z).sum().backward();
    let gradient = elements(x.grad(&grads).expect("x requires a gradient"));
    assert_eq!(gradient, [0.0, 0.0, 1.0, 2.0, 2.0]);
}

on_each_backend!(the_kernel_is_its_reference, the_output_that_is_kept_is_not_overwritten);
