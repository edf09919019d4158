//! Sums over the batch, in an order that is a function of the shape.
use burn::tensor::{DType, Shape};
use burn_cubecl::CubeRuntime;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::launch::{array, grid};
use super::total::{LONGEST, quotient_of_column};

/// Rows that one thread adds.
pub(super) const GROUP: usize = 64;

/// The sums of each column over groups of `group` rows, over `divisor`, one thread for each; from: [rows, columns], a row every `stride` numbers,
/// to: [⌈rows/group⌉, columns].
#[cube(launch_unchecked, address_type = "dynamic")]
fn fold(
    from: &Array<f32>,
    to: &mut Array<f32>,
    rows: usize,
    columns: usize,
    stride: usize,
    divisor: f32,
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
    let mut sum = 0.0f32;
    for row in first..end {
        sum += from[row * stride + column];
    }
    to[ABSOLUTE_POS] = sum / divisor;
}

/// As [`fold`] without a divisor, each row times its weight.
#[cube(launch_unchecked, address_type = "dynamic")]
fn fold_weighted(
    from: &Array<f32>,
    weights: &Array<f32>,
    to: &mut Array<f32>,
    rows: usize,
    columns: usize,
    stride: usize,
    weight_stride: usize,
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
    let mut sum = 0.0f32;
    for row in first..end {
        sum += from[row * stride + column] * weights[row * weight_stride];
    }
    to[ABSOLUTE_POS] = sum;
}

/// Σ over the rows; x: [B, C] → \[C\], neither of them 0. Groups of 64 rows are summed, then groups of their sums, until one is left; a single
/// column by one group of threads.
pub(super) fn sum_rows<R: CubeRuntime>(x: CubeTensor<R>) -> CubeTensor<R> {
    quotient_of_rows(x, 1.0)
}

/// (Σ over the rows)/divisor, the sum as [`sum_rows`] takes it.
pub(super) fn quotient_of_rows<R: CubeRuntime>(x: CubeTensor<R>, divisor: f32) -> CubeTensor<R> {
    let [mut rows, columns] = x.meta.shape().dims();
    let mut sums = if x.meta.strides()[1] == 1 || columns == 1 { x } else { into_contiguous(x) };
    let mut stride = sums.meta.strides()[0];
    loop {
        if columns == 1 && rows <= LONGEST {
            return quotient_of_column(&sums, rows, stride, divisor);
        }
        let groups = rows.div_ceil(GROUP);
        let (client, device) = (sums.client.clone(), sums.device.clone());
        let folded = empty_device_contiguous_dtype(client, device, Shape::from([groups * columns]), DType::F32);
        let (count, dim) = grid(&sums.client, groups * columns);
        // SAFETY: the buffer that is read holds `rows` rows, with which the kernel compares each row, and each thread writes the place of its own
        // number, which it compares with the length.
        unsafe {
            fold::launch_unchecked::<R>(
                &sums.client,
                count,
                dim,
                AddressType::from_len((rows - 1) * stride + columns),
                array(&sums.handle, (rows - 1) * stride + columns),
                array(&folded.handle, groups * columns),
                rows,
                columns,
                stride,
                if groups == 1 { divisor } else { 1.0 },
                GROUP,
            );
        }
        (rows, sums, stride) = (groups, folded, columns);
        if groups == 1 {
            return sums;
        }
    }
}

/// Σ wᵢ·xᵢ over the rows xᵢ; x: [B, C], the numbers of a row side by side, w: \[B\], `weight_stride` apart → \[C\]. In the groups of [`sum_rows`].
pub(super) fn weighted_sum_of_rows<R: CubeRuntime>(
    x: &CubeTensor<R>,
    [rows, columns, stride]: [usize; 3],
    weights: &CubeTensor<R>,
    weight_stride: usize,
) -> CubeTensor<R> {
    let groups = rows.div_ceil(GROUP);
    let (client, device) = (x.client.clone(), x.device.clone());
    let sums = empty_device_contiguous_dtype(client, device, Shape::from([groups, columns]), DType::F32);
    let (count, dim) = grid(&x.client, groups * columns);
    let stored = (rows - 1) * stride + columns;
    // SAFETY: as above; there is a weight for each row.
    unsafe {
        fold_weighted::launch_unchecked::<R>(
            &x.client,
            count,
            dim,
            AddressType::from_len(stored),
            array(&x.handle, stored),
            array(&weights.handle, (rows - 1) * weight_stride + 1),
            array(&sums.handle, groups * columns),
            rows,
            columns,
            stride,
            weight_stride,
            GROUP,
        );
    }
    if groups == 1 { sums } else { sum_rows(sums) }
}
