//! Test data: numbers that look random and are the same everywhere.
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use ctr_model::random::Philox;

/// Standard normal numbers.
pub(crate) fn normals(seed: u64, length: usize) -> Vec<f32> {
    let mut values = vec![0.0; length];
    Philox::new(seed).fill_normal(0, &mut values);
    values
}

/// A matrix of standard normal numbers.
pub(crate) fn matrix<B: Backend>(seed: u64, shape: [usize; 2]) -> Tensor<B, 2> {
    Tensor::from_data(TensorData::new(normals(seed, shape[0] * shape[1]), shape), &B::Device::default())
}

/// A vector.
pub(crate) fn vector<B: Backend>(values: Vec<f32>) -> Tensor<B, 1> {
    let length = values.len();
    Tensor::from_data(TensorData::new(values, [length]), &B::Device::default())
}

/// The elements of a tensor.
pub(crate) fn elements<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Vec<f32> {
    // CUDA reads no tensor without elements.
    if tensor.shape().num_elements() == 0 {
        return Vec::new();
    }
    tensor.into_data().iter::<f32>().collect()
}

/// Asserts that two slices agree within `tolerance` of the largest element.
pub(crate) fn assert_close(name: &str, actual: &[f32], expected: &[f32], tolerance: f32) {
    assert_close_to_scale(name, actual, expected, tolerance, 1e-3);
}

/// Asserts that two slices agree within `tolerance` of the largest element, taken to be at least `least`.
pub(crate) fn assert_close_to_scale(name: &str, actual: &[f32], expected: &[f32], tolerance: f32, least: f32) {
    assert_eq!(actual.len(), expected.len(), "{name}");
    let scale = expected.iter().fold(least, |largest, value| largest.max(value.abs()));
    for (index, (a, e)) in actual.iter().zip(expected).enumerate() {
        assert!((a - e).abs() <= tolerance * scale, "{name}[{index}]: {a} against {e}, scale {scale}");
    }
}
