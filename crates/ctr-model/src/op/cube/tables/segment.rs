//! The gradient of each row: the sum over its lookups, first lookup first, as the host takes it.
//!
//! One thread adds for each number of a row. A row of a field with few values has a large part of a batch's lookups, which one thread would wait
//! for one by one: a group of threads fetches them for it.
use burn_cubecl::CubeRuntime;
use cubecl::calculate_cube_count_elemwise;
use cubecl::prelude::*;
use cubecl::server::Handle;

use super::{CubeTables, Table};
use crate::embedding::Lookups;
use crate::op::cube::launch::array;

/// Lookups above which a row has a group of threads.
const LONG: u32 = 48;

/// Threads of such a group.
const THREADS: u32 = 256;

/// Numbers that a group fetches before they are added.
const FETCHED: usize = 2048;

/// Σ over the lookups of each unique row that has at most `LONG` of them; grads: [N, D], sums: [U, D]. One thread for each number.
#[cube(launch_unchecked, address_type = "dynamic")]
fn short_rows(
    grads: &Array<f32>,
    offsets: &Array<u32>,
    order: &Array<u32>,
    sums: &mut Array<f32>,
    #[comptime] width: usize,
    #[comptime] longest: u32,
) {
    if ABSOLUTE_POS >= sums.len() {
        terminate!();
    }
    let unique = ABSOLUTE_POS / width;
    let column = ABSOLUTE_POS % width;
    let begin = offsets[unique];
    let end = offsets[unique + 1];
    if end - begin <= longest {
        let mut sum = 0.0f32;
        for place in begin..end {
            let lookup = usize::cast_from(order[usize::cast_from(place)]);
            sum += grads[lookup * width + column];
        }
        sums[ABSOLUTE_POS] = sum;
    }
}

/// The same for the unique rows `long`, a group of threads for each: all fetch `at_once` lookups, then one for each number adds them.
#[cube(launch_unchecked, address_type = "dynamic")]
fn long_rows(
    grads: &Array<f32>,
    offsets: &Array<u32>,
    order: &Array<u32>,
    long: &Array<u32>,
    sums: &mut Array<f32>,
    #[comptime] width: usize,
    #[comptime] at_once: usize,
) {
    if CUBE_POS >= long.len() {
        terminate!();
    }
    let mut fetched = SharedMemory::<f32>::new(comptime!(at_once * width));
    let thread = UNIT_POS as usize;
    let threads = CUBE_DIM as usize;
    let unique = usize::cast_from(long[CUBE_POS]);
    let begin = usize::cast_from(offsets[unique]);
    let end = usize::cast_from(offsets[unique + 1]);
    let mut first = begin;
    // The columns of a thread: those of its number, and every `threads`-th from there.
    let mut column = thread;
    while column < width {
        sums[unique * width + column] = 0.0f32;
        column += threads;
    }
    while first < end {
        let mut count = end - first;
        if count > at_once {
            count = at_once.runtime();
        }
        let mut place = thread;
        while place < count * width {
            let lookup = usize::cast_from(order[first + place / width]);
            fetched[place] = grads[lookup * width + place % width];
            place += threads;
        }
        sync_cube();
        let mut column = thread;
        while column < width {
            let mut sum = sums[unique * width + column];
            for lookup in 0..count {
                sum += fetched[lookup * width + column];
            }
            sums[unique * width + column] = sum;
            column += threads;
        }
        sync_cube();
        first += at_once;
    }
}

impl<R: CubeRuntime> CubeTables<R> {
    /// The rows of a plan, by their places in it, that have more than `LONG` lookups.
    pub(super) fn long_rows(lookups: Lookups<'_>) -> Vec<u32> {
        let is_long = |bounds: &[u32]| bounds[1] - bounds[0] > LONG;
        (0..).zip(lookups.offsets.windows(2)).filter(|(_, bounds)| is_long(bounds)).map(|(unique, _)| unique).collect()
    }

    /// [U, D] of one table from the gradients of its lookups; `plan` are the offsets, the order and the long rows.
    pub(super) fn sum(
        &self,
        table: &Table,
        grad: Option<Handle>,
        lookups: Lookups<'_>,
        plan: &[Handle; 3],
        long: usize,
    ) -> Handle {
        let (uniques, width) = (lookups.rows.len(), table.width);
        let Some(grad) = grad else { return self.upload(&vec![0.0_f32; uniques * width]) };
        let sums = self.empty(uniques * width);
        let of_lookups = lookups.order.len() * width;
        let [offsets, order, long_rows] = plan;
        // A row that fills what a group can fetch by itself is fetched by enough threads as it is.
        let (long, longest) = if width > FETCHED { (0, u32::MAX) } else { (long, LONG) };
        let (count, dim) = self.grid(uniques * width);
        // SAFETY: the plan's lookups are those of the gradients, and a thread writes the place of its own number, which it compares with the
        // length.
        unsafe {
            short_rows::launch_unchecked::<R>(
                &self.client,
                count,
                dim,
                AddressType::from_len(of_lookups),
                array(&grad, of_lookups),
                array(offsets, lookups.offsets.len()),
                array(order, lookups.order.len()),
                array(&sums, uniques * width),
                width,
                longest,
            );
        }
        if long == 0 {
            return sums;
        }
        let dim = CubeDim::new_1d(THREADS);
        let count = calculate_cube_count_elemwise(&self.client, long * THREADS as usize, dim);
        // SAFETY: a group compares its number with that of the long rows; there is one for each, whose numbers it alone writes; it fetches no more lookups than its memory has room for.
        unsafe {
            long_rows::launch_unchecked::<R>(
                &self.client,
                count,
                dim,
                AddressType::from_len(of_lookups),
                array(&grad, of_lookups),
                array(offsets, lookups.offsets.len()),
                array(order, lookups.order.len()),
                array(long_rows, long),
                array(&sums, uniques * width),
                width,
                FETCHED / width,
            );
        }
        sums
    }
}
