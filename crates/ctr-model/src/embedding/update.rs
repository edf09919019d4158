//! The update of a table: all its rows, or those that a batch touched.
use std::ops::Range;

use multiversion::multiversion;
use rayon::prelude::*;

use super::prefetch::{AHEAD, prefetch};
use super::rule::GradientRule;
use super::table::{InitialWeights, mark};
use super::{EmbeddingTable, UpdateRule, UpdateScope};
use crate::optim::UpdateStep;
use crate::optim::row::{RowOptimizer, WithRowOptimizer, square_sum};

/// Rows of a table that one task works on.
pub(super) const ROWS_PER_BLOCK: usize = 512;

/// Touched rows, numbered as in the plan and ascending, and the gradient of each.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) rows: &'a [u64],
    pub(super) grads: &'a [f32],
}

/// Updates the rows `range` of a table in place.
pub(super) fn apply(
    table: &mut EmbeddingTable,
    range: &Range<u64>,
    touched: Rows<'_>,
    rule: &UpdateRule,
    step: UpdateStep,
) {
    let rate = rule.optimizer.learning_rate() * step.rate_scale;
    let constants = Constants {
        width: table.width(),
        stride: table.stride(),
        initial: table.initial(),
        gradient: rule.gradient(),
        scale: step.grad_scale as f32,
        keep: (1.0 - rate * rule.weight_decay) as f32,
        largest_rms: rule.clip.update_rms.map(|limit| (limit * rate) as f32),
    };
    let first = table.row_range().start;
    let place = |row: u64| (row - first) as usize * constants.stride;
    let data = &mut table.data.as_mut_slice()[place(range.start)..place(range.end)];
    let start = range.start;
    match rule.scope {
        UpdateScope::AllRows => rule.optimizer.with(step, UpdateAll { data, start, touched, constants }),
        UpdateScope::TouchedRows => rule.optimizer.with(step, UpdateTouched { data, start, touched, constants }),
    }
}

/// What is the same for every row of a step.
#[derive(Clone, Copy)]
struct Constants {
    width: usize,
    stride: usize,
    initial: InitialWeights,
    gradient: GradientRule,
    /// The factor of every gradient, from clipping by the norm over everything.
    scale: f32,
    /// 1 − lr·weight decay.
    keep: f32,
    /// Largest root mean square of a row's step.
    largest_rms: Option<f32>,
}

/// Room for the gradient and the former weights of one row.
struct Scratch {
    total: Vec<f32>,
    before: Vec<f32>,
}

impl Constants {
    fn scratch(self) -> Scratch {
        let before = if self.largest_rms.is_some() { self.width } else { 0 };
        Scratch { total: vec![0.0; self.width], before: vec![0.0; before] }
    }

    #[inline(always)]
    fn update(
        self,
        optimizer: &impl RowOptimizer,
        (number, row): (u64, &mut [f32]),
        grad: Option<&[f32]>,
        scratch: &mut Scratch,
    ) {
        let (weights, state) = row.split_at_mut(self.width);
        self.initial.materialise(number, weights);
        self.step(optimizer, weights, state, grad, scratch);
        mark(weights);
    }

    #[inline(always)]
    fn step(
        self,
        optimizer: &impl RowOptimizer,
        weights: &mut [f32],
        state: &mut [f32],
        grad: Option<&[f32]>,
        scratch: &mut Scratch,
    ) {
        let total = &mut scratch.total[..];
        self.gradient.total(total, weights, grad);
        if self.scale != 1.0 {
            for total in total.iter_mut() {
                *total *= self.scale;
            }
        }
        if self.keep != 1.0 {
            for w in weights.iter_mut() {
                *w *= self.keep;
            }
        }
        let Some(largest) = self.largest_rms else {
            return optimizer.update(weights, state, total);
        };
        scratch.before.copy_from_slice(weights);
        optimizer.update(weights, state, total);
        for ((total, w), before) in total.iter_mut().zip(&*weights).zip(&scratch.before) {
            *total = w - before;
        }
        let rms = (square_sum(total) / self.width as f32).sqrt();
        if rms > largest {
            let scale = largest / rms;
            for ((w, before), change) in weights.iter_mut().zip(&scratch.before).zip(&*total) {
                *w = before + scale * change;
            }
        }
    }
}

struct UpdateAll<'a> {
    data: &'a mut [f32],
    start: u64,
    touched: Rows<'a>,
    constants: Constants,
}

impl WithRowOptimizer for UpdateAll<'_> {
    type Output = ();

    fn run<O: RowOptimizer>(self, optimizer: &O) {
        let Self { data, start, touched, constants } = self;
        data.par_chunks_mut(ROWS_PER_BLOCK * constants.stride).enumerate().for_each(|(block, rows)| {
            let first = start + (block * ROWS_PER_BLOCK) as u64;
            update_all_block(rows, first, Touched::new(touched, constants.width, first), optimizer, constants);
        });
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma"))]
fn update_all_block<O: RowOptimizer>(
    rows: &mut [f32],
    first: u64,
    mut touched: Touched<'_>,
    optimizer: &O,
    constants: Constants,
) {
    let mut scratch = constants.scratch();
    for (row, number) in rows.chunks_exact_mut(constants.stride).zip(first..) {
        constants.update(optimizer, (number, row), touched.take(number), &mut scratch);
    }
}

struct UpdateTouched<'a> {
    data: &'a mut [f32],
    start: u64,
    touched: Rows<'a>,
    constants: Constants,
}

impl WithRowOptimizer for UpdateTouched<'_> {
    type Output = ();

    fn run<O: RowOptimizer>(self, optimizer: &O) {
        let Self { data, mut start, touched, constants } = self;
        // The rows ascend, so consecutive groups of them lie in consecutive, disjoint pieces of the table.
        let mut rest = data;
        let mut work = Vec::with_capacity(touched.rows.len().div_ceil(ROWS_PER_BLOCK));
        let grads = touched.grads.chunks(ROWS_PER_BLOCK * constants.width);
        for (rows, grads) in touched.rows.chunks(ROWS_PER_BLOCK).zip(grads) {
            let end = rows.last().map_or(start, |&row| row + 1);
            let (piece, tail) = rest.split_at_mut((end - start) as usize * constants.stride);
            work.push((start, piece, Rows { rows, grads }));
            (rest, start) = (tail, end);
        }
        work.into_par_iter().for_each(|(start, piece, rows)| {
            update_touched_block(piece, start, rows, optimizer, constants);
        });
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma"))]
fn update_touched_block<O: RowOptimizer>(
    piece: &mut [f32],
    start: u64,
    touched: Rows<'_>,
    optimizer: &O,
    constants: Constants,
) {
    let mut scratch = constants.scratch();
    let place = |number: u64| (number - start) as usize * constants.stride;
    for (index, (&number, grad)) in touched.rows.iter().zip(touched.grads.chunks_exact(constants.width)).enumerate() {
        if let Some(&ahead) = touched.rows.get(index + AHEAD) {
            prefetch(piece, place(ahead), constants.stride);
        }
        let row = &mut piece[place(number)..][..constants.stride];
        constants.update(optimizer, (number, row), Some(grad), &mut scratch);
    }
}

/// Walks the touched rows beside a walk over all rows.
pub(super) struct Touched<'a> {
    rows: Rows<'a>,
    width: usize,
}

impl<'a> Touched<'a> {
    pub(super) fn new(touched: Rows<'a>, width: usize, first: u64) -> Self {
        let skip = touched.rows.partition_point(|&row| row < first);
        Self { rows: Rows { rows: &touched.rows[skip..], grads: &touched.grads[skip * width..] }, width }
    }

    /// The gradient of `row`, which is asked for in ascending order.
    #[inline(always)]
    pub(super) fn take(&mut self, row: u64) -> Option<&'a [f32]> {
        let (&next, rows) = self.rows.rows.split_first()?;
        if next != row {
            return None;
        }
        let (grad, grads) = self.rows.grads.split_at(self.width);
        self.rows = Rows { rows, grads };
        Some(grad)
    }
}
