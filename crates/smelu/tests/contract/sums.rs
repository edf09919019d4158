//! The activation of a sum: a row that is added to each row of the elements.

use burn::tensor::{DType, Tensor, TensorPrimitive};
use smelu::op::ActivationBackend;

use crate::backends::{close_in_f32, curves, elements, on_each_backend, tensor};

/// Widths that are and are not multiples of the vectors that a device reads.
const SHAPES: [[usize; 2]; 4] = [[1, 1], [5, 3], [7, 8], [33, 130]];

fn of<B: ActivationBackend>(float: B::FloatTensorPrimitive) -> Tensor<B, 2> {
    Tensor::from_primitive(TensorPrimitive::Float(float))
}

/// Value and gradient are the formula's at x + b, the sum rounded to single precision as a device rounds it.
fn values_and_gradients_are_those_at_the_sum<B: ActivationBackend>() {
    for [rows, columns] in SHAPES {
        let x: Vec<f64> = (0..rows * columns).map(|i| ((i * 37 % 101) as f64 - 50.0) / 16.0).collect();
        let b: Vec<f64> = (0..columns).map(|i| ((i * 13 % 17) as f64 - 8.0) / 8.0).collect();
        let grad: Vec<f64> = (0..rows * columns).map(|i| ((i * 7 % 11) as f64 - 5.0) / 4.0).collect();
        let sum = |i: usize| x[i] + b[i % columns];
        for (text, curve) in curves() {
            let of_shape =
                |values: &[f64]| tensor::<B, 2>(values, [rows, columns], DType::F32).into_primitive().tensor();
            let row = || tensor::<B, 1>(&b, [columns], DType::F32).into_primitive().tensor();
            let y = elements(of::<B>(B::activation_of_sum(of_shape(&x), row(), curve)));
            let dx = elements(of::<B>(B::activation_of_sum_backward(of_shape(&x), row(), of_shape(&grad), curve)));
            for i in 0..rows * columns {
                let (value, slope) = (curve.value(sum(i)), grad[i] * curve.slope(sum(i)));
                assert!(close_in_f32(y[i], value), "{text}, {rows} x {columns}, {i}: {} for {value}", y[i]);
                let close = close_in_f32(dx[i], slope) || (dx[i] - slope).abs() <= 2e-6;
                assert!(close, "{text}, {rows} x {columns}, {i}: gradient {} for {slope}", dx[i]);
            }
        }
    }
}

/// The inputs stay what they are, whoever else holds them.
fn inputs_that_are_held_elsewhere_are_not_written<B: ActivationBackend>() {
    let (_, curve) = curves().next().expect("there are activations");
    let values = [-1.0, 0.5, 2.0, -0.25, 0.0, 1.5];
    let x = tensor::<B, 2>(&values, [2, 3], DType::F32);
    let b = tensor::<B, 1>(&[0.5, -0.5, 0.25], [3], DType::F32);
    let held = || (x.clone().into_primitive().tensor(), b.clone().into_primitive().tensor());
    let (of_x, of_b) = held();
    let _ = elements(of::<B>(B::activation_of_sum(of_x, of_b, curve)));
    let (of_x, of_b) = held();
    let _ = elements(of::<B>(B::activation_of_sum_backward(of_x.clone(), of_b, of_x, curve)));
    assert_eq!(elements(x), values);
    assert_eq!(elements(b), [0.5, -0.5, 0.25]);
}

/// No rows are no result, and no error.
fn no_rows_give_none<B: ActivationBackend>() {
    let (_, curve) = curves().next().expect("there are activations");
    let x = || Tensor::<B, 2>::zeros([0, 3], &B::Device::default()).into_primitive().tensor();
    let b = || Tensor::<B, 1>::zeros([3], &B::Device::default()).into_primitive().tensor();
    assert_eq!(of::<B>(B::activation_of_sum(x(), b(), curve)).dims(), [0, 3]);
    assert_eq!(of::<B>(B::activation_of_sum_backward(x(), b(), x(), curve)).dims(), [0, 3]);
}

on_each_backend!(
    values_and_gradients_are_those_at_the_sum,
    inputs_that_are_held_elsewhere_are_not_written,
    no_rows_give_none
);
