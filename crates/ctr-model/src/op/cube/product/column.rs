//! Products with a matrix of one column, or of one row: those of a layer with one output.
use burn::tensor::{DType, Shape};
use burn_cubecl::CubeRuntime;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubecl::calculate_cube_count_elemwise;
use cubecl::prelude::*;

use super::super::columns::weighted_sum_of_rows;
use super::super::launch::array;
use super::super::outer::outer_rows;
use super::super::total::{THREADS, sum_of_threads};
use super::plain;

/// Threads that share a row.
const LANES: u32 = 32;

/// Rows of a group.
const ROWS: usize = (THREADS / LANES) as usize;

/// out\[m\] = Σ a[m, k]·b\[k\], plus c\[0\] where `has_addend`: 32 threads for each row, whose terms are `LANES` apart.
#[cube(launch_unchecked, address_type = "dynamic")]
fn rows_by_column(
    a: &Array<f32>,
    b: &Array<f32>,
    c: &Array<f32>,
    out: &mut Array<f32>,
    inner: usize,
    stride: usize,
    b_stride: usize,
    #[comptime] has_addend: bool,
) {
    let lane = UNIT_POS % comptime!(LANES);
    let row = CUBE_POS * comptime!(ROWS) + UNIT_POS as usize / comptime!(LANES as usize);
    let mut sum = 0.0f32;
    if row < out.len() {
        let mut term = lane as usize;
        while term < inner {
            sum += a[row * stride + term] * b[term * b_stride];
            term += comptime!(LANES as usize);
        }
    }
    let sum = sum_of_threads(sum, LANES);
    if lane == 0 && row < out.len() {
        if comptime!(has_addend) {
            out[row] = sum + c[0];
        } else {
            out[row] = sum;
        }
    }
}

/// a·b, plus c; a: [M, K], b: [K, 1], c: \[1\] → [M, 1].
pub(super) fn by_column<R: CubeRuntime>(
    a: CubeTensor<R>,
    b: &CubeTensor<R>,
    c: Option<&CubeTensor<R>>,
) -> CubeTensor<R> {
    let [rows, inner] = a.meta.shape().dims();
    let (a, b_stride) = (plain(a), b.meta.strides()[0]);
    let [row_stride, term_stride] = [0, 1].map(|dim| a.meta.strides()[dim]);
    let (client, device) = (a.client.clone(), a.device.clone());
    let shape = Shape::from([rows, 1]);
    if term_stride != 1 && c.is_none() {
        // a lies transposed: its terms are rows.
        let sums = weighted_sum_of_rows(&a, [inner, rows, term_stride], b, b_stride);
        return CubeTensor::new_contiguous(client, device, shape, sums.handle, DType::F32);
    }
    let (a, row_stride) = if term_stride == 1 { (a, row_stride) } else { (into_contiguous(a), inner) };
    let out = empty_device_contiguous_dtype(client.clone(), device, shape, DType::F32);
    let dim = CubeDim::new_1d(THREADS);
    let count = calculate_cube_count_elemwise(&client, rows.div_ceil(ROWS) * THREADS as usize, dim);
    let stored = (rows - 1) * row_stride + inner;
    let stored_b = (inner - 1) * b_stride + 1;
    let (addend, addends) = c.map_or((&b.handle, stored_b), |c| (&c.handle, 1));
    // SAFETY: a thread compares its row with that of the result, and each term with their number; c is read where it is given.
    unsafe {
        rows_by_column::launch_unchecked::<R>(
            &client,
            count,
            dim,
            AddressType::from_len(stored.max(stored_b)),
            array(&a.handle, stored),
            array(&b.handle, stored_b),
            array(addend, addends),
            array(&out.handle, rows),
            inner,
            row_stride,
            b_stride,
            c.is_some(),
        );
    }
    out
}

/// a·b; a: [M, 1], b: [1, N] → [M, N].
pub(super) fn column_by_row<R: CubeRuntime>(a: CubeTensor<R>, b: CubeTensor<R>) -> CubeTensor<R> {
    let (rows, columns) = (a.meta.shape()[0], b.meta.shape()[1]);
    let [a, b] = [(a, rows, 0), (b, columns, 1)].map(|(factor, length, dim)| {
        let is_line = length == 1 || factor.meta.strides()[dim] == 1;
        let factor = if is_line { factor } else { into_contiguous(factor) };
        let (client, device) = (factor.client.clone(), factor.device.clone());
        CubeTensor::new_contiguous(client, device, Shape::from([1, length]), factor.handle, DType::F32)
    });
    let products = outer_rows(a, b);
    let (client, device) = (products.client.clone(), products.device.clone());
    CubeTensor::new_contiguous(client, device, Shape::from([rows, columns]), products.handle, DType::F32)
}
