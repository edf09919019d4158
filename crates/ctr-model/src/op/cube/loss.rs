//! Binary cross-entropy with logits and its gradient, in one pass each.
use burn::tensor::{DType, Shape};
use burn_cubecl::CubeRuntime;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::launch::{array, grid};
use super::total::{THREADS, sum_of_threads};

/// Σ (max(z, 0) − z·y + log(1 + exp(−|z|)))/B, by one group of threads.
#[cube(launch_unchecked, address_type = "dynamic")]
fn mean(logits: &Array<f32>, labels: &Array<f32>, out: &mut Array<f32>, count: usize, examples: f32) {
    let mut sum = 0.0f32;
    let mut place = UNIT_POS as usize;
    while place < count {
        let z = logits[place];
        let mut magnitude = z;
        let mut positive = z;
        if z < 0.0f32 {
            magnitude = 0.0f32 - z;
            positive = 0.0f32;
        }
        let tail = f32::log1p(f32::exp(0.0f32 - magnitude));
        sum += positive - z * labels[place] + tail;
        place += comptime!(THREADS as usize);
    }
    let sum = sum_of_threads(sum, THREADS);
    if UNIT_POS == 0 {
        out[0] = sum / examples;
    }
}

/// (σ(z) − y)·g/B, g the gradient of the loss.
#[cube(launch_unchecked, address_type = "dynamic")]
fn gradient(logits: &Array<f32>, labels: &Array<f32>, grad: &Array<f32>, out: &mut Array<f32>, examples: f32) {
    if ABSOLUTE_POS >= out.len() {
        terminate!();
    }
    // e^−|z| overflows for no logit.
    let z = logits[ABSOLUTE_POS];
    let mut magnitude = z;
    if z < 0.0f32 {
        magnitude = 0.0f32 - z;
    }
    let tail = f32::exp(0.0f32 - magnitude);
    let mut probability = 1.0f32 / (1.0f32 + tail);
    if z < 0.0f32 {
        probability = tail / (1.0f32 + tail);
    }
    out[ABSOLUTE_POS] = (probability - labels[ABSOLUTE_POS]) * (grad[0] / examples);
}

fn empty<R: CubeRuntime>(like: &CubeTensor<R>, shape: Shape) -> CubeTensor<R> {
    empty_device_contiguous_dtype(like.client.clone(), like.device.clone(), shape, DType::F32)
}

/// The mean loss of a batch that is not empty; logits, labels: \[B\] → \[1\].
pub(super) fn bce_with_logits<R: CubeRuntime>(logits: CubeTensor<R>, labels: CubeTensor<R>) -> CubeTensor<R> {
    let [logits, labels] = [logits, labels].map(into_contiguous);
    let examples = logits.meta.num_elements();
    let out = empty(&logits, Shape::from([1]));
    // SAFETY: logits and labels have one length, with which a thread compares each place; one thread writes the one number of the result.
    unsafe {
        mean::launch_unchecked::<R>(
            &logits.client,
            CubeCount::Static(1, 1, 1),
            CubeDim::new_1d(THREADS),
            AddressType::from_len(examples),
            array(&logits.handle, examples),
            array(&labels.handle, examples),
            array(&out.handle, 1),
            examples,
            examples as f32,
        );
    }
    out
}

/// The gradient of the logits, \[B\], given that of the loss, \[1\].
pub(super) fn bce_with_logits_backward<R: CubeRuntime>(
    logits: CubeTensor<R>,
    labels: CubeTensor<R>,
    grad: CubeTensor<R>,
) -> CubeTensor<R> {
    let [logits, labels, grad] = [logits, labels, grad].map(into_contiguous);
    let examples = logits.meta.num_elements();
    let out = empty(&logits, Shape::from([examples]));
    let (count, dim) = grid(&logits.client, examples);
    // SAFETY: all but the gradient of the loss, one number, have one length, with which a thread compares its number.
    unsafe {
        gradient::launch_unchecked::<R>(
            &logits.client,
            count,
            dim,
            AddressType::from_len(examples),
            array(&logits.handle, examples),
            array(&labels.handle, examples),
            array(&grad.handle, 1),
            array(&out.handle, examples),
            examples as f32,
        );
    }
    out
}
