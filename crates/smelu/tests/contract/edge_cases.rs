//! Not-a-number, infinities, signed zero, subnormals, β = 0, empty tensors.

use burn::backend::Autodiff;
use burn::tensor::{DType, Tensor, TensorMetadata, TensorPrimitive};
use smelu::op::{ActivationBackend, Curve, activation, activation_with, composed_activation};

use crate::backends::{close, curves, elements, on_each_backend, supported, tensor, value_and_slope};

const DTYPES: [DType; 2] = [DType::F32, DType::F64];

fn nan_stays_nan<B: ActivationBackend>() {
    // All that fail, because what fails says what a device does with such numbers.
    let mut wrong = Vec::new();
    for dtype in supported::<B>(DTYPES) {
        for (text, curve) in curves() {
            for nan in [f64::NAN, -f64::NAN] {
                let (values, slopes) = value_and_slope::<B>(&[1.0, nan, -1.0], &curve, dtype);
                let expected = [false, true, false];
                if [&values, &slopes].iter().any(|found| found.iter().map(|y| y.is_nan()).ne(expected)) {
                    wrong.push(format!("{text} {dtype:?}: values {values:?}, slopes {slopes:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn the_composed_form_keeps_nan_too<B: ActivationBackend>() {
    for (text, curve) in curves() {
        let x = tensor::<Autodiff<B>, 1>(&[f64::NAN], [1], DType::F32).require_grad();
        let y = composed_activation(x.clone(), curve);
        assert!(elements(y)[0].is_nan(), "{text}");
    }
}

fn infinities_have_limits<B: ActivationBackend>() {
    let mut wrong = Vec::new();
    for dtype in supported::<B>(DTYPES) {
        for (text, curve) in curves() {
            // Where the function is a line, or nearly one, it is so from here on.
            let far = value_and_slope::<B>(&[1e6, -1e6], &curve, dtype);
            let (values, slopes) = value_and_slope::<B>(&[f64::INFINITY, f64::NEG_INFINITY], &curve, dtype);
            for side in 0..2 {
                let limit = if far.0[side].abs() > 100.0 { far.0[side] * f64::INFINITY } else { far.0[side] };
                if !close(values[side], limit, 1e-5) || !close(slopes[side], far.1[side], 1e-5) {
                    let (value, slope) = (values[side], slopes[side]);
                    wrong.push(format!("{text} {dtype:?}: {value} for {limit}, slope {slope} for {}", far.1[side]));
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        let (values, slopes) = value_and_slope::<B>(&[f64::INFINITY, f64::NEG_INFINITY], &Curve::smelu(1.0), dtype);
        assert_eq!((values, slopes), (vec![f64::INFINITY, 0.0], vec![1.0, 0.0]));
    }
}

#[test]
fn derivatives_of_parameters_have_limits_far_out() {
    for (text, curve) in curves() {
        for x in [1e30, -1e30, f64::from(f32::MAX), f64::INFINITY, f64::NEG_INFINITY] {
            for (p, slope) in curve.parameter_slopes(x).into_iter().enumerate() {
                assert!(!slope.is_nan(), "{text} at {x}: parameter {p}");
            }
        }
    }
}

/// In single precision, where squares of such inputs overflow.
fn derivatives_of_parameters_are_numbers_far_out<B: ActivationBackend>() {
    let far = f64::from(f32::MAX);
    let mut wrong = Vec::new();
    for (text, curve) in curves().filter(|(_, curve)| !curve.parameters().is_empty()) {
        for x in [1e30, -1e30, far, -far, f64::INFINITY, f64::NEG_INFINITY] {
            let rows = [curve.parameters().len(), 1];
            let leaf = tensor::<Autodiff<B>, 2>(&[x], [1, 1], DType::F32).require_grad();
            let table = tensor::<Autodiff<B>, 2>(curve.parameters(), rows, DType::F32).require_grad();
            let grads = activation_with(leaf.clone(), table.clone(), curve.formula()).sum().backward();
            for (what, grad) in [("slope", leaf.grad(&grads)), ("derivatives", table.grad(&grads))] {
                let found = elements(grad.expect("it requires a gradient"));
                if found.iter().any(|number| number.is_nan()) {
                    wrong.push(format!("{text} at {x:e}: {what} {found:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn zeros_of_both_signs_are_equal<B: ActivationBackend>() {
    for (text, curve) in curves() {
        let (values, slopes) = value_and_slope::<B>(&[0.0, -0.0], &curve, DType::F32);
        assert_eq!(values[0], values[1], "{text}");
        assert_eq!(slopes[0], slopes[1], "{text}");
    }
}

/// The smallest subnormal number.
fn tiny() -> f64 {
    f64::from(f32::from_bits(1))
}

/// Whether the device takes subnormal numbers for 0, as Vulkan lets it.
fn flushes_subnormals<B: ActivationBackend>() -> bool {
    let x = tensor::<B, 1>(&[tiny()], [1], DType::F32);
    elements(x.clone() + x)[0] == 0.0
}

fn smelu_of_width_0_is_relu<B: ActivationBackend>() {
    let tiny = tiny();
    let x = [-1e30, -2.0, -tiny, -0.0, 0.0, tiny, 0.25, 3.0, 1e30, f64::INFINITY, f64::NEG_INFINITY];
    let x = x.map(|x| f64::from(x as f32));
    let relu = |x: f64| if x > 0.0 { (x, 1.0) } else { (0.0, 0.0) };
    let flushes = flushes_subnormals::<B>();
    for curve in [Curve::smelu(0.0), Curve::relu()] {
        let (values, slopes) = value_and_slope::<B>(&x, &curve, DType::F32);
        for (x, found) in x.into_iter().zip(values.into_iter().zip(slopes)) {
            let flushed = flushes && x.abs() == tiny && [0.0, x].contains(&found.0) && found.1 == 0.0;
            let allowed = found == relu(x) || flushed;
            assert!(allowed, "{curve:?} at {x:e}: {found:?}");
        }
    }
}

fn subnormal_inputs_and_widths_are_exact<B: ActivationBackend>() {
    let tiny = tiny();
    let (values, slopes) = value_and_slope::<B>(&[tiny, -tiny], &Curve::smelu(1.0), DType::F32);
    assert_eq!((values, slopes), (vec![0.25, 0.25], vec![0.5, 0.5]));
    let (_, slopes) = value_and_slope::<B>(&[0.0, 4.0 * tiny, -4.0 * tiny], &Curve::smelu(4.0 * tiny), DType::F32);
    // A width that is flushed is 0: the slopes of ReLU.
    let exact = slopes == [0.5, 1.0, 0.0];
    assert!(exact || flushes_subnormals::<B>() && slopes == [0.0; 3], "{slopes:?}");
}

fn an_empty_tensor_stays_empty<B: ActivationBackend>() {
    let device = B::Device::default();
    let empty = || tensor::<B, 2>(&[], [0, 3], DType::F32).into_primitive().tensor();
    for (text, curve) in curves() {
        assert_eq!(B::activation(empty(), curve).shape().dims(), [0, 3], "{text}");
        assert_eq!(B::activation_backward(empty(), empty(), curve).shape().dims(), [0, 3], "{text}");
        let rows = curve.parameters().len();
        if rows > 0 {
            let parameters = || Tensor::<B, 2>::ones([rows, 3], &device).into_primitive().tensor();
            let y = B::activation_with(empty(), parameters(), curve.formula());
            let (of_x, sums) = B::activation_with_backward(empty(), empty(), parameters(), curve.formula());
            assert_eq!((y.shape().dims(), of_x.shape().dims()), ([0, 3], [0, 3]), "{text}");
            let sums = Tensor::<B, 2>::from_primitive(TensorPrimitive::Float(sums));
            assert_eq!(elements(sums), vec![0.0; 3 * rows], "{text}");
        }
    }
}

/// As above through autodiff, where the backend can sum no elements: Burn's CubeCL backends cannot.
fn an_empty_tensor_has_an_empty_gradient<B: ActivationBackend>() {
    if B::name(&B::Device::default()).contains("cubecl") {
        return;
    }
    for (text, curve) in curves() {
        let x = tensor::<Autodiff<B>, 2>(&[], [0, 3], DType::F32).require_grad();
        let y = activation(x.clone(), curve);
        assert_eq!(y.dims(), [0, 3], "{text}");
        let grads = y.sum().backward();
        assert_eq!(x.grad(&grads).expect("x requires a gradient").dims(), [0, 3]);
    }
}

fn the_transition_meets_both_lines<B: ActivationBackend>() {
    for beta in [1e-20, 0.1, 1.0, 7.3, 1e20] {
        let x = [-beta, beta, f64::from((beta as f32).next_down()), -f64::from((beta as f32).next_down())];
        let (values, slopes) = value_and_slope::<B>(&x, &Curve::smelu(beta), DType::F32);
        let beta = f64::from(beta as f32);
        assert_eq!((values[0], values[1]), (0.0, beta), "{beta}");
        assert_eq!((slopes[0], slopes[1]), (0.0, 1.0), "{beta}");
        assert!(values[2] <= beta && slopes[2] <= 1.0, "{beta}");
        assert!(values[3] >= 0.0 && slopes[3] > 0.0, "{beta}");
    }
}

/// Half precision, where the backend has it: the result is that of single precision, rounded once.
fn half_precision_rounds_once<B: ActivationBackend>() {
    let x: Vec<f64> = (-64..=64).map(|i| f64::from(i) / 16.0).chain([-60000.0, -300.0, 300.0, 60000.0]).collect();
    for dtype in supported::<B>([DType::F16, DType::BF16]) {
        let rounded = |x: &[f64]| elements(tensor::<B, 1>(x, [x.len()], dtype));
        let x = rounded(&x);
        for (text, curve) in curves() {
            let single = value_and_slope::<B>(&x, &curve, DType::F32);
            let half = value_and_slope::<B>(&x, &curve, dtype);
            assert_eq!(half, (rounded(&single.0), rounded(&single.1)), "{text} {dtype:?}");
        }
        // Squares of the input, as in an expanded polynomial, would overflow here.
        let (values, _) = value_and_slope::<B>(&[300.0, -300.0], &Curve::smelu(400.0), DType::F16);
        assert!((values[0] - 306.25).abs() < 0.5 && (values[1] - 6.25).abs() < 0.01, "{values:?}");
    }
}

on_each_backend!(
    nan_stays_nan,
    the_composed_form_keeps_nan_too,
    infinities_have_limits,
    derivatives_of_parameters_are_numbers_far_out,
    zeros_of_both_signs_are_equal,
    smelu_of_width_0_is_relu,
    subnormal_inputs_and_widths_are_exact,
    an_empty_tensor_stays_empty,
    an_empty_tensor_has_an_empty_gradient,
    the_transition_meets_both_lines,
    half_precision_rounds_once,
);
