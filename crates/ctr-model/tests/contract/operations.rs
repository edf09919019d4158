//! The kernels of each backend against the references.
use burn::backend::Autodiff;
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorPrimitive};
use ctr_model::op::{NormTensors, reference};
use ctr_model::pass::DropoutKey;
use ctr_model::precision::Precision;
use ctr_model::{ModelBackend, parallel};

use crate::backends::on_backends;
use crate::values::{assert_close, elements, matrix, normals, vector};

/// Those of one column are summed by one group of threads on a device, up to 65,536 rows.
const SHAPES: [[usize; 2]; 8] = [[1, 1], [1, 5], [7, 3], [300, 1], [129, 33], [1000, 17], [4096, 40], [66_000, 1]];

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
            // Not beside Burn's sum, which loses rows of a column of 66,000 on Mesa's Vulkan.
            let mut sums = vec![0.0; shape[1]];
            for row in elements(x.clone()).chunks(shape[1]) {
                sums.iter_mut().zip(row).for_each(|(sum, &value)| *sum += f64::from(value));
            }
            let sums: Vec<f32> = sums.into_iter().map(|sum| sum as f32).collect();
            close("sum_rows", &values::<B, 1>(B::sum_rows(primitive(&x))), &sums);
            let (mean, variance) = B::batch_moments(primitive(&x));
            let (expected_mean, expected_variance) = reference::batch_moments::<B>(primitive(&x));
            close("mean", &values::<B, 1>(mean), &values::<B, 1>(expected_mean));
            close("variance", &values::<B, 1>(variance), &values::<B, 1>(expected_variance));
            close(
                "weighted_sum",
                &values::<B, 1>(B::weighted_sum(primitive(&row), primitive(&row.clone().exp()), 0.9, 0.1)),
                &values::<B, 1>(reference::weighted_sum::<B>(primitive(&row), primitive(&row.clone().exp()), 0.9, 0.1)),
            );
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

/// Beside plain loops, which know nothing of layouts.
fn outer_products_equal_plain_loops<B: ModelBackend>() {
    for [rows, left, right] in [[1, 1, 1], [7, 3, 5], [129, 10, 33], [3000, 17, 1], [700, 1, 40]] {
        let (a, b) = (matrix::<B>(1, [rows, left]), matrix::<B>(2, [rows, right]));
        let grad = matrix::<B>(3, [rows, left * right]);
        let [a_values, b_values, grad_values] = [&a, &b, &grad].map(|tensor| elements(tensor.clone()));
        let places = || (0..rows * left * right).map(|n| (n / (left * right), n / right % left, n % right));
        let (mut da, mut db) = (vec![0.0; rows * left], vec![0.0; rows * right]);
        for (place, (n, h, f)) in places().enumerate() {
            da[n * left + h] += grad_values[place] * b_values[n * right + f];
            db[n * right + f] += grad_values[place] * a_values[n * left + h];
        }
        // The same elements behind a transposed layout.
        let strided = a.clone().transpose().into_data();
        let strided = Tensor::<B, 2>::from_data(strided, &B::Device::default()).transpose();
        for a in [a, strided] {
            let products = values::<B, 2>(B::outer_rows(primitive(&a), primitive(&b)));
            let expected: Vec<f32> =
                places().map(|(n, h, f)| a_values[n * left + h] * b_values[n * right + f]).collect();
            assert!(products == expected, "{rows} {left} {right}");
            let actual = B::outer_rows_backward(primitive(&a), primitive(&b), primitive(&grad));
            for (name, (actual, expected)) in ["da", "db"].into_iter().zip(actual.into_iter().zip([&da, &db])) {
                let name = format!("{name} {rows} {left} {right}");
                assert_close(&name, &values::<B, 2>(actual), expected, 1e-5);
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

/// Beside plain loops, with and without a transposed layout; the gradients are the columns again.
fn matrices_side_by_side_and_their_columns<B: ModelBackend>() {
    for [rows, left, right] in [[1, 1, 1], [7, 3, 5], [129, 160, 13], [1000, 1, 40]] {
        let (a, b) = (matrix::<B>(1, [rows, left]), matrix::<B>(2, [rows, right]));
        let [a_values, b_values] = [&a, &b].map(|tensor| elements(tensor.clone()));
        let both = a_values.chunks(left).zip(b_values.chunks(right)).flat_map(|(a, b)| [a, b].concat());
        let both: Vec<f32> = both.collect();
        let strided = Tensor::<B, 2>::from_data(a.clone().transpose().into_data(), &B::Device::default()).transpose();
        for a in [a, strided] {
            let whole = B::beside(primitive(&a), primitive(&b));
            assert_eq!(values::<B, 2>(whole.clone()), both, "{rows} {left} {right}");
            assert_eq!(values::<B, 2>(B::columns_of(whole.clone(), 0, left)), a_values);
            assert_eq!(values::<B, 2>(B::columns_of(whole, left, right)), b_values);
        }
        let [a, b] = [&a_values, &b_values].map(|values| {
            let data = burn::tensor::TensorData::new(values.clone(), [rows, values.len() / rows]);
            Tensor::<Autodiff<B>, 2>::from_data(data, &B::Device::default()).require_grad()
        });
        let [a_kept, b_kept] = [a.clone(), b.clone()].map(|tensor| tensor.into_primitive().tensor());
        let whole = Autodiff::<B>::beside(a_kept, b_kept);
        let whole = Tensor::<Autodiff<B>, 2>::from_primitive(TensorPrimitive::Float(whole));
        let grads = whole.powi_scalar(2).sum().backward();
        for (tensor, values) in [(a, a_values), (b, b_values)] {
            let expected: Vec<f32> = values.iter().map(|value| 2.0 * value).collect();
            let grad = tensor.grad(&grads).expect("it is tracked");
            assert_close("gradient", &elements(grad), &expected, 1e-6);
        }
    }
}

fn exponentials_are_those_of_f64<B: ModelBackend>() {
    let x: Vec<f32> = normals(1, 40_000).into_iter().map(|x| x * 20.0).collect();
    for (x, y) in x.iter().zip(values::<B, 1>(B::exp(primitive(&vector::<B>(x.clone()))))) {
        let exact = f64::from(*x).exp();
        assert!((f64::from(y) - exact).abs() <= 1e-5 * exact.max(1e-37), "exp({x}) is {y}");
    }
    let ends = vector::<B>(vec![f32::NAN, f32::NEG_INFINITY, -200.0, 0.0, 89.0, f32::INFINITY]);
    let y = values::<B, 1>(B::exp(primitive(&ends)));
    assert!(y[0].is_nan() && y[1..3].iter().all(|&y| y < 1e-37), "{y:?}");
    assert_eq!(y[3..], [1.0, f32::INFINITY, f32::INFINITY]);
}

/// An operation in place must not reach into a tensor that shares the buffer.
fn operations_leave_shared_buffers_alone<B: ModelBackend>() {
    let x = matrix::<B>(1, [50, 8]);
    let before = elements(x.clone());
    let _ = B::add_row(primitive(&x), primitive(&vector::<B>(vec![1.0; 8])));
    let _ = B::dropout(primitive(&x), DropoutKey { seed: 0, step: 0, layer: 0 }, 0.5);
    let _ = B::exp(primitive(&x));
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

/// Of the largest number of a product in `f32`; factors of 10 bits would leave 3e-4.
const PRODUCT_TOLERANCE: f64 = 1e-5;

/// y = x·W, dx = dy·Wᵀ and dW = xᵀ·dy beside sums in double precision.
fn products_keep_the_digits_of_f32<B: ModelBackend>() {
    for [rows, inputs, outputs] in [
        [1, 1, 1],
        [5, 3, 1],
        [1, 40, 7],
        [300, 64, 1],
        [130, 429, 33],
        [64, 512, 128],
        [256, 132, 128],
        [3, 1, 9],
        [5000, 256, 1],
    ] {
        let (x, w, dy) =
            (matrix::<B>(1, [rows, inputs]), matrix::<B>(2, [inputs, outputs]), matrix::<B>(3, [rows, outputs]));
        let [x, w, dy] = [x, w, dy].map(|tensor| (primitive(&tensor), elements(tensor)));
        let name = |what| format!("{what} {rows} {inputs} {outputs}");
        let y = values::<B, 2>(B::product(x.0.clone(), w.0.clone(), Precision::F32));
        let exact = |i, j| (0..inputs).map(|k| f64::from(x.1[i * inputs + k]) * f64::from(w.1[k * outputs + j])).sum();
        assert_product(&name("y"), &y, [rows, outputs], exact);
        let dx = values::<B, 2>(B::product_input_grad(dy.0.clone(), w.0.clone(), Precision::F32));
        let exact =
            |i, j| (0..outputs).map(|k| f64::from(dy.1[i * outputs + k]) * f64::from(w.1[j * outputs + k])).sum();
        assert_product(&name("dx"), &dx, [rows, inputs], exact);
        let dw = values::<B, 2>(B::product_weight_grad(x.0.clone(), dy.0.clone(), Precision::F32));
        let exact = |i, j| (0..rows).map(|k| f64::from(x.1[k * inputs + i]) * f64::from(dy.1[k * outputs + j])).sum();
        assert_product(&name("dW"), &dw, [inputs, outputs], exact);
    }
}

fn assert_product(name: &str, actual: &[f32], [rows, columns]: [usize; 2], exact: impl Fn(usize, usize) -> f64) {
    let exact: Vec<f64> = (0..rows * columns).map(|n| exact(n / columns, n % columns)).collect();
    let largest = exact.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
    assert_eq!(actual.len(), exact.len(), "{name}");
    for (place, (&actual, exact)) in actual.iter().zip(exact).enumerate() {
        let error = (f64::from(actual) - exact).abs();
        assert!(error <= PRODUCT_TOLERANCE * largest, "{name}, place {place}: {actual} {exact}");
    }
}

/// Logits of every size, those whose exponential overflows among them.
fn the_loss_and_its_gradient_equal_those_in_f64<B: ModelBackend>() {
    for length in [1, 7, 64, 65, 5000] {
        let mut logits: Vec<f32> = normals(1, length).iter().map(|z| z * 20.0).collect();
        logits[0] = -200.0;
        let labels: Vec<f32> = normals(2, length).iter().map(|y| y.abs().min(1.0)).collect();
        let [z, y] = [&logits, &labels].map(|values| primitive(&vector::<B>(values.clone())));
        let loss = values::<B, 1>(B::bce_with_logits(z.clone(), y.clone()));
        let grad = values::<B, 1>(B::bce_with_logits_backward(z, y, primitive(&vector::<B>(vec![3.0]))));
        let pairs = || logits.iter().zip(&labels).map(|(&z, &y)| (f64::from(z), f64::from(y)));
        let terms = pairs().map(|(z, y)| z.max(0.0) - z * y + (-z.abs()).exp().ln_1p());
        let expected = terms.sum::<f64>() / length as f64;
        assert!(
            (f64::from(loss[0]) - expected).abs() <= 1e-5 * expected.abs().max(1e-3),
            "{length}: {loss:?} {expected}"
        );
        for (actual, (z, y)) in grad.iter().zip(pairs()) {
            let expected = (1.0 / (1.0 + (-z).exp()) - y) * 3.0 / length as f64;
            assert!(
                (f64::from(*actual) - expected).abs() <= 1e-6 * 3.0 / length as f64,
                "{length}: {actual} {expected}"
            );
        }
    }
}

/// Places that repeat, that leave vectors out, and rows of widths that a device pads.
fn picked_vectors_and_their_gradients_equal_plain_loops<B: ModelBackend>() {
    for [rows, count, width] in [[1, 1, 1], [3, 4, 5], [33, 20, 10], [700, 6, 1], [65, 10, 40]] {
        let places: Vec<u32> = (0..2 * count as u32).map(|p| (p * p + 1) % (count as u32).div_ceil(2)).collect();
        let shape = |vectors: usize| [rows, vectors, width];
        let tensor = |seed, vectors| {
            let values = normals(seed, rows * vectors * width);
            Tensor::<B, 3>::from_data(burn::tensor::TensorData::new(values, shape(vectors)), &B::Device::default())
        };
        let (x, grad) = (tensor(1, count), tensor(2, places.len()));
        let [x_values, grad_values] = [&x, &grad].map(|tensor| elements(tensor.clone()));
        let (mut expected, mut expected_grad) = (Vec::new(), vec![0.0_f32; x_values.len()]);
        for row in 0..rows {
            for (p, &place) in places.iter().enumerate() {
                for d in 0..width {
                    let from = (row * count + place as usize) * width + d;
                    expected.push(x_values[from]);
                    expected_grad[from] += grad_values[(row * places.len() + p) * width + d];
                }
            }
        }
        assert!(values::<B, 3>(B::pick(primitive(&x), &places)) == expected, "{rows} {count} {width}");
        let actual = values::<B, 3>(B::pick_backward(primitive(&grad), &places, count));
        assert_close(&format!("{rows} {count} {width}"), &actual, &expected_grad, 1e-6);
    }
}

on_backends!(
    kernels_equal_references,
    picked_vectors_and_their_gradients_equal_plain_loops,
    the_loss_and_its_gradient_equal_those_in_f64,
    products_keep_the_digits_of_f32,
    outer_products_equal_plain_loops,
    dropout_equals_its_reference_bit_for_bit,
    dropout_drops_the_share_it_is_asked_for,
    matrices_side_by_side_and_their_columns,
    exponentials_are_those_of_f64,
    operations_leave_shared_buffers_alone,
    results_do_not_depend_on_the_number_of_threads
);

#[test]
fn squared_norm_of_a_large_mean_keeps_its_digits() {
    let values = vec![1000.0_f32; 100_000];
    assert_eq!(parallel::squared_norm(&values), 1e11);
}

#[cfg(any(feature = "cuda", feature = "wgpu"))]
fn on_a_device<B: ModelBackend>() {
    if crate::device::works::<B>() {
        kernels_equal_references::<B>();
        products_keep_the_digits_of_f32::<B>();
        the_loss_and_its_gradient_equal_those_in_f64::<B>();
        picked_vectors_and_their_gradients_equal_plain_loops::<B>();
        outer_products_equal_plain_loops::<B>();
        dropout_equals_its_reference_bit_for_bit::<B>();
        dropout_drops_the_share_it_is_asked_for::<B>();
        matrices_side_by_side_and_their_columns::<B>();
        operations_leave_shared_buffers_alone::<B>();
        crate::gradients::logarithms_and_quotients_are_those_of_f64::<B>();
        crate::gradients::shares_are_those_of_f64::<B>();
    }
}

#[cfg(feature = "wgpu")]
#[test]
fn operations_on_wgpu() {
    on_a_device::<burn::backend::Wgpu>();
}

#[cfg(feature = "cuda")]
#[test]
fn operations_on_cuda() {
    on_a_device::<burn::backend::Cuda>();
}
