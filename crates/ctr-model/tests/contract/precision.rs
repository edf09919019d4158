//! Products in bfloat16.
#[cfg(any(feature = "cuda", feature = "wgpu"))]
use std::io::{Write, stderr};

use burn::backend::{Autodiff, Flex};
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorPrimitive, bf16};
use ctr_model::init::Initializer;
use ctr_model::linear::Linear;
use ctr_model::mlp::MlpConfig;
use ctr_model::op::reference;
use ctr_model::{ModelBackend, Pass, Precision};

use crate::backends::on_backends;
use crate::values::{elements, matrix};

/// Of many elements, this part may be on the other side of a tie: sums in `f32` and in `f64` differ.
const ELSEWHERE: f64 = 0.005;

fn primitive<B: Backend>(tensor: &Tensor<B, 2>) -> B::FloatTensorPrimitive {
    tensor.clone().into_primitive().tensor()
}

fn values<B: Backend>(primitive: B::FloatTensorPrimitive) -> Vec<f32> {
    elements(Tensor::<B, 2>::from_primitive(TensorPrimitive::Float(primitive)))
}

/// a·b from rounded factors, summed in `f64`; a: [M, K], b: [K, N].
fn expected<B: Backend>(a: &Tensor<B, 2>, b: &Tensor<B, 2>) -> Vec<bf16> {
    let ([m, k], n) = (a.dims(), b.dims()[1]);
    let rounded =
        |x: &Tensor<B, 2>| elements(x.clone()).into_iter().map(|x| bf16::from_f32(x).to_f64()).collect::<Vec<_>>();
    let (a, b) = (rounded(a), rounded(b));
    let element = |i: usize, j: usize| (0..k).map(|l| a[i * k + l] * b[l * n + j]).sum::<f64>();
    (0..m).flat_map(|i| (0..n).map(move |j| (i, j))).map(|(i, j)| bf16::from_f64(element(i, j))).collect()
}

fn assert_rounded(name: &str, actual: &[f32], expected: &[bf16]) {
    assert_eq!(actual.len(), expected.len(), "{name}");
    let mut elsewhere = 0;
    for (actual, expected) in actual.iter().zip(expected) {
        let rounded = bf16::from_f32(*actual);
        assert_eq!(rounded.to_f32().to_bits(), actual.to_bits(), "{name}: {actual} is no bfloat16");
        if rounded != *expected {
            elsewhere += 1;
            let error = (rounded.to_f32() - expected.to_f32()).abs();
            assert!(error <= expected.to_f32().abs() / 128.0 + 1e-6, "{name}: {actual} against {expected}");
        }
    }
    assert!(f64::from(elsewhere) <= ELSEWHERE * actual.len() as f64, "{name}: {elsewhere} of {}", actual.len());
}

fn products_have_rounded_factors_and_are_rounded<B: ModelBackend>() {
    for [rows, inputs, outputs] in [[40, 1, 30], [400, 12, 9], [1500, 40, 3]] {
        let (x, weight) = (matrix::<B>(1, [rows, inputs]), matrix::<B>(2, [inputs, outputs]));
        let grad = matrix::<B>(3, [rows, outputs]);
        let (before, bf16) = (elements(x.clone()), Precision::Bf16);
        let y = values::<B>(B::product(primitive(&x), primitive(&weight), bf16));
        assert_rounded("y", &y, &expected(&x, &weight));
        let dx = values::<B>(B::product_input_grad(primitive(&grad), primitive(&weight), bf16));
        assert_rounded("dx", &dx, &expected(&grad, &weight.clone().transpose()));
        let dw = values::<B>(B::product_weight_grad(primitive(&x), primitive(&grad), bf16));
        assert_rounded("dW", &dw, &expected(&x.clone().transpose(), &grad));
        assert_eq!(elements(x), before, "the factor itself is left as it was");
    }
}

fn a_linear_layer_computes_in_its_precision_forward_and_backward<B: ModelBackend>() {
    let device = B::Device::default();
    let init = Initializer { precision: Precision::Bf16, ..Initializer::<Autodiff<B>>::new(5, &device) };
    let layer = Linear::new("layer", 6, 4, init);
    let x = matrix::<Autodiff<B>>(1, [50, 6]).require_grad();
    let (grad, weight) = (matrix::<B>(2, [50, 4]), layer.weight.val().inner());
    // Σ grad·y has the gradient `grad` in y.
    let y = layer.forward(x.clone());
    assert_rounded("y", &elements(y.clone()), &expected(&x.clone().inner(), &weight));
    let mut grads = (y * Tensor::from_inner(grad.clone())).sum().backward();
    let dx = elements(x.grad_remove(&mut grads).unwrap());
    assert_rounded("dx", &dx, &expected(&grad, &weight.transpose()));
    let dw = elements(layer.weight.val().grad_remove(&mut grads).unwrap());
    assert_rounded("dW", &dw, &expected(&x.inner().transpose(), &grad));
}

/// The hidden layers of an MLP take their products without the bias.
fn a_product_alone_has_such_gradients<B: ModelBackend>() {
    let x = matrix::<Autodiff<B>>(1, [50, 6]).require_grad();
    let weight = matrix::<Autodiff<B>>(2, [6, 4]).require_grad();
    let grad = matrix::<B>(3, [50, 4]);
    let y = Autodiff::<B>::product(primitive(&x), primitive(&weight), Precision::Bf16);
    let y = Tensor::<Autodiff<B>, 2>::from_primitive(TensorPrimitive::Float(y));
    let mut grads = (y * Tensor::from_inner(grad.clone())).sum().backward();
    let [dx, dw] = [&x, &weight].map(|leaf| elements(leaf.grad_remove(&mut grads).unwrap()));
    assert_rounded("dx", &dx, &expected(&grad, &weight.inner().transpose()));
    assert_rounded("dW", &dw, &expected(&x.inner().transpose(), &grad));
}

fn an_mlp_has_rounded_hidden_layers_and_a_logit_in_f32<B: ModelBackend>() {
    let device = B::Device::default();
    let config: MlpConfig = serde_json::from_str(r#"{"hidden_units": [32, 16]}"#).unwrap();
    let logits = |precision| {
        let init = Initializer { precision, ..Initializer::<B>::new(5, &device) };
        elements(config.init("mlp", 8, init).forward(matrix::<B>(1, [500, 8]), Pass::Evaluate))
    };
    let (full, rounded) = (logits(Precision::F32), logits(Precision::Bf16));
    let scale = full.iter().fold(0.0_f32, |largest, z| largest.max(z.abs()));
    let errors: Vec<f32> = full.iter().zip(&rounded).map(|(f, r)| (f - r).abs()).collect();
    assert!(errors.iter().all(|error| *error <= 0.03 * scale), "{errors:?}, scale {scale}");
    assert!(errors.iter().filter(|error| **error > 0.0).count() > 450, "nothing was rounded");
    // Logits that were rounded themselves would have zeros in their last two bytes.
    assert!(rounded.iter().filter(|z| z.to_bits() & 0xffff != 0).count() > 450, "rounded logits");
}

on_backends!(
    products_have_rounded_factors_and_are_rounded,
    a_linear_layer_computes_in_its_precision_forward_and_backward,
    a_product_alone_has_such_gradients,
    an_mlp_has_rounded_hidden_layers_and_a_logit_in_f32
);

/// On a device that has the type.
#[cfg(any(feature = "cuda", feature = "wgpu"))]
fn on_a_device<B: ModelBackend>() {
    if !crate::device::works::<B>() {
        return;
    }
    if !B::computes_in(Precision::Bf16, &B::Device::default()) {
        // Not through the printing macros, whose output a test that passes does not show.
        let _ = writeln!(stderr(), "no bfloat16 on {}: its test is skipped", B::name(&B::Device::default()));
        return;
    }
    products_have_rounded_factors_and_are_rounded::<B>();
    a_linear_layer_computes_in_its_precision_forward_and_backward::<B>();
    a_product_alone_has_such_gradients::<B>();
    an_mlp_has_rounded_hidden_layers_and_a_logit_in_f32::<B>();
}

#[cfg(feature = "wgpu")]
#[test]
fn products_on_wgpu() {
    on_a_device::<burn::backend::Wgpu>();
}

#[cfg(feature = "cuda")]
#[test]
fn products_on_cuda() {
    on_a_device::<burn::backend::Cuda>();
}

/// The reference casts, as a device does; of the backends on the host only Flex has the type.
#[test]
fn the_reference_has_the_same_numbers() {
    let (x, weight, grad) = (matrix::<Flex>(1, [300, 12]), matrix::<Flex>(2, [12, 9]), matrix::<Flex>(3, [300, 9]));
    let y = reference::product::<Flex>(primitive(&x), primitive(&weight), Precision::Bf16);
    assert_rounded("y", &values::<Flex>(y), &expected(&x, &weight));
    let dx = reference::product_input_grad::<Flex>(primitive(&grad), primitive(&weight), Precision::Bf16);
    assert_rounded("dx", &values::<Flex>(dx), &expected(&grad, &weight.clone().transpose()));
    let dw = reference::product_weight_grad::<Flex>(primitive(&x), primitive(&grad), Precision::Bf16);
    assert_rounded("dW", &values::<Flex>(dw), &expected(&x.transpose(), &grad));
}
