//! Vectors by their places: out[n, p] = x[n, places[p]].
//!
//! The backward pass of Burn's `select` walks over all places in one thread for each example and number, adding to zeros that it wrote before.
use burn::tensor::{DType, Shape};
use burn_cubecl::CubeRuntime;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::launch::{array, grid};

/// One thread for each number of out; x: [N, K, D], out: [N, P, D].
#[cube(launch_unchecked, address_type = "dynamic")]
fn forward(x: &Array<f32>, places: &Array<u32>, out: &mut Array<f32>, count: usize, width: usize) {
    if ABSOLUTE_POS >= out.len() {
        terminate!();
    }
    let vector = ABSOLUTE_POS / width;
    let row = vector / places.len();
    let place = usize::cast_from(places[vector % places.len()]);
    out[ABSOLUTE_POS] = x[(row * count + place) * width + ABSOLUTE_POS % width];
}

/// Σ over the places that read vector k, first one first; they are `order[offsets[k]..offsets[k + 1]]`. One thread for each number of out; grad:
/// [N, P, D], out: [N, K, D].
#[cube(launch_unchecked, address_type = "dynamic")]
fn backward(
    grad: &Array<f32>,
    offsets: &Array<u32>,
    order: &Array<u32>,
    out: &mut Array<f32>,
    count: usize,
    width: usize,
) {
    if ABSOLUTE_POS >= out.len() {
        terminate!();
    }
    let vector = ABSOLUTE_POS / width;
    let row = vector / count;
    let mut sum = 0.0f32;
    for i in offsets[vector % count]..offsets[vector % count + 1] {
        let place = usize::cast_from(order[usize::cast_from(i)]);
        sum += grad[(row * order.len() + place) * width + ABSOLUTE_POS % width];
    }
    out[ABSOLUTE_POS] = sum;
}

fn empty<R: CubeRuntime>(like: &CubeTensor<R>, shape: [usize; 3]) -> CubeTensor<R> {
    empty_device_contiguous_dtype(like.client.clone(), like.device.clone(), Shape::from(shape), DType::F32)
}

fn upload<R: CubeRuntime>(like: &CubeTensor<R>, numbers: &[u32]) -> cubecl::server::Handle {
    like.client.create_from_slice(bytemuck::cast_slice(numbers))
}

/// x may not be empty.
pub(super) fn pick<R: CubeRuntime>(x: CubeTensor<R>, places: &[u32]) -> CubeTensor<R> {
    let [rows, count, width] = x.meta.shape().dims();
    let x = into_contiguous(x);
    let (out, length) = (empty(&x, [rows, places.len(), width]), rows * places.len() * width);
    // Nothing is copied where there is no place: CUDA refuses a copy of no bytes.
    if places.is_empty() {
        return out;
    }
    let (blocks, dim) = grid(&x.client, length);
    // SAFETY: every place is one of x's vectors; a thread compares its number with the length.
    unsafe {
        forward::launch_unchecked::<R>(
            &x.client,
            blocks,
            dim,
            AddressType::from_len(length.max(rows * count * width)),
            array(&x.handle, rows * count * width),
            array(&upload(&x, places), places.len()),
            array(&out.handle, length),
            count,
            width,
        );
    }
    out
}

/// The gradient of x, which has `count` vectors in a row.
pub(super) fn pick_backward<R: CubeRuntime>(grad: CubeTensor<R>, places: &[u32], count: usize) -> CubeTensor<R> {
    let [rows, _, width] = grad.meta.shape().dims();
    let grad = into_contiguous(grad);
    let mut order: Vec<u32> = (0..places.len() as u32).collect();
    order.sort_by_key(|&place| places[place as usize]);
    let mut offsets = vec![0_u32; count + 1];
    for &place in places {
        offsets[place as usize + 1] += 1;
    }
    for k in 0..count {
        offsets[k + 1] += offsets[k];
    }
    let (out, length) = (empty(&grad, [rows, count, width]), rows * count * width);
    let (blocks, dim) = grid(&grad.client, length);
    // SAFETY: the order has the places of the gradient's vectors; a thread compares its number with the length.
    unsafe {
        backward::launch_unchecked::<R>(
            &grad.client,
            blocks,
            dim,
            AddressType::from_len(length.max(rows * places.len() * width)),
            array(&grad.handle, rows * places.len() * width),
            array(&upload(&grad, &offsets), offsets.len()),
            array(&upload(&grad, &order), order.len()),
            array(&out.handle, length),
            count,
            width,
        );
    }
    out
}
