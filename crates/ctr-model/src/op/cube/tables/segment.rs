//! The gradient of each row: the sum over its lookups, first lookup first, as the host takes it.
//!
//! One thread adds for each number of a row. A row of a field with few values has a large part of a batch's lookups, which one thread would wait
//! for one by one: a group of threads fetches them for it.
use burn_cubecl::{BoolElement, CubeBackend, CubeRuntime, FloatElement, IntElement};
use cubecl::calculate_cube_count_elemwise;
use cubecl::prelude::*;
use cubecl::server::Handle;

use super::{CubeTables, Table};
use crate::embedding::{DevicePlan, Lookups};
use crate::op::cube::launch::array;

/// Lookups above which a row has a group of threads.
const LONG: u32 = 48;

/// Threads of such a group.
const THREADS: u32 = 256;

/// Numbers that a group adds before it fetches others: 16 KiB, what any device has.
const FETCHED: usize = 4096;

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

/// Where the numbers of a group come from that a thread fetches: those of its number and of every `THREADS`-th from there, of the lookups at
/// `first..end` of the order; 0 for what is behind the last.
#[cube]
fn lookups_of(
    order: &Array<u32>,
    lookups: &mut Array<u32>,
    first: usize,
    end: usize,
    #[comptime] width: usize,
    #[comptime] fetches: usize,
) {
    #[unroll]
    for fetch in 0..fetches {
        let place = first + (UNIT_POS as usize + comptime!(fetch * THREADS as usize)) / width;
        lookups[fetch] = 0u32;
        if place < end {
            lookups[fetch] = order[place];
        }
    }
}

/// The same for the unique rows `long`, a group of threads for each: all fetch `at_once` lookups, then one for each number adds them. While it
/// adds, the numbers of the next lookups are on their way, and the places of those after them.
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
    let threads = comptime!(THREADS as usize);
    let fetches = comptime!((at_once * width).div_ceil(THREADS as usize));
    let columns = comptime!(width.div_ceil(THREADS as usize));
    let mut fetched = SharedMemory::<f32>::new(comptime!(fetches * THREADS as usize));
    let thread = UNIT_POS as usize;
    let unique = usize::cast_from(long[CUBE_POS]);
    let begin = usize::cast_from(offsets[unique]);
    let end = usize::cast_from(offsets[unique + 1]);

    let mut lookups = Array::<u32>::new(fetches);
    let mut numbers = Array::<f32>::new(fetches);
    let mut totals = Array::<f32>::new(columns);
    #[unroll]
    for column in 0..columns {
        totals[column] = 0.0f32;
    }
    lookups_of(order, &mut lookups, begin, end, width, fetches);
    #[unroll]
    for fetch in 0..fetches {
        let place = thread + comptime!(fetch * THREADS as usize);
        numbers[fetch] = grads[usize::cast_from(lookups[fetch]) * width + place % width];
    }
    lookups_of(order, &mut lookups, begin + at_once, end, width, fetches);
    let mut first = begin;
    while first < end {
        #[unroll]
        for fetch in 0..fetches {
            fetched[thread + comptime!(fetch * THREADS as usize)] = numbers[fetch];
        }
        sync_cube();
        #[unroll]
        for fetch in 0..fetches {
            let place = thread + comptime!(fetch * THREADS as usize);
            numbers[fetch] = grads[usize::cast_from(lookups[fetch]) * width + place % width];
        }
        lookups_of(order, &mut lookups, first + comptime!(2 * at_once), end, width, fetches);
        let mut count = end - first;
        if count > at_once {
            count = at_once.runtime();
        }
        #[unroll]
        for of_thread in 0..columns {
            let column = thread + comptime!(of_thread * THREADS as usize);
            if column < width {
                let mut total = totals[of_thread];
                let eights = count / 8;
                for eight in 0..eights {
                    let place = 8 * eight * width + column;
                    #[unroll]
                    for lookup in 0..8usize {
                        total += fetched[place + comptime!(lookup * width)];
                    }
                }
                for lookup in 8 * eights..count {
                    total += fetched[lookup * width + column];
                }
                totals[of_thread] = total;
            }
        }
        sync_cube();
        first += at_once;
    }
    #[unroll]
    for of_thread in 0..columns {
        let column = thread + of_thread * threads;
        if column < width {
            sums[unique * width + column] = totals[of_thread];
        }
    }
}

/// The rows of a plan, by their places in it, that have more than `LONG` lookups.
pub(super) fn with_many_lookups(lookups: Lookups<'_>) -> Vec<u32> {
    let is_long = |bounds: &[u32]| bounds[1] - bounds[0] > LONG;
    (0..).zip(lookups.offsets.windows(2)).filter(|(_, bounds)| is_long(bounds)).map(|(unique, _)| unique).collect()
}

impl<R: CubeRuntime> CubeTables<R> {
    /// [U, D] of one table from the gradients of its lookups.
    pub(super) fn sum<F, I, BT>(
        &self,
        table: &Table,
        grad: Option<Handle>,
        lookups: Lookups<'_>,
        plan: &DevicePlan<CubeBackend<R, F, I, BT>>,
    ) -> Handle
    where
        F: FloatElement,
        I: IntElement,
        BT: BoolElement,
    {
        let (uniques, width) = (lookups.rows.len(), table.width);
        let Some(grad) = grad else { return self.copy_of(&vec![0.0_f32; uniques * width]) };
        let sums = self.empty(uniques * width);
        let of_lookups = lookups.order.len() * width;
        let [offsets, order, long_rows] = [&plan.offsets, &plan.order, &plan.long].map(|part| &part.handle);
        let long = plan.long.meta.num_elements();
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
        // SAFETY: a group compares its number with that of the long rows; there is one for each, whose numbers it alone writes; it fetches
        // what lookups of the plan read, that of lookup 0 where there is none left, and no more of them than its memory has room for.
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
