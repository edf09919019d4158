//! Batch normalisation: its moments, and one pass over the elements in each direction.
use burn::tensor::backend::Backend;
use burn::tensor::{DType, Shape};
use burn_cubecl::CubeRuntime;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::columns::{GROUP, quotient_of_rows, sum_rows};
use super::launch::{array, grid};
use crate::op::NormTensors;

/// Σ (x − mean)² of each column over groups of `group` rows; x: [rows, columns], mean: \[columns\], to: [⌈rows/group⌉, columns].
#[cube(launch_unchecked, address_type = "dynamic")]
fn fold_squares(
    x: &Array<f32>,
    mean: &Array<f32>,
    to: &mut Array<f32>,
    rows: usize,
    columns: usize,
    #[comptime] group: usize,
) {
    if ABSOLUTE_POS >= to.len() {
        terminate!();
    }
    let column = ABSOLUTE_POS % columns;
    let first = ABSOLUTE_POS / columns * group;
    let mut end = first + group;
    if end > rows {
        end = rows;
    }
    let centre = mean[column];
    let mut sum = 0.0f32;
    for row in first..end {
        let deviation = x[row * columns + column] - centre;
        sum += deviation * deviation;
    }
    to[ABSOLUTE_POS] = sum;
}

/// y = γ·(x − mean)/√(variance + ε) + β; x, y: [B, C], the others \[C\].
#[cube(launch_unchecked, address_type = "dynamic")]
fn normalise(
    x: &Array<f32>,
    mean: &Array<f32>,
    variance: &Array<f32>,
    gamma: &Array<f32>,
    beta: &Array<f32>,
    y: &mut Array<f32>,
    columns: usize,
    epsilon: f32,
) {
    if ABSOLUTE_POS >= y.len() {
        terminate!();
    }
    let column = ABSOLUTE_POS % columns;
    let normalised = (x[ABSOLUTE_POS] - mean[column]) * (1.0f32 / f32::sqrt(variance[column] + epsilon));
    y[ABSOLUTE_POS] = normalised * gamma[column] + beta[column];
}

/// Σ dy and Σ dy·x̂ of each column over groups of `group` rows, x̂ the normalised x; to: [⌈rows/group⌉, 2·columns], the second sums behind the
/// first.
#[cube(launch_unchecked, address_type = "dynamic")]
fn fold_gradients(
    x: &Array<f32>,
    grad: &Array<f32>,
    mean: &Array<f32>,
    variance: &Array<f32>,
    to: &mut Array<f32>,
    rows: usize,
    columns: usize,
    epsilon: f32,
    #[comptime] group: usize,
) {
    if 2 * ABSOLUTE_POS >= to.len() {
        terminate!();
    }
    let column = ABSOLUTE_POS % columns;
    let number = ABSOLUTE_POS / columns;
    let first = number * group;
    let mut end = first + group;
    if end > rows {
        end = rows;
    }
    let centre = mean[column];
    let reciprocal = 1.0f32 / f32::sqrt(variance[column] + epsilon);
    let mut plain = 0.0f32;
    let mut weighted = 0.0f32;
    for row in first..end {
        let place = row * columns + column;
        plain += grad[place];
        weighted += grad[place] * ((x[place] - centre) * reciprocal);
    }
    to[number * 2 * columns + column] = plain;
    to[number * 2 * columns + columns + column] = weighted;
}

/// dx, and dγ and dβ from the sums of [`fold_gradients`], \[2·columns\]. With `of_batch` mean and variance are x's own.
#[cube(launch_unchecked, address_type = "dynamic")]
fn gradient(
    x: &Array<f32>,
    grad: &Array<f32>,
    mean: &Array<f32>,
    variance: &Array<f32>,
    gamma: &Array<f32>,
    sums: &Array<f32>,
    dx: &mut Array<f32>,
    dgamma: &mut Array<f32>,
    dbeta: &mut Array<f32>,
    rows: f32,
    columns: usize,
    epsilon: f32,
    #[comptime] of_batch: bool,
) {
    if ABSOLUTE_POS >= dx.len() {
        terminate!();
    }
    let column = ABSOLUTE_POS % columns;
    let reciprocal = 1.0f32 / f32::sqrt(variance[column] + epsilon);
    let mut centred = grad[ABSOLUTE_POS];
    if comptime!(of_batch) {
        let normalised = (x[ABSOLUTE_POS] - mean[column]) * reciprocal;
        centred = centred - sums[column] / rows - normalised * (sums[columns + column] / rows);
    }
    dx[ABSOLUTE_POS] = centred * (gamma[column] * reciprocal);
    if ABSOLUTE_POS < columns {
        dbeta[ABSOLUTE_POS] = sums[column];
        dgamma[ABSOLUTE_POS] = sums[columns + column];
    }
}

/// out = `of_a`·a + `of_b`·b, elementwise.
#[cube(launch_unchecked)]
fn weighted(a: &Array<f32>, b: &Array<f32>, out: &mut Array<f32>, of_a: f32, of_b: f32) {
    if ABSOLUTE_POS >= out.len() {
        terminate!();
    }
    out[ABSOLUTE_POS] = a[ABSOLUTE_POS] * of_a + b[ABSOLUTE_POS] * of_b;
}

fn empty<R: CubeRuntime>(like: &CubeTensor<R>, shape: impl Into<Shape>) -> CubeTensor<R> {
    empty_device_contiguous_dtype(like.client.clone(), like.device.clone(), shape.into(), DType::F32)
}

/// Mean and biased variance over the rows; x: [B, C], neither of them 0.
pub(super) fn batch_moments<R: CubeRuntime>(x: CubeTensor<R>) -> [CubeTensor<R>; 2] {
    let x = into_contiguous(x);
    let [rows, columns] = x.meta.shape().dims();
    let mean = quotient_of_rows(x.clone(), rows as f32);
    let groups = rows.div_ceil(GROUP);
    let squares = empty(&x, [groups, columns]);
    let (count, dim) = grid(&x.client, groups * columns);
    // SAFETY: x has rows·columns numbers, the mean one for each column, and each thread writes the place of its own number, which it compares
    // with the length.
    unsafe {
        fold_squares::launch_unchecked::<R>(
            &x.client,
            count,
            dim,
            AddressType::from_len(rows * columns),
            array(&x.handle, rows * columns),
            array(&mean.handle, columns),
            array(&squares.handle, groups * columns),
            rows,
            columns,
            GROUP,
        );
    }
    [mean, quotient_of_rows(squares, rows as f32)]
}

/// The tensors in one piece each: mean, variance, γ and β.
fn pieces<R: CubeRuntime, B: Backend<FloatTensorPrimitive = CubeTensor<R>>>(
    norm: NormTensors<B>,
) -> [CubeTensor<R>; 4] {
    [norm.mean, norm.variance, norm.gamma, norm.beta].map(into_contiguous)
}

/// See [`ModelBackend::batch_norm`](crate::ModelBackend::batch_norm); x: [B, C], neither of them 0.
pub(super) fn batch_norm<R: CubeRuntime, B: Backend<FloatTensorPrimitive = CubeTensor<R>>>(
    x: CubeTensor<R>,
    norm: NormTensors<B>,
) -> CubeTensor<R> {
    let (x, epsilon) = (into_contiguous(x), norm.epsilon as f32);
    let [mean, variance, gamma, beta] = pieces::<R, B>(norm);
    let [rows, columns] = x.meta.shape().dims();
    let y = empty(&x, [rows, columns]);
    let (count, dim) = grid(&x.client, rows * columns);
    // SAFETY: x and y have rows·columns numbers, with which a thread compares its own, and the others one for each column.
    unsafe {
        normalise::launch_unchecked::<R>(
            &x.client,
            count,
            dim,
            AddressType::from_len(rows * columns),
            array(&x.handle, rows * columns),
            array(&mean.handle, columns),
            array(&variance.handle, columns),
            array(&gamma.handle, columns),
            array(&beta.handle, columns),
            array(&y.handle, rows * columns),
            columns,
            epsilon,
        );
    }
    y
}

/// The gradients of x, γ and β; see [`ModelBackend::batch_norm_backward`](crate::ModelBackend::batch_norm_backward).
pub(super) fn batch_norm_backward<R: CubeRuntime, B: Backend<FloatTensorPrimitive = CubeTensor<R>>>(
    x: CubeTensor<R>,
    grad: CubeTensor<R>,
    norm: NormTensors<B>,
) -> [CubeTensor<R>; 3] {
    let ([x, grad], epsilon, of_batch) = ([x, grad].map(into_contiguous), norm.epsilon as f32, norm.moments_of_batch);
    let [mean, variance, gamma, _] = pieces::<R, B>(norm);
    let [rows, columns] = x.meta.shape().dims();
    let groups = rows.div_ceil(GROUP);
    let sums = empty(&x, [groups, 2 * columns]);
    let (count, dim) = grid(&x.client, groups * columns);
    let address = AddressType::from_len(rows * columns);
    // SAFETY: x and its gradient have rows·columns numbers, the others one for each column; a thread has one of groups·columns places, of which
    // it writes the two that are its own.
    unsafe {
        fold_gradients::launch_unchecked::<R>(
            &x.client,
            count,
            dim,
            address,
            array(&x.handle, rows * columns),
            array(&grad.handle, rows * columns),
            array(&mean.handle, columns),
            array(&variance.handle, columns),
            array(&sums.handle, groups * 2 * columns),
            rows,
            columns,
            epsilon,
            GROUP,
        );
    }
    let sums = sum_rows(sums);
    let (dx, dgamma, dbeta) = (empty(&x, [rows, columns]), empty(&x, [columns]), empty(&x, [columns]));
    let (count, dim) = grid(&x.client, rows * columns);
    // SAFETY: as above; there is a row, so a thread for each column.
    unsafe {
        gradient::launch_unchecked::<R>(
            &x.client,
            count,
            dim,
            address,
            array(&x.handle, rows * columns),
            array(&grad.handle, rows * columns),
            array(&mean.handle, columns),
            array(&variance.handle, columns),
            array(&gamma.handle, columns),
            array(&sums.handle, 2 * columns),
            array(&dx.handle, rows * columns),
            array(&dgamma.handle, columns),
            array(&dbeta.handle, columns),
            rows as f32,
            columns,
            epsilon,
            of_batch,
        );
    }
    [dx, dgamma, dbeta]
}

/// `of_a`·a + `of_b`·b; a, b: \[C\].
pub(super) fn weighted_sum<R: CubeRuntime>(a: CubeTensor<R>, b: CubeTensor<R>, of_a: f32, of_b: f32) -> CubeTensor<R> {
    let [a, b] = [a, b].map(into_contiguous);
    let numbers = a.meta.num_elements();
    let out = empty(&a, [numbers]);
    let (count, dim) = grid(&a.client, numbers);
    // SAFETY: the three have one length, with which a thread compares its number.
    unsafe {
        weighted::launch_unchecked::<R>(
            &a.client,
            count,
            dim,
            array(&a.handle, numbers),
            array(&b.handle, numbers),
            array(&out.handle, numbers),
            of_a,
            of_b,
        );
    }
    out
}
