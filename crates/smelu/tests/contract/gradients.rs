//! The backward pass inside a larger graph.

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::strategy::{BalancedCheckpointing, CheckpointStrategy};
use burn::tensor::{DType, Tensor};
use smelu::op::{ActivationBackend, Curve, activation};

use crate::backends::{curves, elements, has_f64, on_each_backend, tensor};

const X: [f64; 8] = [-3.1, -0.93, -0.41, -0.17, 0.13, 0.46, 0.88, 2.7];

/// A loss that is not linear in the activation, so that the upstream gradient matters: Σ f(x)²/(1 + f(x)²).
fn loss(x: &[f64], f: impl Fn(f64) -> f64) -> f64 {
    x.iter().map(|x| f(*x).powi(2)).map(|square| square / (1.0 + square)).sum()
}

fn finite_differences_agree<B: ActivationBackend>() {
    let (dtype, tolerance) = if has_f64::<B>() { (DType::F64, 1e-8) } else { (DType::F32, 1e-5) };
    for (text, curve) in curves() {
        let x = tensor::<Autodiff<B>, 1>(&X, [X.len()], dtype).require_grad();
        let square = activation(x.clone(), curve).square();
        let grads = (square.clone() / (square + 1.0)).sum().backward();
        let gradient = elements(x.grad(&grads).expect("x requires a gradient"));
        for (i, analytic) in gradient.into_iter().enumerate() {
            let step = 1e-6;
            let at = |offset: f64| {
                let mut x = X;
                x[i] += offset;
                loss(&x, |x| curve.value(x))
            };
            let numeric = (at(step) - at(-step)) / (2.0 * step);
            assert!((analytic - numeric).abs() < tolerance, "{text} at {}: {analytic} for {numeric}", X[i]);
        }
    }
}

/// Value, gradient of the input and gradient of the weights of two layers.
fn two_layers<B: ActivationBackend, C: CheckpointStrategy>(curve: &Curve) -> [Vec<f64>; 3] {
    type Ad<B, C> = Autodiff<B, C>;
    let leaf = |scale: f64, shape: [usize; 2]| {
        let values: Vec<f64> = (0..shape[0] * shape[1]).map(|i| (i as f64 * scale).sin()).collect();
        tensor::<Ad<B, C>, 2>(&values, shape, DType::F32).require_grad()
    };
    let (x, w) = (leaf(0.7, [4, 3]), leaf(1.3, [3, 3]));
    let hidden = activation(x.clone().matmul(w.clone()), *curve);
    // The output is read twice: once by the next layer and once by the sum.
    let y: Tensor<Ad<B, C>, 2> = activation(hidden.clone().matmul(w.clone()), *curve) + hidden.exp();
    let grads = y.clone().sum().backward();
    let gradient = |leaf: &Tensor<Ad<B, C>, 2>| elements(leaf.grad(&grads).expect("a leaf has a gradient"));
    [elements(y), gradient(&x), gradient(&w)]
}

fn gradient_checkpointing_changes_nothing<B: ActivationBackend>() {
    for (text, curve) in curves() {
        assert_eq!(
            two_layers::<B, burn::backend::autodiff::checkpoint::strategy::NoCheckpointing>(&curve),
            two_layers::<B, BalancedCheckpointing>(&curve),
            "{text}"
        );
    }
}

/// An input that needs no gradient records nothing and is left alone.
fn an_untracked_input_gives_the_same_value<B: ActivationBackend>() {
    for (text, curve) in curves() {
        let x = tensor::<Autodiff<B>, 1>(&X, [X.len()], DType::F32);
        let y = activation(x.clone(), curve);
        assert!(!y.is_require_grad(), "{text}");
        assert_eq!(elements(y), elements(activation(x.require_grad(), curve)));
    }
}

on_each_backend!(
    finite_differences_agree,
    gradient_checkpointing_changes_nothing,
    an_untracked_input_gives_the_same_value,
);
