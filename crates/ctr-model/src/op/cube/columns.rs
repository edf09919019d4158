//! Sums over the batch, in an order that is a function of the shape.
use burn::tensor::{DType, Shape};
use burn_cubecl::CubeRuntime;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::launch::{array, grid};

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

/// Σ over the rows; x: [B, C] → \[C\], neither of them 0. Groups of 64 rows are summed, then groups of their sums, until one is left.
pub(super) fn sum_rows<R: CubeRuntime>(x: CubeTensor<R>) -> CubeTensor<R> {
    quotient_of_rows(x, 1.0)
}

/// (Σ over the rows)/divisor, the sum as [`sum_rows`] takes it.
pub(super) fn quotient_of_rows<R: CubeRuntime>(x: CubeTensor<R>, divisor: f32) -> CubeTensor<R> {
    let [mut rows, columns] = x.meta.shape().dims();
    let mut sums = if x.meta.strides()[1] == 1 { x } else { into_contiguous(x) };
    let mut stride = sums.meta.strides()[0];
    loop {
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
