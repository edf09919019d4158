//! Matrices side by side, and the columns of one matrix.
use burn::tensor::{DType, Shape};
use burn_cubecl::CubeRuntime;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::launch::{array, grid};

/// One thread for each number of out; a: [N, `left`], b: [N, `right`], out: [N, `left` + `right`].
#[cube(launch_unchecked, address_type = "dynamic")]
fn rows(a: &Array<f32>, b: &Array<f32>, out: &mut Array<f32>, left: usize, right: usize) {
    if ABSOLUTE_POS >= out.len() {
        terminate!();
    }
    let row = ABSOLUTE_POS / (left + right);
    let column = ABSOLUTE_POS % (left + right);
    if column < left {
        out[ABSOLUTE_POS] = a[row * left + column];
    } else {
        out[ABSOLUTE_POS] = b[row * right + (column - left)];
    }
}

/// One thread for each number of out, which has the columns of x from `first` on; a row of x begins every `stride` numbers.
#[cube(launch_unchecked, address_type = "dynamic")]
fn part(x: &Array<f32>, out: &mut Array<f32>, first: usize, count: usize, stride: usize) {
    if ABSOLUTE_POS >= out.len() {
        terminate!();
    }
    out[ABSOLUTE_POS] = x[ABSOLUTE_POS / count * stride + first + ABSOLUTE_POS % count];
}

fn empty<R: CubeRuntime>(like: &CubeTensor<R>, shape: [usize; 2]) -> CubeTensor<R> {
    empty_device_contiguous_dtype(like.client.clone(), like.device.clone(), Shape::from(shape), DType::F32)
}

/// a: [N, M], b: [N, K], neither of them empty → [N, M + K].
pub(super) fn beside<R: CubeRuntime>(a: CubeTensor<R>, b: CubeTensor<R>) -> CubeTensor<R> {
    let ([count, left], [count_of_b, right]) = (a.meta.shape().dims(), b.meta.shape().dims());
    assert_eq!(count, count_of_b, "matrices side by side have as many rows");
    let [a, b] = [a, b].map(into_contiguous);
    let (out, length) = (empty(&a, [count, left + right]), count * (left + right));
    let (cubes, dim) = grid(&a.client, length);
    // SAFETY: a thread compares its number with the length, and reads the one number that belongs at its place.
    unsafe {
        rows::launch_unchecked::<R>(
            &a.client,
            cubes,
            dim,
            AddressType::from_len(length),
            array(&a.handle, count * left),
            array(&b.handle, count * right),
            array(&out.handle, length),
            left,
            right,
        );
    }
    out
}

/// The `count` columns of x from `first` on, of which there is at least one; x: [N, C] → [N, `count`].
pub(super) fn columns_of<R: CubeRuntime>(x: CubeTensor<R>, first: usize, count: usize) -> CubeTensor<R> {
    let [rows, columns] = x.meta.shape().dims();
    assert!(first + count <= columns, "columns {first} to {} of {columns}", first + count);
    let x = if x.meta.strides()[1] == 1 { x } else { into_contiguous(x) };
    let stride = x.meta.strides()[0];
    let (out, stored) = (empty(&x, [rows, count]), (rows - 1) * stride + columns);
    let (cubes, dim) = grid(&x.client, rows * count);
    // SAFETY: the columns lie in x, and a thread compares its number with the length of the result.
    unsafe {
        part::launch_unchecked::<R>(
            &x.client,
            cubes,
            dim,
            AddressType::from_len(stored),
            array(&x.handle, stored),
            array(&out.handle, rows * count),
            first,
            count,
            stride,
        );
    }
    out
}
