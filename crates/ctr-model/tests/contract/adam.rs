//! Adam's kernels against the reference, on one parameter and on many at once.
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorPrimitive};
use ctr_model::ModelBackend;
use ctr_model::op::reference;
use ctr_model::optim::AdamStep;

use crate::backends::on_backends;
use crate::values::{assert_close, elements, matrix};

const STEP: AdamStep =
    AdamStep { step_size: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, second_scale: 3.0, grad_scale: 0.5 };

fn primitive<B: Backend>(tensor: &Tensor<B, 2>) -> B::FloatTensorPrimitive {
    tensor.clone().into_primitive().tensor()
}

fn values<B: Backend>(primitive: B::FloatTensorPrimitive) -> Vec<f32> {
    elements(Tensor::<B, 2>::from_primitive(TensorPrimitive::Float(primitive)))
}

fn adam_equals_its_reference<B: ModelBackend>() {
    let shape = [300, 70];
    let tensors =
        || [matrix::<B>(1, shape), matrix::<B>(2, shape), matrix::<B>(3, shape).powi_scalar(2)].map(|t| primitive(&t));
    let grad = primitive(&matrix::<B>(4, shape));
    // Once on tensors of its own, once on shared ones, which must stay what they are; a device may pad the rows of a copy.
    let shared = tensors();
    for given in [tensors(), shared.clone()] {
        let actual = B::adam(given, grad.clone(), STEP);
        let expected = reference::adam::<B>(tensors(), grad.clone(), STEP);
        for (actual, expected) in actual.into_iter().zip(expected) {
            assert_close("adam", &values::<B>(actual), &values::<B>(expected), 1e-6);
        }
    }
    for (kept, before) in shared.into_iter().zip(tensors()) {
        assert_eq!(values::<B>(kept), values::<B>(before));
    }
}

/// Several parameters at once, more of them than a kernel takes, of which some are one number: as each of them alone.
fn adam_of_all_is_adam_of_each<B: ModelBackend>() {
    for count in [0, 1, 2, 39] {
        let shape = |number: usize| [1 + number % 5, 1 + number * number % 70];
        let tensor = |kind: usize, number| matrix::<B>((100 * kind + number) as u64, shape(number));
        let tensors = |number| [tensor(1, number), tensor(2, number), tensor(3, number).abs()].map(|t| primitive(&t));
        let grad = |number| primitive(&tensor(4, number));
        let all = (0..count).map(|number| (tensors(number), grad(number))).collect();
        let actual = B::adam_of_all(all, STEP);
        assert_eq!(actual.len(), count);
        for (number, actual) in actual.into_iter().enumerate() {
            let expected = B::adam(tensors(number), grad(number), STEP);
            for (actual, expected) in actual.into_iter().zip(expected) {
                assert_eq!(values::<B>(actual), values::<B>(expected), "{number} of {count}");
            }
        }
    }
}

on_backends!(adam_equals_its_reference, adam_of_all_is_adam_of_each);

#[cfg(any(feature = "cuda", feature = "wgpu"))]
fn on_a_device<B: ModelBackend>() {
    if crate::device::works::<B>() {
        adam_equals_its_reference::<B>();
        adam_of_all_is_adam_of_each::<B>();
    }
}

#[cfg(feature = "wgpu")]
#[test]
fn adam_on_wgpu() {
    on_a_device::<burn::backend::Wgpu>();
}

#[cfg(feature = "cuda")]
#[test]
fn adam_on_cuda() {
    on_a_device::<burn::backend::Cuda>();
}
