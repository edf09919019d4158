//! The fused hidden layer and the products of a layer: against their references, for many shapes, and for any number of threads.
use burn::backend::Autodiff;
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorPrimitive};
use ctr_model::op::{HiddenTail, NormTensors, reference};
use ctr_model::pass::DropoutKey;
use ctr_model::{ModelBackend, Precision};
use smelu::ActivationConfig;

use crate::backends::on_backends;
use crate::values::{assert_close, elements, matrix, normals, vector};

const SHAPES: [[usize; 2]; 6] = [[1, 1], [2, 5], [9, 3], [129, 33], [1001, 17], [4096, 40]];
const KEY: DropoutKey = DropoutKey { seed: 3, step: 1 << 34, layer: 1 };

fn primitive<B: Backend, const D: usize>(tensor: &Tensor<B, D>) -> B::FloatTensorPrimitive {
    tensor.clone().into_primitive().tensor()
}

fn values<B: Backend, const D: usize>(primitive: B::FloatTensorPrimitive) -> Vec<f32> {
    elements(Tensor::<B, D>::from_primitive(TensorPrimitive::Float(primitive)))
}

#[derive(Clone, Copy, Debug)]
enum Norm {
    None,
    Running,
    OfBatch,
}

/// Every combination of normalisation and dropout, with a smooth activation.
fn tails<B: ModelBackend>(x: &Tensor<B, 2>) -> Vec<(String, HiddenTail<B>)> {
    let columns = x.dims()[1];
    let bias = vector::<B>(normals(2, columns));
    let (mean, variance) = reference::batch_moments::<B>(primitive(&(x.clone() + bias.clone().unsqueeze())));
    let curve = "SmeLU(beta=0.5)".parse::<ActivationConfig>().unwrap().curve();
    let mut all = Vec::new();
    for kind in [Norm::None, Norm::Running, Norm::OfBatch] {
        for dropout in [None, Some((KEY, 0.4))] {
            let norm = NormTensors {
                gamma: primitive(&vector::<B>(normals(3, columns))),
                beta: primitive(&vector::<B>(normals(4, columns))),
                mean: mean.clone(),
                variance: variance.clone(),
                epsilon: 1e-5,
                moments_of_batch: matches!(kind, Norm::OfBatch),
            };
            let norm = (!matches!(kind, Norm::None)).then_some(norm);
            let tail = HiddenTail { bias: primitive(&bias), norm, curve, dropout };
            all.push((format!("{:?} {kind:?} dropout {}", x.dims(), dropout.is_some()), tail));
        }
    }
    all
}

fn fused_layers_equal_single_operations<B: ModelBackend>() {
    for shape in SHAPES {
        let x = matrix::<B>(1, shape) * 2.0 + 1.0;
        let strided = Tensor::<B, 2>::from_data(x.clone().transpose().into_data(), &x.device()).transpose();
        for x in [x, strided] {
            for (name, tail) in tails(&x) {
                let expected = reference::hidden_tail::<B>(primitive(&x), tail.clone());
                let actual = B::hidden_tail(primitive(&x), tail.clone());
                assert_close(&name, &values::<B, 2>(actual), &values::<B, 2>(expected), 2e-5);
                let grad = matrix::<B>(5, shape);
                let actual = B::hidden_tail_backward(primitive(&x), primitive(&grad), tail.clone());
                let expected = reference::hidden_tail_backward::<B>(primitive(&x), primitive(&grad), tail);
                // The gradient of one row, or of two, through their own moments is 0 but for epsilon: its digits cancel.
                let tolerance = if shape[0] <= 2 { 2e-3 } else { 5e-5 };
                let close = |what: &str, actual: Vec<f32>, expected: Vec<f32>| {
                    assert_close(&format!("{what} {name}"), &actual, &expected, tolerance);
                };
                close("dx", values::<B, 2>(actual.x), values::<B, 2>(expected.x));
                close("db", values::<B, 1>(actual.bias), values::<B, 1>(expected.bias));
                for (actual, expected) in actual.norm.into_iter().flatten().zip(expected.norm.into_iter().flatten()) {
                    close("dnorm", values::<B, 1>(actual), values::<B, 1>(expected));
                }
            }
        }
    }
}

/// Under batch norm by the batch's own moments a bias changes nothing.
fn a_bias_under_batch_norm_has_no_gradient<B: ModelBackend>() {
    let x = matrix::<B>(1, [300, 7]);
    for (name, tail) in tails(&x) {
        let of_batch = tail.norm.as_ref().is_some_and(|norm| norm.moments_of_batch);
        let grads = B::hidden_tail_backward(primitive(&x), primitive(&matrix::<B>(5, [300, 7])), tail);
        let bias = values::<B, 1>(grads.bias);
        assert_eq!(bias.iter().all(|&grad| grad == 0.0), of_batch, "{name}: {bias:?}");
        if of_batch {
            let sums = values::<B, 1>(reference::sum_rows::<B>(grads.x));
            assert!(sums.iter().all(|sum| sum.abs() < 1e-3), "{name}: {sums:?}");
        }
    }
}

fn gradients_equal_autodiff_through_the_single_operations<B: ModelBackend>() {
    type A<B> = Autodiff<B>;
    let x = matrix::<A<B>>(1, [65, 6]).require_grad();
    for (name, tail) in tails(&x) {
        let [bias, gamma, beta] = [2, 3, 4].map(|seed| vector::<A<B>>(normals(seed, 6)).require_grad());
        let tail = HiddenTail {
            bias: primitive(&bias),
            norm: tail.norm.map(|norm| NormTensors { gamma: primitive(&gamma), beta: primitive(&beta), ..norm }),
            ..tail
        };
        let gradients = |y: <A<B> as burn::tensor::backend::BackendTypes>::FloatTensorPrimitive| {
            let y = Tensor::<A<B>, 2>::from_primitive(TensorPrimitive::Float(y));
            let grads = (y.powi_scalar(2) * matrix::<A<B>>(77, [65, 6])).sum().backward();
            let of_vectors = [&bias, &gamma, &beta].map(|vector| vector.grad(&grads).map(elements));
            (elements(x.grad(&grads).unwrap()), of_vectors)
        };
        let of_batch = tail.norm.as_ref().is_some_and(|norm| norm.moments_of_batch);
        let (dx, of_vectors) = gradients(A::<B>::hidden_tail(primitive(&x), tail.clone()));
        let (expected, of_vectors_expected) = gradients(reference::hidden_tail::<A<B>>(primitive(&x), tail));
        assert_close(&format!("dx {name}"), &dx, &expected, 5e-5);
        for (index, (actual, expected)) in of_vectors.into_iter().zip(of_vectors_expected).enumerate() {
            assert_eq!(actual.is_some(), expected.is_some(), "{name}");
            if index == 0 && of_batch {
                continue;
            }
            if let (Some(actual), Some(expected)) = (actual, expected) {
                assert_close(&format!("vector {index} {name}"), &actual, &expected, 5e-5);
            }
        }
    }
}

fn products_equal_their_references<B: ModelBackend>() {
    for [rows, inputs, outputs] in [[1, 1, 1], [5, 7, 1], [1500, 12, 9], [2100, 1, 40], [3, 50, 2]] {
        let (x, weight) = (matrix::<B>(1, [rows, inputs]), matrix::<B>(2, [inputs, outputs]));
        let strided = Tensor::<B, 2>::from_data(x.clone().transpose().into_data(), &x.device()).transpose();
        let grad = matrix::<B>(3, [rows, outputs]);
        let close = |name: &str, actual, expected| {
            let name = format!("{name} [{rows}, {inputs}] x [{inputs}, {outputs}]");
            assert_close(&name, &values::<B, 2>(actual), &values::<B, 2>(expected), 1e-5);
        };
        for x in [x, strided] {
            let expected = reference::product::<B>(primitive(&x), primitive(&weight), Precision::F32);
            close("y", B::product(primitive(&x), primitive(&weight), Precision::F32), expected);
            let expected = reference::product_input_grad::<B>(primitive(&grad), primitive(&weight), Precision::F32);
            close("dx", B::product_input_grad(primitive(&grad), primitive(&weight), Precision::F32), expected);
            let expected = reference::product_weight_grad::<B>(primitive(&x), primitive(&grad), Precision::F32);
            close("dW", B::product_weight_grad(primitive(&x), primitive(&grad), Precision::F32), expected);
        }
    }
}

fn results_do_not_depend_on_the_number_of_threads<B: ModelBackend>() {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let (x, grad) = (matrix::<B>(1, [5000, 33]), matrix::<B>(2, [5000, 33]));
            let weight = matrix::<B>(3, [33, 33]);
            let mut all = values::<B, 2>(B::product(primitive(&x), primitive(&weight), Precision::F32));
            all.extend(values::<B, 2>(B::product_input_grad(primitive(&grad), primitive(&weight), Precision::F32)));
            all.extend(values::<B, 2>(B::product_weight_grad(primitive(&x), primitive(&grad), Precision::F32)));
            for (_, tail) in tails(&x) {
                all.extend(values::<B, 2>(B::hidden_tail(primitive(&x), tail.clone())));
                let grads = B::hidden_tail_backward(primitive(&x), primitive(&grad), tail);
                all.extend(values::<B, 2>(grads.x));
                all.extend(values::<B, 1>(grads.bias));
                all.extend(grads.norm.into_iter().flatten().flat_map(values::<B, 1>));
            }
            all.into_iter().map(f32::to_bits).collect::<Vec<_>>()
        })
    };
    let one = run(1);
    for threads in [2, 4] {
        assert!(run(threads) == one, "{threads} threads");
    }
}

on_backends!(
    fused_layers_equal_single_operations,
    a_bias_under_batch_norm_has_no_gradient,
    gradients_equal_autodiff_through_the_single_operations,
    products_equal_their_references,
    results_do_not_depend_on_the_number_of_threads
);
