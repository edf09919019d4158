//! Attention between fields against loops in `f64`.
use std::panic::catch_unwind;

use burn::tensor::{Tensor, TensorData, TensorPrimitive};
use ctr_model::ModelBackend;
use ctr_model::op::{Attention, reference};
use ctr_model::pass::DropoutKey;

use crate::backends::on_backends;
use crate::values::{assert_close, elements, matrix};

/// Examples, fields, heads, and the width of a head.
const SHAPES: [[usize; 4]; 5] = [[1, 1, 1, 1], [3, 2, 1, 5], [37, 10, 4, 8], [16, 17, 2, 3], [9, 33, 1, 20]];
const KEY: DropoutKey = DropoutKey { seed: 5, step: 3, layer: 2 };

type Matrix<B> = Tensor<B, 2>;

fn tensor<B: ModelBackend>(primitive: B::FloatTensorPrimitive) -> Matrix<B> {
    Tensor::from_primitive(TensorPrimitive::Float(primitive))
}

fn primitive<B: ModelBackend>(tensor: &Matrix<B>) -> B::FloatTensorPrimitive {
    tensor.clone().into_primitive().tensor()
}

/// The factors of the weights, which dropout sets.
fn mask<B: ModelBackend>(attention: Attention, weights: usize) -> Vec<f64> {
    let Some((key, probability)) = attention.dropout else { return vec![1.0; weights] };
    let ones = Matrix::<B>::ones([1, weights], &B::Device::default());
    let mask = tensor::<B>(B::dropout(primitive(&ones), key, probability));
    elements(mask).into_iter().map(f64::from).collect()
}

/// What comes out, and the gradient of what went in.
fn plain(
    projected: &[f32],
    grad: &[f32],
    mask: &[f64],
    [batch, fields, heads, width]: [usize; 4],
    scale: f64,
) -> [Vec<f32>; 2] {
    let units = heads * width;
    let (mut out, mut of_projected) = (vec![0.0; batch * fields * units], vec![0.0; 3 * batch * fields * units]);
    for (b, h) in (0..batch).flat_map(|b| (0..heads).map(move |h| (b, h))) {
        let at = |field: usize, part: usize, c: usize| ((b * fields + field) * 3 + part) * units + h * width + c;
        let out_at = |field: usize, c: usize| (b * fields + field) * units + h * width + c;
        let x = |field, part, c| f64::from(projected[at(field, part, c)]);
        let g = |field, c| f64::from(grad[out_at(field, c)]);
        for i in 0..fields {
            let score = |j| scale * (0..width).map(|c| x(i, 0, c) * x(j, 1, c)).sum::<f64>();
            let exps: Vec<f64> = (0..fields).map(|j| score(j).exp()).collect();
            let sum: f64 = exps.iter().sum();
            let kept = |j: usize| mask[((b * heads + h) * fields + i) * fields + j];
            let of_weight = |j: usize| kept(j) * (0..width).map(|c| g(i, c) * x(j, 2, c)).sum::<f64>();
            let mean: f64 = (0..fields).map(|j| exps[j] / sum * of_weight(j)).sum();
            for (j, exp) in exps.iter().enumerate() {
                let weight = exp / sum;
                let of_score = weight * (of_weight(j) - mean) * scale;
                for c in 0..width {
                    out[out_at(i, c)] += weight * kept(j) * x(j, 2, c);
                    of_projected[at(i, 0, c)] += of_score * x(j, 1, c);
                    of_projected[at(j, 1, c)] += of_score * x(i, 0, c);
                    of_projected[at(j, 2, c)] += weight * kept(j) * g(i, c);
                }
            }
        }
    }
    [out, of_projected].map(|values: Vec<f64>| values.into_iter().map(|value| value as f32).collect())
}

fn attention_and_its_gradient_equal_plain_loops<B: ModelBackend>() {
    for [batch, fields, heads, width] in SHAPES {
        for (scale, dropout) in [(1.0, None), (0.3, None), (0.5, Some((KEY, 0.4)))] {
            let attention = Attention { fields, heads, scale, dropout };
            let (rows, units) = (batch * fields, heads * width);
            let projected = matrix::<B>(1, [rows, 3 * units]);
            let grad = matrix::<B>(2, [rows, units]);
            // The same elements behind a transposed layout.
            let strided =
                Matrix::<B>::from_data(grad.clone().transpose().into_data(), &B::Device::default()).transpose();
            let mask = mask::<B>(attention, batch * heads * fields * fields);
            let [out, of_projected] = plain(
                &elements(projected.clone()),
                &elements(grad.clone()),
                &mask,
                [batch, fields, heads, width],
                scale,
            );
            let what = |name: &str| format!("{name} {attention:?} {batch} {width}");
            let x = || primitive(&projected);
            let close = |name: &str, actual: B::FloatTensorPrimitive, expected: &[f32]| {
                assert_close(&what(name), &elements(tensor::<B>(actual)), expected, 2e-5);
            };
            close("forward", B::attend(x(), attention), &out);
            close("backward", B::attend_backward(x(), primitive(&grad), attention), &of_projected);
            close("backward, strided", B::attend_backward(x(), primitive(&strided), attention), &of_projected);
            close("reference forward", reference::attend::<B>(x(), attention), &out);
            let reference = reference::attend_backward::<B>(x(), primitive(&grad), attention);
            close("reference backward", reference, &of_projected);
        }
    }
}

/// The largest score is taken off before exponentials are, and an example that is no number spoils no other.
fn scores_may_be_large_and_examples_are_apart<B: ModelBackend>() {
    let attention = Attention { fields: 2, heads: 1, scale: 1.0, dropout: None };
    let rows = [
        [30.0_f32, 30.0, 1.0], // q, k, v of the first example's fields
        [-30.0, 29.0, 3.0],
        [f32::NAN, 1.0, 1.0],
        [1.0, 1.0, 1.0],
        [1.0, 2.0, 5.0],
        [1.0, 2.0, 7.0],
    ];
    let data = TensorData::new(rows.concat(), [6, 3]);
    let projected = Matrix::<B>::from_data(data, &B::Device::default());
    let out = elements(tensor::<B>(B::attend(primitive(&projected), attention)));
    assert_close("large scores", &out[..2], &[1.0, 3.0], 1e-6);
    assert!(out[2].is_nan(), "{out:?}");
    assert_close("equal scores", &out[4..], &[6.0, 6.0], 1e-6);
}

fn no_examples_give_none<B: ModelBackend>() {
    let attention = Attention { fields: 3, heads: 2, scale: 1.0, dropout: Some((KEY, 0.5)) };
    let (none, grad) = (matrix::<B>(1, [0, 24]), matrix::<B>(1, [0, 8]));
    assert_eq!(tensor::<B>(B::attend(primitive(&none), attention)).dims(), [0, 8]);
    assert_eq!(tensor::<B>(B::attend_backward(primitive(&none), primitive(&grad), attention)).dims(), [0, 24]);
}

fn shapes_that_do_not_fit_are_refused<B: ModelBackend>() {
    for (fields, heads) in [(4, 2), (3, 5), (3, 0)] {
        let attention = Attention { fields, heads, scale: 1.0, dropout: None };
        let refused = catch_unwind(|| B::attend(primitive(&matrix::<B>(1, [6, 24])), attention)).unwrap_err();
        let text = refused.downcast_ref::<String>().unwrap();
        assert!(text.starts_with("[6, 24] does not hold Q, K and V"), "{text}");
    }
}

fn the_number_of_threads_changes_no_bit<B: ModelBackend>() {
    let attention = Attention { fields: 11, heads: 2, scale: 0.7, dropout: Some((KEY, 0.1)) };
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let (x, grad) = (matrix::<B>(1, [300 * 11, 3 * 14]), matrix::<B>(2, [300 * 11, 14]));
            let mut all = elements(tensor::<B>(B::attend(primitive(&x), attention)));
            all.extend(elements(tensor::<B>(B::attend_backward(primitive(&x), primitive(&grad), attention))));
            all.into_iter().map(f32::to_bits).collect::<Vec<_>>()
        })
    };
    let one = run(1);
    for threads in [2, 4] {
        assert!(run(threads) == one, "{threads} threads");
    }
}

on_backends!(
    attention_and_its_gradient_equal_plain_loops,
    scores_may_be_large_and_examples_are_apart,
    no_examples_give_none,
    shapes_that_do_not_fit_are_refused,
    the_number_of_threads_changes_no_bit
);

#[cfg(any(feature = "cuda", feature = "wgpu"))]
fn on_a_device<B: ModelBackend>() {
    if crate::device::works::<B>() {
        attention_and_its_gradient_equal_plain_loops::<B>();
        scores_may_be_large_and_examples_are_apart::<B>();
    }
}

#[cfg(feature = "wgpu")]
#[test]
fn attention_on_wgpu() {
    on_a_device::<burn::backend::Wgpu>();
}

#[cfg(feature = "cuda")]
#[test]
fn attention_on_cuda() {
    on_a_device::<burn::backend::Cuda>();
}
