//! Outer products of rows: c[n, h·F + f] = a[n, h]·b[n, f].
use burn::tensor::{DType, Shape};
use burn_cubecl::CubeRuntime;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::launch::{array, grid};

/// One thread for each number of c.
#[cube(launch_unchecked, address_type = "dynamic")]
fn products(a: &Array<f32>, b: &Array<f32>, out: &mut Array<f32>, left: usize, right: usize) {
    if ABSOLUTE_POS >= out.len() {
        terminate!();
    }
    let row = ABSOLUTE_POS / (left * right);
    let place = ABSOLUTE_POS % (left * right);
    out[ABSOLUTE_POS] = a[row * left + place / right] * b[row * right + place % right];
}

/// Σ grad[n, i·`stride` + j·`other_stride`]·factor[n, j] over the `others` numbers of a row of the other factor, j = 0 first; one thread for
/// each number of the gradient, of which a row has `own`.
#[cube(launch_unchecked, address_type = "dynamic")]
fn gradient(
    grad: &Array<f32>,
    factor: &Array<f32>,
    out: &mut Array<f32>,
    own: usize,
    others: usize,
    stride: usize,
    other_stride: usize,
) {
    if ABSOLUTE_POS >= out.len() {
        terminate!();
    }
    let row = ABSOLUTE_POS / own;
    let first = row * own * others + ABSOLUTE_POS % own * stride;
    let mut sum = 0.0f32;
    for j in 0..others {
        sum += grad[first + j * other_stride] * factor[row * others + j];
    }
    out[ABSOLUTE_POS] = sum;
}

fn empty<R: CubeRuntime>(like: &CubeTensor<R>, shape: [usize; 2]) -> CubeTensor<R> {
    empty_device_contiguous_dtype(like.client.clone(), like.device.clone(), Shape::from(shape), DType::F32)
}

/// a: [N, H], b: [N, F], neither of them empty → [N, H·F].
pub(super) fn outer_rows<R: CubeRuntime>(a: CubeTensor<R>, b: CubeTensor<R>) -> CubeTensor<R> {
    let ([rows, left], [_, right]) = (a.meta.shape().dims(), b.meta.shape().dims());
    let (a, b) = (into_contiguous(a), into_contiguous(b));
    let (out, length) = (empty(&a, [rows, left * right]), rows * left * right);
    let (count, dim) = grid(&a.client, length);
    // SAFETY: a thread compares its number with the length of c, and reads the numbers of a and b that belong to it.
    unsafe {
        products::launch_unchecked::<R>(
            &a.client,
            count,
            dim,
            AddressType::from_len(length),
            array(&a.handle, rows * left),
            array(&b.handle, rows * right),
            array(&out.handle, length),
            left,
            right,
        );
    }
    out
}

/// The gradients of a and b, given that of c.
pub(super) fn outer_rows_backward<R: CubeRuntime>(
    a: CubeTensor<R>,
    b: CubeTensor<R>,
    grad: CubeTensor<R>,
) -> [CubeTensor<R>; 2] {
    let ([rows, left], [_, right]) = (a.meta.shape().dims(), b.meta.shape().dims());
    let [a, b, grad] = [a, b, grad].map(into_contiguous);
    let of = |factor: &CubeTensor<R>, [own, others]: [usize; 2], [stride, other_stride]: [usize; 2]| {
        let out = empty(&grad, [rows, own]);
        let (count, dim) = grid(&grad.client, rows * own);
        // SAFETY: a thread compares its number with the length of the gradient, and reads numbers of its row alone.
        unsafe {
            gradient::launch_unchecked::<R>(
                &grad.client,
                count,
                dim,
                AddressType::from_len(rows * left * right),
                array(&grad.handle, rows * left * right),
                array(&factor.handle, rows * others),
                array(&out.handle, rows * own),
                own,
                others,
                stride,
                other_stride,
            );
        }
        out
    };
    [of(&b, [left, right], [right, 1]), of(&a, [right, left], [1, right])]
}
