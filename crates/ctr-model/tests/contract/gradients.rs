//! The hand-written backward passes against autodiff through the composed references, and against finite differences.
use burn::backend::Autodiff;
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
    affine_equals_autodiff,
    batch_norm_equals_autodiff_through_its_moments,
    dropout_passes_the_gradient_through_its_own_mask,
    loss_is_stable_and_its_gradient_exact_at_zero
);
