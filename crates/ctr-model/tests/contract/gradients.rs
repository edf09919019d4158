//! The hand-written backward passes against autodiff through the composed references, and against finite differences.
use burn::backend::Autodiff;
use burn::tensor::ops::FloatTensor;
use burn::tensor::{Tensor, TensorPrimitive};
use ctr_model::loss::bce_with_logits;
use ctr_model::op::NormTensors;
use ctr_model::pass::DropoutKey;
use ctr_model::{ModelBackend, Precision};

use crate::backends::on_backends;
use crate::values::{assert_close, elements, matrix, normals, vector};

type A<B> = Autodiff<B>;

fn tensor<B: ModelBackend, const D: usize>(primitive: B::FloatTensorPrimitive) -> Tensor<B, D> {
    Tensor::from_primitive(TensorPrimitive::Float(primitive))
}

fn primitive<B: ModelBackend, const D: usize>(tensor: Tensor<B, D>) -> B::FloatTensorPrimitive {
    tensor.into_primitive().tensor()
}

/// Gradients of Σ y²·w for the given inputs.
fn gradients<B: ModelBackend>(x: &Tensor<A<B>, 2>, others: &[Tensor<A<B>, 1>], y: Tensor<A<B>, 2>) -> Vec<Vec<f32>> {
    let weights = matrix::<A<B>>(77, y.dims());
    let grads = (y.powi_scalar(2) * weights).sum().backward();
    let mut all = vec![elements(x.grad(&grads).unwrap())];
    all.extend(others.iter().map(|other| elements(other.grad(&grads).unwrap())));
    all
}

fn affine_equals_autodiff<B: ModelBackend>() {
    let weight = matrix::<A<B>>(2, [5, 4]).require_grad();
    let x = matrix::<A<B>>(1, [33, 5]).require_grad();
    let bias = vector::<A<B>>(normals(3, 4)).require_grad();
    let ours = tensor::<A<B>, 2>(A::<B>::affine(
        primitive(x.clone()),
        primitive(weight.clone()),
        primitive(bias.clone()),
        Precision::F32,
    ));
    let composed = x.clone().matmul(weight.clone()) + bias.clone().unsqueeze();
    assert_close("y", &elements(ours.clone()), &elements(composed.clone()), 1e-6);
    let both = [ours, composed].map(|y| {
        let grads = y.powi_scalar(2).sum().backward();
        [
            elements(x.grad(&grads).unwrap()),
            elements(weight.grad(&grads).unwrap()),
            elements(bias.grad(&grads).unwrap()),
        ]
    });
    for (name, (ours, composed)) in ["dx", "dW", "db"].into_iter().zip(both[0].iter().zip(&both[1])) {
        assert_close(name, ours, composed, 1e-5);
    }
}

/// The backward passes divide; they do not multiply by a reciprocal of fewer digits.
pub(crate) fn logarithms_and_quotients_are_those_of_f64<B: ModelBackend>() {
    const COLUMNS: usize = 40;
    let positive = |seed, shape: [usize; 2]| (matrix::<A<B>>(seed, shape).abs() + 0.01).detach().require_grad();
    let (x, divisors, shared) = (positive(1, [50, COLUMNS]), positive(2, [50, COLUMNS]), positive(3, [50, 1]));
    let slopes = matrix::<A<B>>(4, [50, COLUMNS]);
    let backward = |y: FloatTensor<A<B>>| (tensor::<A<B>, 2>(y) * slopes.clone()).sum().backward();
    let numbers = |tensor: &Tensor<A<B>, 2>| elements(tensor.clone()).into_iter().map(f64::from).collect::<Vec<_>>();
    let [xs, bs, ss, dys] = [&x, &divisors, &shared, &slopes].map(numbers);
    let near = |name: &str, least: f64, actual: Vec<f32>, expected: Vec<f64>| {
        assert_eq!(actual.len(), expected.len(), "{name}");
        for (actual, expected) in actual.into_iter().zip(expected) {
            assert!(
                (f64::from(actual) - expected).abs() <= 2e-6 * expected.abs().max(least),
                "{name}: {actual} {expected}"
            );
        }
    };
    let close = |name: &str, actual, expected| near(name, 1e-3, actual, expected);
    for (name, one) in [("ln", 0.0), ("ln_1p", 1.0)] {
        let x_in = primitive(x.clone());
        let y = if one == 0.0 { A::<B>::ln(x_in) } else { A::<B>::ln_1p(x_in) };
        // Of a device Vulkan asks for an error of at most 2⁻²¹ where x is between 1/2 and 2.
        let least = if B::HOST { 1e-3 } else { 0.25 };
        near(name, least, elements(tensor::<A<B>, 2>(y.clone())), xs.iter().map(|x| (one + x).ln()).collect());
        let grads = backward(y);
        let expected = xs.iter().zip(&dys).map(|(x, dy)| dy / (one + x)).collect();
        close(name, elements(x.grad(&grads).unwrap()), expected);
    }
    let y = A::<B>::quotient(primitive(x.clone()), primitive(divisors.clone()));
    close("a/b", elements(tensor::<A<B>, 2>(y.clone())), xs.iter().zip(&bs).map(|(x, b)| x / b).collect());
    let grads = backward(y);
    close("da", elements(x.grad(&grads).unwrap()), dys.iter().zip(&bs).map(|(dy, b)| dy / b).collect());
    let expected = (0..xs.len()).map(|i| -dys[i] * xs[i] / (bs[i] * bs[i])).collect();
    close("db", elements(divisors.grad(&grads).unwrap()), expected);
    let grads = backward(A::<B>::quotient(primitive(x.clone()), primitive(shared.clone())));
    close("da of rows", elements(x.grad(&grads).unwrap()), (0..xs.len()).map(|i| dys[i] / ss[i / COLUMNS]).collect());
    // A sum may be near 0: its terms are what its error is measured by.
    let of_rows = elements(shared.grad(&grads).unwrap());
    assert_eq!(of_rows.len(), 50);
    for (row, actual) in of_rows.into_iter().enumerate() {
        let terms = (0..COLUMNS).map(|i| -dys[row * COLUMNS + i] * xs[row * COLUMNS + i] / (ss[row] * ss[row]));
        let (sum, size) = terms.fold((0.0, 0.0), |(sum, size), term: f64| (sum + term, size + term.abs()));
        assert!((f64::from(actual) - sum).abs() <= 2e-6 * size, "db of row {row}: {actual} {sum}");
    }
}

/// Along either dimension, and with one divisor for all of a vector.
pub(crate) fn shares_are_those_of_f64<B: ModelBackend>() {
    const SHAPE: [usize; 2] = [50, 40];
    let (x, slopes) = ((matrix::<A<B>>(1, SHAPE) * 3.0).detach().require_grad(), matrix::<A<B>>(2, SHAPE));
    let numbers = |tensor: &Tensor<A<B>, 2>| elements(tensor.clone()).into_iter().map(f64::from).collect::<Vec<_>>();
    let [xs, dys] = [&x, &slopes].map(numbers);
    for dim in [0, 1] {
        let y = tensor::<A<B>, 2>(A::<B>::shares(primitive(x.clone()), dim));
        let grads = (y.clone() * slopes.clone()).sum().backward();
        let (actual, of_x) = (elements(y), elements(x.grad(&grads).unwrap()));
        let (count, apart, lines) = if dim == 0 { (SHAPE[0], SHAPE[1], SHAPE[1]) } else { (SHAPE[1], 1, SHAPE[0]) };
        for line in 0..lines {
            let places: Vec<usize> =
                (0..count).map(|k| if dim == 0 { line } else { line * SHAPE[1] } + k * apart).collect();
            let total: f64 = places.iter().map(|&place| xs[place].exp()).sum();
            let share = |place: usize| xs[place].exp() / total;
            let mean: f64 = places.iter().map(|&place| dys[place] * share(place)).sum();
            for &place in &places {
                let (share, dx) = (share(place), share(place) * (dys[place] - mean));
                assert!((f64::from(actual[place]) - share).abs() <= 1e-5 * share, "{dim}: {} {share}", actual[place]);
                assert!((f64::from(of_x[place]) - dx).abs() <= 1e-5 * share * 4.0, "{dim}: {} {dx}", of_x[place]);
            }
        }
    }
    let (a, b) = (vector::<A<B>>(normals(3, 64)).require_grad(), vector::<A<B>>(vec![0.7]).require_grad());
    let quotient = tensor::<A<B>, 1>(A::<B>::quotient(primitive(a.clone()), primitive(b.clone())));
    let grads = quotient.sum().backward();
    let sum: f64 = elements(a.clone()).into_iter().map(f64::from).sum();
    assert_close("da", &elements(a.grad(&grads).unwrap()), &[1.0 / 0.7; 64], 1e-6);
    assert_close("db", &elements(b.grad(&grads).unwrap()), &[(-sum / (0.7 * 0.7)) as f32], 1e-5);
    let both = tensor::<A<B>, 1>(A::<B>::quotient(primitive(a.clone()), primitive(a.clone())));
    assert_close("a/a", &elements(a.grad(&both.sum().backward()).unwrap()), &[0.0; 64], 1e-6);
}

fn batch_norm_equals_autodiff_through_its_moments<B: ModelBackend>() {
    let x = (matrix::<A<B>>(1, [65, 6]) * 2.0 + 1.0).detach().require_grad();
    let gamma = vector::<A<B>>(normals(2, 6)).require_grad();
    let beta = vector::<A<B>>(normals(3, 6)).require_grad();
    let (mean, variance) = A::<B>::batch_moments(primitive(x.clone()));
    let norm = NormTensors {
        gamma: primitive(gamma.clone()),
        beta: primitive(beta.clone()),
        mean,
        variance,
        epsilon: 1e-5,
        moments_of_batch: true,
    };
    let ours = tensor::<A<B>, 2>(A::<B>::batch_norm(primitive(x.clone()), norm));
    let mean = x.clone().mean_dim(0);
    let centred = x.clone() - mean;
    let variance = centred.clone().powi_scalar(2).mean_dim(0);
    let composed = centred / (variance + 1e-5).sqrt() * gamma.clone().unsqueeze() + beta.clone().unsqueeze();
    assert_close("y", &elements(ours.clone()), &elements(composed.clone()), 1e-5);
    let others = [gamma, beta];
    let ours = gradients::<B>(&x, &others, ours);
    let composed = gradients::<B>(&x, &others, composed);
    for (name, (ours, composed)) in ["dx", "dgamma", "dbeta"].into_iter().zip(ours.iter().zip(&composed)) {
        assert_close(name, ours, composed, 5e-5);
    }
}

fn dropout_passes_the_gradient_through_its_own_mask<B: ModelBackend>() {
    let key = DropoutKey { seed: 5, step: 9, layer: 1 };
    let x = matrix::<A<B>>(1, [20, 30]).require_grad();
    let y = tensor::<A<B>, 2>(A::<B>::dropout(primitive(x.clone()), key, 0.5));
    let grads = y.clone().sum().backward();
    let mask = elements(x.grad(&grads).unwrap());
    let expected: Vec<f32> = elements(x).iter().zip(&mask).map(|(x, m)| x * m).collect();
    assert_eq!(elements(y), expected);
    assert!(mask.iter().all(|&m| m == 0.0 || m == 2.0) && mask.contains(&0.0) && mask.contains(&2.0));
}

/// (softplus(z) − y·z) in f64.
fn loss(z: f64, y: f64) -> f64 {
    z.max(0.0) + (-z.abs()).exp().ln_1p() - y * z
}

fn loss_is_stable_and_its_gradient_exact_at_zero<B: ModelBackend>() {
    let z = [0.0, 1.5, -2.5, 0.0, 40.0, -40.0, 200.0, -200.0];
    let y = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0];
    let logits = vector::<A<B>>(z.to_vec()).require_grad();
    let value = bce_with_logits(logits.clone(), vector::<A<B>>(y.to_vec()));
    let expected = z.iter().zip(&y).map(|(&z, &y)| loss(f64::from(z), f64::from(y))).sum::<f64>() / 8.0;
    assert_close("loss", &elements(value.clone()), &[expected as f32], 1e-6);
    let grads = value.backward();
    let slopes: Vec<f32> = z
        .iter()
        .zip(&y)
        .map(|(&z, &y)| {
            let (z, y, h) = (f64::from(z), f64::from(y), 1e-4);
            ((loss(z + h, y) - loss(z - h, y)) / (2.0 * h) / 8.0) as f32
        })
        .collect();
    assert_close("dz", &elements(logits.grad(&grads).unwrap()), &slopes, 1e-5);
}

on_backends!(
    logarithms_and_quotients_are_those_of_f64,
    shares_are_those_of_f64,
    affine_equals_autodiff,
    batch_norm_equals_autodiff_through_its_moments,
    dropout_passes_the_gradient_through_its_own_mask,
    loss_is_stable_and_its_gradient_exact_at_zero
);
