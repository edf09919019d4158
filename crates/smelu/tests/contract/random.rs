//! Random parameters and inputs against the oracle.
//!
//! `PROPTEST_CASES=1000000 cargo test --release -p smelu random` is the long run.

use burn::backend::Autodiff;
use burn::tensor::DType;
use proptest::prelude::*;
use smelu::op::{ActivationBackend, Curve, Formula, activation_with};

use crate::backends::{close, elements, tensor};

/// A formula with parameters that `f32` holds exactly.
fn curve() -> impl Strategy<Value = Curve> {
    let width = prop_oneof![Just(0.0), 1e-3..8.0_f64];
    let slope = -2.0..2.0_f64;
    let scale = 0.1..8.0_f64;
    let two_lines = (width.clone(), width.clone(), slope.clone(), slope.clone(), slope.clone());
    let two_lines = two_lines.prop_map(|(alpha, beta, low, high, t)| vec![alpha, beta, low, high, t]);
    let rescu = prop_oneof![
        Just(Formula::GSmelu),
        Just(Formula::RescuSmoothstep),
        Just(Formula::RescuCosine),
        Just(Formula::RescuQuintic),
    ];
    let scaled = prop_oneof![
        Just(Formula::Softplus),
        Just(Formula::Swish),
        Just(Formula::Gelu),
        Just(Formula::Mish),
        Just(Formula::TanhExp),
        Just(Formula::Celu),
        Just(Formula::SquarePlus),
    ];
    let any = prop_oneof![
        width.clone().prop_map(|beta| (Formula::Smelu, vec![beta])),
        width.clone().prop_map(|beta| (Formula::MeanFreeSmelu, vec![beta])),
        (width, slope.clone()).prop_map(|(beta, slope)| (Formula::LeakySmelu, vec![beta, slope])),
        (rescu, two_lines),
        (scaled, scale).prop_map(|(formula, scale)| (formula, vec![scale])),
        slope.clone().prop_map(|alpha| (Formula::Elu, vec![alpha])),
        slope.prop_map(|slope| (Formula::LeakyRelu, vec![slope])),
    ];
    any.prop_map(|(formula, parameters)| {
        let exact: Vec<f64> = parameters.into_iter().map(|p| f64::from(p as f32)).collect();
        Curve::new(formula, &exact).expect("the right number")
    })
}

fn input() -> impl Strategy<Value = f64> {
    prop_oneof![-10.0..10.0_f64, -1e-3..1e-3_f64, -1e30..1e30_f64, Just(0.0), Just(-0.0)]
        .prop_map(|x| f64::from(x as f32))
}

/// Value, slope and derivatives of the parameters in `f32` are those of the oracle, up to the rounding of terms as large
/// as the input.
fn check<B: ActivationBackend>(curve: &Curve, x: f64) -> Result<(), TestCaseError> {
    let parameters = curve.parameters();
    let leaf = tensor::<Autodiff<B>, 2>(&[x], [1, 1], DType::F32).require_grad();
    let table = tensor::<Autodiff<B>, 2>(parameters, [parameters.len(), 1], DType::F32).require_grad();
    let y = activation_with(leaf.clone(), table.clone(), curve.formula());
    let grads = y.clone().sum().backward();
    let slope = elements(leaf.grad(&grads).expect("it requires a gradient"))[0];
    let derivatives = elements(table.grad(&grads).expect("it requires a gradient"));
    let value = elements(y)[0];
    prop_assert!(close(value, curve.value(x), 4e-6), "{curve:?} at {x}: {value} for {}", curve.value(x));
    prop_assert!(close(slope, curve.slope(x), 4e-6), "{curve:?} at {x}: slope {slope} for {}", curve.slope(x));
    for (p, (single, exact)) in derivatives.iter().zip(curve.parameter_slopes(x)).enumerate() {
        prop_assert!(close(*single, exact, 2e-5), "{curve:?} at {x}: d{p} {single} for {exact}");
    }
    Ok(())
}

proptest! {
    #[cfg(feature = "flex")]
    #[test]
    fn flex_agrees_with_the_oracle(curve in curve(), x in input()) {
        check::<burn::backend::Flex>(&curve, x)?;
    }

    #[cfg(feature = "ndarray")]
    #[test]
    fn ndarray_agrees_with_the_oracle(curve in curve(), x in input()) {
        check::<burn::backend::NdArray>(&curve, x)?;
    }

    #[cfg(feature = "wgpu")]
    #[test]
    fn wgpu_agrees_with_the_oracle(curve in curve(), x in input()) {
        if crate::accelerator::has_wgpu() {
            check::<burn::backend::Wgpu>(&curve, x)?;
        }
    }

    #[cfg(feature = "cuda")]
    #[test]
    fn cuda_agrees_with_the_oracle(curve in curve(), x in input()) {
        if crate::accelerator::has_cuda() {
            check::<burn::backend::Cuda>(&curve, x)?;
        }
    }
}
