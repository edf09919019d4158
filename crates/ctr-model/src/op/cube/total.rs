//! Sums that one group of threads takes, in an order that is a function of their number alone.
use burn::tensor::{DType, Shape};
use burn_cubecl::CubeRuntime;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::launch::array;

/// Threads of a group.
pub(super) const THREADS: u32 = 256;

/// Numbers that one group adds; of more, one launch adds groups of them first.
pub(super) const LONGEST: usize = 1 << 16;

/// The sum of `number` over each `threads` neighbouring threads of a group, in the first of them: the upper half is added to the lower half until
/// one is left. A power of 2.
#[cube]
pub(super) fn sum_of_threads(number: f32, #[comptime] threads: u32) -> f32 {
    let mut shared = SharedMemory::<f32>::new(comptime!(THREADS as usize));
    let thread = UNIT_POS as usize;
    shared[thread] = number;
    sync_cube();
    #[unroll]
    for step in 0..comptime!(threads.ilog2()) {
        let distance = comptime!(threads as usize >> (step + 1));
        if thread % comptime!(threads as usize) < distance {
            let other = shared[thread + distance];
            shared[thread] += other;
        }
        sync_cube();
    }
    shared[thread]
}

/// (Σ from[i·`stride`])/`divisor` over `count` numbers, by one group.
#[cube(launch_unchecked, address_type = "dynamic")]
fn quotient(from: &Array<f32>, to: &mut Array<f32>, count: usize, stride: usize, divisor: f32) {
    let mut sum = 0.0f32;
    let mut place = UNIT_POS as usize;
    while place < count {
        sum += from[place * stride];
        place += comptime!(THREADS as usize);
    }
    let sum = sum_of_threads(sum, THREADS);
    if UNIT_POS == 0 {
        to[0] = sum / divisor;
    }
}

/// (Σ over the rows)/`divisor` of a column whose numbers lie `stride` apart: \[1\]. There are `rows` of them, at least one.
pub(super) fn quotient_of_column<R: CubeRuntime>(
    column: &CubeTensor<R>,
    rows: usize,
    stride: usize,
    divisor: f32,
) -> CubeTensor<R> {
    let to = empty_device_contiguous_dtype(column.client.clone(), column.device.clone(), Shape::from([1]), DType::F32);
    let stored = (rows - 1) * stride + 1;
    // SAFETY: the kernel compares each place with the number of rows, and one thread writes the one number of the result.
    unsafe {
        quotient::launch_unchecked::<R>(
            &column.client,
            CubeCount::Static(1, 1, 1),
            CubeDim::new_1d(THREADS),
            AddressType::from_len(stored),
            array(&column.handle, stored),
            array(&to.handle, 1),
            rows,
            stride,
            divisor,
        );
    }
    to
}
