//! The kernels of each backend against the references.
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorPrimitive};
use ctr_model::op::{NormTensors, reference};
use ctr_model::optim::AdamStep;
use ctr_model::pass::DropoutKey;
use ctr_model::{ModelBackend, parallel};

use crate::backends::on_backends;
use crate::values::{assert_close, elements, matrix, normals, vector};

const SHAPES: [[usize; 2]; 6] = [[1, 1], [1, 5], [7, 3], [129, 33], [1000, 17], [4096, 40]];

fn primitive<B: Backend, const D: usize>(tensor: &Tensor<B, D>) -> B::FloatTensorPrimitive {
    tensor.clone().into_primitive().tensor()
}

fn values<B: Backend, const D: usize>(primitive: B::FloatTensorPrimitive) -> Vec<f32> {
    elements(Tensor::<B, D>::from_primitive(TensorPrimitive::Float(primitive)))
}

fn norm<B: ModelBackend>(x: &Tensor<B, 2>, moments_of_batch: bool) -> NormTensors<B> {
    let columns = x.dims()[1];
    let (mean, variance) = reference::batch_moments::<B>(primitive(x));
    NormTensors {
        gamma: primitive(&vector::<B>(normals(3, columns))),
        beta: primitive(&vector::<B>(normals(4, columns))),
        mean,
        variance,
        epsilon: 1e-5,
        moments_of_batch,
    }
}

fn kernels_equal_references<B: ModelBackend>() {
    for shape in SHAPES {
        let x = matrix::<B>(1, shape) * 3.0 + 2.0;
        // The same elements behind a transposed layout.
        let strided = x.clone().transpose().into_data();
        let strided = Tensor::<B, 2>::from_data(strided, &B::Device::default()).transpose();
        for x in [x, strided] {
            let row = vector::<B>(normals(2, shape[1]));
            let close = |name: &str, actual: &[f32], expected: &[f32]| {
                assert_close(&format!("{name} {shape:?}"), actual, expected, 2e-5);
            };
            close(
                "add_row",
                &values::<B, 2>(B::add_row(primitive(&x), primitive(&row))),
                &values::<B, 2>(reference::add_row::<B>(primitive(&x), primitive(&row))),
            );
            close(
                "sum_rows",
                &values::<B, 1>(B::sum_rows(primitive(&x))),
                &values::<B, 1>(reference::sum_rows::<B>(primitive(&x))),
            );
            let (mean, variance) = B::batch_moments(primitive(&x));
            let (expected_mean, expected_variance) = reference::batch_moments::<B>(primitive(&x));
            close("mean", &values::<B, 1>(mean), &values::<B, 1>(expected_mean));
            close("variance", &values::<B, 1>(variance), &values::<B, 1>(expected_variance));
            let norm_squared = B::squared_norm(primitive(&x));
            let expected: f64 = elements(x.clone()).iter().map(|&v| f64::from(v).powi(2)).sum();
            assert!((norm_squared - expected).abs() <= 1e-6 * expected, "{shape:?}: {norm_squared} {expected}");
            for of_batch in [false, true] {
                let norm = norm(&x, of_batch);
                close(
                    "batch_norm",
                    &values::<B, 2>(B::batch_norm(primitive(&x), norm.clone())),
                    &values::<B, 2>(reference::batch_norm::<B>(primitive(&x), norm.clone())),
                );
                let grad = matrix::<B>(5, shape);
                let actual = B::batch_norm_backward(primitive(&x), primitive(&grad), norm.clone());
                let expected = reference::batch_norm_backward::<B>(primitive(&x), primitive(&grad), norm);
                let names = ["dx", "dgamma", "dbeta"];
                for ((name, actual), expected) in names.into_iter().zip(actual).zip(expected) {
                    // One row has no variance: everything is divided by the root of epsilon.
                    let tolerance = if shape[0] == 1 { 2e-3 } else { 5e-5 };
                    let (actual, expected) = match name {
                        "dx" => (values::<B, 2>(actual), values::<B, 2>(expected)),
                        _ => (values::<B, 1>(actual), values::<B, 1>(expected)),
                    };
                    assert_close(&format!("{name} {shape:?} {of_batch}"), &actual, &expected, tolerance);
                }
            }
        }
    }
}

fn outer_products_equal_their_references<B: ModelBackend>() {
    for [rows, left, right] in [[1, 1, 1], [7, 3, 5], [129, 10, 33], [3000, 17, 1], [700, 1, 40]] {
        let (a, b) = (matrix::<B>(1, [rows, left]), matrix::<B>(2, [rows, right]));
        // The same elements behind a transposed layout.
        let strided = a.clone().transpose().into_data();
        let strided = Tensor::<B, 2>::from_data(strided, &B::Device::default()).transpose();
        for a in [a, strided] {
            let products = values::<B, 2>(B::outer_rows(primitive(&a), primitive(&b)));
            assert_eq!(products, values::<B, 2>(reference::outer_rows::<B>(primitive(&a), primitive(&b))));
            let grad = matrix::<B>(3, [rows, left * right]);
            let actual = B::outer_rows_backward(primitive(&a), primitive(&b), primitive(&grad));
            let expected = reference::outer_rows_backward::<B>(primitive(&a), primitive(&b), primitive(&grad));
            for (name, (actual, expected)) in ["da", "db"].into_iter().zip(actual.into_iter().zip(expected)) {
                let name = format!("{name} {rows} {left} {right}");
                assert_close(&name, &values::<B, 2>(actual), &values::<B, 2>(expected), 1e-5);
            }
        }
    }
}

fn dropout_equals_its_reference_bit_for_bit<B: ModelBackend>() {
    let key = DropoutKey { seed: 11, step: 1 << 33, layer: 2 };
    for shape in [[1, 1], [3, 7], [129, 200], [1000, 40]] {
        let x = matrix::<B>(1, shape);
        for probability in [0.1, 0.4, 0.999] {
            let actual = values::<B, 2>(B::dropout(primitive(&x), key, probability));
            assert_eq!(actual, values::<B, 2>(reference::dropout::<B>(primitive(&x), key, probability)));
        }
    }
}

fn dropout_drops_the_share_it_is_asked_for<B: ModelBackend>() {
    let ones = Tensor::<B, 2>::ones([1000, 100], &B::Device::default());
    let masks = |step| {
        let key = DropoutKey { seed: 3, step, layer: 0 };
        values::<B, 2>(B::dropout(primitive(&ones), key, 0.4))
    };
    let mask = masks(0);
    let dropped = mask.iter().filter(|&&value| value == 0.0).count() as f64 / 100_000.0;
    let mean = mask.iter().map(|&value| f64::from(value)).sum::<f64>() / 100_000.0;
    assert!((dropped - 0.4).abs() < 0.006 && (mean - 1.0).abs() < 0.01, "{dropped} {mean}");
    assert_eq!(mask, masks(0));
    assert_ne!(mask, masks(1));
}

fn adam_equals_its_reference<B: ModelBackend>() {
    let step =
        AdamStep { step_size: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, second_scale: 3.0, grad_scale: 0.5 };
    let shape = [300, 70];
    let tensors =
        || [matrix::<B>(1, shape), matrix::<B>(2, shape), matrix::<B>(3, shape).powi_scalar(2)].map(|t| primitive(&t));
    let grad = primitive(&matrix::<B>(4, shape));
    let actual = B::adam(tensors(), grad.clone(), step);
    let expected = reference::adam::<B>(tensors(), grad, step);
    for (actual, expected) in actual.into_iter().zip(expected) {
        assert_close("adam", &values::<B, 2>(actual), &values::<B, 2>(expected), 1e-6);
    }
}

/// An operation in place must not reach into a tensor that shares the buffer.
fn operations_leave_shared_buffers_alone<B: ModelBackend>() {
    let x = matrix::<B>(1, [50, 8]);
    let before = elements(x.clone());
    let _ = B::add_row(primitive(&x), primitive(&vector::<B>(vec![1.0; 8])));
    let _ = B::dropout(primitive(&x), DropoutKey { seed: 0, step: 0, layer: 0 }, 0.5);
    let norm = norm(&x, true);
    let _ = B::batch_norm_backward(primitive(&x), primitive(&x), norm);
    assert_eq!(elements(x), before);
}

fn results_do_not_depend_on_the_number_of_threads<B: ModelBackend>() {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let x = matrix::<B>(1, [3000, 33]);
            let norm = norm(&x, true);
            let [dx, dgamma, dbeta] =
                B::batch_norm_backward(primitive(&x), primitive(&matrix::<B>(2, [3000, 33])), norm);
            let product = B::float_matmul(primitive(&x.clone().transpose()), primitive(&x));
            let mut all = values::<B, 2>(dx);
            all.extend(values::<B, 1>(dgamma));
            all.extend(values::<B, 1>(dbeta));
            all.extend(values::<B, 1>(B::sum_rows(primitive(&x))));
            all.extend(values::<B, 2>(product));
            all.into_iter().map(f32::to_bits).collect::<Vec<_>>()
        })
    };
    let one = run(1);
    for threads in [2, 4] {
        assert!(run(threads) == one, "{threads} threads");
    }
}

on_backends!(
    kernels_equal_references,
    outer_products_equal_their_references,
    dropout_equals_its_reference_bit_for_bit,
    dropout_drops_the_share_it_is_asked_for,
    adam_equals_its_reference,
    operations_leave_shared_buffers_alone,
    results_do_not_depend_on_the_number_of_threads
);

#[test]
fn squared_norm_of_a_large_mean_keeps_its_digits() {
    let values = vec![1000.0_f32; 100_000];
    assert_eq!(parallel::squared_norm(&values), 1e11);
}
