//! The kernels. A row of a part is a record: the weights, then the optimiser's state, `stride` numbers.
//!
//! An item of an update is a row of a part that is to be updated: a touched one, or each of a range.
use cubecl::prelude::*;

use super::rule::{Optimizer, Rule, constant};

/// to[`to_first` + i] = from[`from_first` + i].
#[cube(launch_unchecked, address_type = "dynamic")]
pub(super) fn copy(from: &Array<f32>, to: &mut Array<f32>, from_first: usize, to_first: usize, length: usize) {
    if ABSOLUTE_POS >= length {
        terminate!();
    }
    to[to_first + ABSOLUTE_POS] = from[from_first + ABSOLUTE_POS];
}

/// inverse\[order\[p\]\] = u for the places `offsets[u]..offsets[u + 1]` of each row u: one thread for each place, which looks its row up.
#[cube(launch_unchecked)]
pub(super) fn invert(offsets: &Array<u32>, order: &Array<u32>, inverse: &mut Array<u32>) {
    if ABSOLUTE_POS >= order.len() {
        terminate!();
    }
    let place = ABSOLUTE_POS as u32;
    // The row is the last one that begins at this place or ahead of it: each has a lookup, so no two begin at one place.
    let mut low = 0usize;
    let mut high = offsets.len() - 1;
    while high - low > 1 {
        let middle = (low + high) / 2;
        if offsets[middle] <= place {
            low = middle;
        } else {
            high = middle;
        }
    }
    let lookup = usize::cast_from(order[ABSOLUTE_POS]);
    inverse[lookup] = low as u32;
}

/// The weights of each lookup's row, for the lookups of the unique rows `first..end`, those of this part; out: [N, D].
#[cube(launch_unchecked, address_type = "dynamic")]
pub(super) fn gather(
    part: &Array<f32>,
    rows: &Array<u32>,
    inverse: &Array<u32>,
    out: &mut Array<f32>,
    first: usize,
    end: usize,
    #[comptime] width: usize,
    #[comptime] stride: usize,
) {
    if ABSOLUTE_POS >= out.len() {
        terminate!();
    }
    let unique = usize::cast_from(inverse[ABSOLUTE_POS / width]);
    if unique >= first && unique < end {
        let row = usize::cast_from(rows[unique]);
        out[ABSOLUTE_POS] = part[row * stride + ABSOLUTE_POS % width];
    }
}

/// The row of an item: with `all`, row `first` + item of the part, else the unique row of that number.
#[cube]
fn row_of(rows: &Array<u32>, first: usize, item: usize, #[comptime] all: bool) -> usize {
    let mut row = first + item;
    if comptime!(!all) {
        row = usize::cast_from(rows[first + item]);
    }
    row
}

/// The gradient of each item, with the L2 term and limited in magnitude; totals: [items, D].
///
/// The unique rows of the part, or of the range, are `first..end`. With `all` the items are the rows from `start` on, and their places among
/// the unique ones are looked for; a row without lookups has the gradient λw.
#[cube(launch_unchecked, address_type = "dynamic")]
pub(super) fn totals(
    part: &Array<f32>,
    rows: &Array<u32>,
    sums: &Array<f32>,
    totals: &mut Array<f32>,
    constants: &Sequence<f32>,
    first: usize,
    end: usize,
    start: usize,
    #[comptime] rule: Rule,
) {
    if ABSOLUTE_POS >= totals.len() {
        terminate!();
    }
    let item = ABSOLUTE_POS / rule.width;
    let column = ABSOLUTE_POS % rule.width;
    let l2 = *constants.index(constant::L2);
    let mut unique = first + item;
    let mut row = start + item;
    let mut is_touched = true;
    if comptime!(rule.all) {
        let mut low = first;
        let mut high = end;
        while low < high {
            let middle = (low + high) / 2;
            if usize::cast_from(rows[middle]) < row {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        unique = low;
        is_touched = false;
        if low < end {
            is_touched = usize::cast_from(rows[low]) == row;
        }
    } else {
        row = usize::cast_from(rows[unique]);
    }
    let mut total = l2 * part[row * rule.stride + column];
    if is_touched {
        total = sums[unique * rule.width + column];
        if comptime!(rule.l2) {
            total += l2 * part[row * rule.stride + column];
        }
    }
    if comptime!(rule.clip_value) {
        let limit = *constants.index(constant::CLIP_VALUE);
        if total > limit {
            total = limit;
        }
        if total < -limit {
            total = -limit;
        }
    }
    totals[ABSOLUTE_POS] = total;
}

/// Σ v² of `width` values, in the order of the host's `square_sum`: the tail that fills no eight lanes, then the lanes.
#[cube]
fn square_sum(values: &Array<f32>, first: usize, #[comptime] width: usize) -> f32 {
    let chunks = comptime!(width / 8);
    let mut sum = 0.0f32;
    for i in 8 * chunks..width {
        let value = values[first + i];
        sum += value * value;
    }
    for lane in 0..8usize {
        let mut of_lane = 0.0f32;
        for chunk in 0..chunks {
            let value = values[first + 8 * chunk + lane];
            of_lane += value * value;
        }
        sum += of_lane;
    }
    sum
}

/// What a whole row takes part in, one thread for each item: limits the gradient's norm, scales it, and advances a state that a row has one
/// number of; rates: \[items\], what the row's direction is multiplied by. The first item's gradient is row `offset` of `totals`.
#[cube(launch_unchecked, address_type = "dynamic")]
pub(super) fn prepare(
    part: &mut Array<f32>,
    rows: &Array<u32>,
    totals: &mut Array<f32>,
    rates: &mut Array<f32>,
    constants: &Sequence<f32>,
    items: usize,
    first: usize,
    offset: usize,
    #[comptime] rule: Rule,
) {
    if ABSOLUTE_POS >= items {
        terminate!();
    }
    let begin = (offset + ABSOLUTE_POS) * rule.width;
    if comptime!(rule.clip_norm) {
        let limit = *constants.index(constant::CLIP_NORM);
        let norm = f32::sqrt(square_sum(totals, begin, rule.width));
        if norm > limit {
            let scale = limit / norm;
            for column in 0..rule.width {
                totals[begin + column] *= scale;
            }
        }
    }
    if comptime!(rule.scale) {
        for column in 0..rule.width {
            totals[begin + column] *= *constants.index(constant::SCALE);
        }
    }
    if comptime!(rule.optimizer == Optimizer::RowwiseAdagrad) {
        let state = row_of(rows, first, ABSOLUTE_POS, rule.all) * rule.stride + rule.width;
        let mean = square_sum(totals, begin, rule.width) / *constants.index(constant::WIDTH);
        let accumulator = part[state] + mean;
        part[state] = accumulator;
        rates[ABSOLUTE_POS] =
            *constants.index(constant::RATE) / (f32::sqrt(accumulator) + *constants.index(constant::EPSILON));
    }
    if comptime!(rule.optimizer == Optimizer::RowwiseAdam) {
        let state = row_of(rows, first, ABSOLUTE_POS, rule.all) * rule.stride + 2 * rule.width;
        let mean = square_sum(totals, begin, rule.width) / *constants.index(constant::WIDTH);
        let second =
            *constants.index(constant::BETA2) * part[state] + *constants.index(constant::ONE_MINUS_BETA2) * mean;
        part[state] = second;
        let root = f32::sqrt(second) * *constants.index(constant::SECOND_SCALE);
        rates[ABSOLUTE_POS] = *constants.index(constant::RATE) / (root + *constants.index(constant::EPSILON));
    }
}

/// The step of the optimiser, in place, one thread for each weight. With `rule.limit_step` the weights ahead of the step go to `before`.
#[cube(launch_unchecked, address_type = "dynamic")]
pub(super) fn update(
    part: &mut Array<f32>,
    rows: &Array<u32>,
    totals: &Array<f32>,
    rates: &Array<f32>,
    before: &mut Array<f32>,
    constants: &Sequence<f32>,
    items: usize,
    first: usize,
    offset: usize,
    #[comptime] rule: Rule,
) {
    let item = ABSOLUTE_POS / rule.width;
    if item >= items {
        terminate!();
    }
    let column = ABSOLUTE_POS % rule.width;
    let row = row_of(rows, first, item, rule.all);
    let place = row * rule.stride + column;
    let state = place + rule.width;
    let second = state + rule.width;
    let g = totals[offset * rule.width + ABSOLUTE_POS];
    let rate = *constants.index(constant::RATE);
    let mut w = part[place];
    if comptime!(rule.decay) {
        w *= *constants.index(constant::KEEP);
    }
    if comptime!(rule.limit_step) {
        before[ABSOLUTE_POS] = w;
    }
    if comptime!(rule.optimizer == Optimizer::Sgd) {
        w -= rate * g;
    }
    if comptime!(rule.optimizer == Optimizer::Momentum || rule.optimizer == Optimizer::Nesterov) {
        let momentum = *constants.index(constant::MOMENTUM);
        let velocity = momentum * part[state] + g;
        part[state] = velocity;
        let mut direction = velocity;
        if comptime!(rule.optimizer == Optimizer::Nesterov) {
            direction = g + momentum * velocity;
        }
        w -= rate * direction;
    }
    if comptime!(rule.optimizer == Optimizer::Adagrad) {
        let accumulator = part[state] + g * g;
        part[state] = accumulator;
        w -= rate * g / (f32::sqrt(accumulator) + *constants.index(constant::EPSILON));
    }
    if comptime!(rule.optimizer == Optimizer::RowwiseAdagrad) {
        w -= rates[item] * g;
    }
    if comptime!(rule.optimizer == Optimizer::Adam || rule.optimizer == Optimizer::RowwiseAdam) {
        let m = *constants.index(constant::BETA1) * part[state] + *constants.index(constant::ONE_MINUS_BETA1) * g;
        part[state] = m;
        if comptime!(rule.optimizer == Optimizer::Adam) {
            let v = *constants.index(constant::BETA2) * part[second]
                + *constants.index(constant::ONE_MINUS_BETA2) * (g * g);
            part[second] = v;
            let root = f32::sqrt(v) * *constants.index(constant::SECOND_SCALE);
            w -= rate * m / (root + *constants.index(constant::EPSILON));
        } else {
            w -= rates[item] * m;
        }
    }
    if comptime!(rule.optimizer == Optimizer::Ftrl) {
        let square = part[second];
        let squares = square + g * g;
        part[second] = squares;
        let after = f32::sqrt(squares);
        let z = part[state] + (g - (after - f32::sqrt(square)) / rate * w);
        part[state] = z;
        let mut magnitude = z;
        let mut sign = 1.0f32;
        if z < 0.0f32 {
            magnitude = -z;
            sign = -sign;
        }
        let shrunk = magnitude - *constants.index(constant::L1);
        let curvature = (*constants.index(constant::BETA) + after) / rate + *constants.index(constant::FTRL_L2);
        w = 0.0f32;
        if shrunk > 0.0f32 && curvature > 0.0f32 {
            w = -sign * shrunk / curvature;
        }
    }
    part[place] = w;
}

/// Σ (w − before)² of a row, in the order of [`square_sum`].
#[cube]
fn change_square_sum(
    part: &Array<f32>,
    place: usize,
    before: &Array<f32>,
    begin: usize,
    #[comptime] width: usize,
) -> f32 {
    let chunks = comptime!(width / 8);
    let mut sum = 0.0f32;
    for i in 8 * chunks..width {
        let change = part[place + i] - before[begin + i];
        sum += change * change;
    }
    for lane in 0..8usize {
        let mut of_lane = 0.0f32;
        for chunk in 0..chunks {
            let i = 8 * chunk + lane;
            let change = part[place + i] - before[begin + i];
            of_lane += change * change;
        }
        sum += of_lane;
    }
    sum
}

/// Scales the step of each item down to the largest root mean square, one thread for each item; before: [items, D].
#[cube(launch_unchecked, address_type = "dynamic")]
pub(super) fn limit_step(
    part: &mut Array<f32>,
    rows: &Array<u32>,
    before: &Array<f32>,
    constants: &Sequence<f32>,
    items: usize,
    first: usize,
    #[comptime] rule: Rule,
) {
    if ABSOLUTE_POS >= items {
        terminate!();
    }
    let place = row_of(rows, first, ABSOLUTE_POS, rule.all) * rule.stride;
    let begin = ABSOLUTE_POS * rule.width;
    let largest = *constants.index(constant::LARGEST_RMS);
    let square = change_square_sum(part, place, before, begin, rule.width);
    let rms = f32::sqrt(square / *constants.index(constant::WIDTH));
    if rms > largest {
        let scale = largest / rms;
        for column in 0..rule.width {
            let former = before[begin + column];
            part[place + column] = former + scale * (part[place + column] - former);
        }
    }
}
