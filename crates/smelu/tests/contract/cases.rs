//! Random formulas and inputs, and what each must agree with.

use burn::backend::Autodiff;
use burn::tensor::DType;
use proptest::prelude::*;
use smelu::op::{ActivationBackend, Curve, Formula, activation_with};

use crate::backends::{close, elements, tensor, value_and_slope};

/// A formula with parameters that `f32` holds exactly.
pub(crate) fn curve() -> impl Strategy<Value = Curve> {
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
    let cascade = prop_oneof![1..=4_usize, 5..=16_usize].prop_flat_map(|regions| {
        // A first end, then the distances between ends: each region follows the one before, some of width 0.
        let steps = prop::collection::vec(prop_oneof![Just(0.0), 1e-3..2.0_f64], 2 * regions - 1);
        (-4.0..1.0_f64, steps, prop::collection::vec(-2.0..2.0_f64, regions + 2))
    });
    let cascade = cascade.prop_map(|(first, steps, slopes)| {
        let mut ends = vec![first];
        ends.extend(steps.iter().scan(first, |end, step| {
            *end += step;
            Some(*end)
        }));
        let every_second = |from| ends.iter().skip(from).step_by(2).copied().collect::<Vec<_>>();
        let formula = Formula::cascade(slopes.len() - 2).expect("there is one of so many regions");
        (formula, [every_second(0), every_second(1), slopes].concat())
    });
    let any = prop_oneof![
        1 => width.clone().prop_map(|beta| (Formula::Smelu, vec![beta])),
        1 => width.clone().prop_map(|beta| (Formula::MeanFreeSmelu, vec![beta])),
        1 => (width, slope.clone()).prop_map(|(beta, slope)| (Formula::LeakySmelu, vec![beta, slope])),
        2 => (rescu, two_lines),
        4 => cascade,
        1 => (scaled, scale).prop_map(|(formula, scale)| (formula, vec![scale])),
        1 => slope.clone().prop_map(|alpha| (Formula::Elu, vec![alpha])),
        1 => slope.prop_map(|slope| (Formula::LeakyRelu, vec![slope])),
    ];
    any.prop_map(|(formula, parameters)| {
        let exact: Vec<f64> = parameters.into_iter().map(|p| f64::from(p as f32)).collect();
        Curve::new(formula, &exact).expect("the right number")
    })
}

pub(crate) fn input() -> impl Strategy<Value = f64> {
    prop_oneof![-10.0..10.0_f64, -1e-3..1e-3_f64, -1e30..1e30_f64, Just(0.0), Just(-0.0)]
        .prop_map(|x| f64::from(x as f32))
}

/// Value, slope and derivatives of the parameters in `f32` are those of the oracle, up to the rounding of their terms,
/// which may be as large as the parameters together; so are value and slope with the parameters fixed.
pub(crate) fn check<B: ActivationBackend>(curve: &Curve, x: f64) -> Result<(), TestCaseError> {
    let parameters = curve.parameters();
    let leaf = tensor::<Autodiff<B>, 2>(&[x], [1, 1], DType::F32).require_grad();
    let table = tensor::<Autodiff<B>, 2>(parameters, [parameters.len(), 1], DType::F32).require_grad();
    let y = activation_with(leaf.clone(), table.clone(), curve.formula());
    let grads = y.clone().sum().backward();
    let slope = elements(leaf.grad(&grads).expect("it requires a gradient"))[0];
    let derivatives = elements(table.grad(&grads).expect("it requires a gradient"));
    let value = elements(y)[0];
    let (fixed_value, fixed_slope) = value_and_slope::<B>(&[x], curve, DType::F32);
    let numbers = [value, slope, fixed_value[0], fixed_slope[0]].into_iter().chain(derivatives.iter().copied());
    prop_assert!(
        numbers.into_iter().all(|number| !number.is_nan()),
        "{curve:?} at {x}: {value}, {slope}, {derivatives:?}"
    );
    let terms = 1.0 + parameters.iter().map(|parameter| parameter.abs()).sum::<f64>();
    let exact = curve.value(x);
    for value in [value, fixed_value[0]] {
        prop_assert!(
            (value - exact).abs() <= 1e-6 * terms + 4e-6 * exact.abs(),
            "{curve:?} at {x}: {value} for {exact}"
        );
    }
    let exact = curve.slope(x);
    for slope in [slope, fixed_slope[0]] {
        prop_assert!(close(slope, exact, 4e-6), "{curve:?} at {x}: slope {slope} for {exact}");
    }
    for (p, (single, exact)) in derivatives.iter().zip(curve.parameter_slopes(x)).enumerate() {
        prop_assert!(close(*single, exact, 2e-5), "{curve:?} at {x}: d{p} {single} for {exact}");
    }
    Ok(())
}
