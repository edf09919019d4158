//! The update of a table: all its rows, or those that a batch touched.
use multiversion::multiversion;
use rayon::prelude::*;

use super::rule::GradientRule;
use super::{EmbeddingTable, Lookups, UpdateRule, UpdateScope};
use crate::optim::UpdateStep;
use crate::optim::row::{RowOptimizer, WithRowOptimizer, square_sum};

/// Rows of a table that one task works on.
pub(super) const ROWS_PER_BLOCK: usize = 512;

/// Updates a table in place.
pub(super) fn apply(
    table: &mut EmbeddingTable,
    grads: &[f32],
    lookups: Lookups<'_>,
    rule: &UpdateRule,
    step: UpdateStep,
) {
    let rate = rule.optimizer.learning_rate() * step.rate_scale;
    let constants = Constants {
        width: table.width(),
        stride: table.stride(),
        gradient: rule.gradient(),
        scale: step.grad_scale as f32,
        keep: (1.0 - rate * rule.weight_decay) as f32,
        largest_rms: rule.clip.update_rms.map(|limit| (limit * rate) as f32),
    };
    match rule.scope {
        UpdateScope::AllRows => rule.optimizer.with(step, UpdateAll { table, grads, lookups, constants }),
        UpdateScope::TouchedRows => rule.optimizer.with(step, UpdateTouched { table, grads, lookups, constants }),
    }
}

/// What is the same for every row of a step.
#[derive(Clone, Copy)]
struct Constants {
    width: usize,
    stride: usize,
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
    fn update(self, optimizer: &impl RowOptimizer, row: &mut [f32], grad: Option<&[f32]>, scratch: &mut Scratch) {
        let (weights, state) = row.split_at_mut(self.width);
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
    table: &'a mut EmbeddingTable,
    grads: &'a [f32],
    lookups: Lookups<'a>,
    constants: Constants,
}

impl WithRowOptimizer for UpdateAll<'_> {
    type Output = ();

    fn run<O: RowOptimizer>(self, optimizer: &O) {
        let Self { table, grads, lookups, constants } = self;
        table.data.par_chunks_mut(ROWS_PER_BLOCK * constants.stride).enumerate().for_each(|(block, rows)| {
            let first = block * ROWS_PER_BLOCK;
            let touched = Touched::new(lookups.rows, grads, constants.width, first);
            update_all_block(rows, first, touched, optimizer, constants);
        });
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma"))]
fn update_all_block<O: RowOptimizer>(
    rows: &mut [f32],
    first: usize,
    mut touched: Touched<'_>,
    optimizer: &O,
    constants: Constants,
) {
    let mut scratch = constants.scratch();
    for (row, index) in rows.chunks_exact_mut(constants.stride).zip(first..) {
        constants.update(optimizer, row, touched.take(index), &mut scratch);
    }
}

struct UpdateTouched<'a> {
    table: &'a mut EmbeddingTable,
    grads: &'a [f32],
    lookups: Lookups<'a>,
    constants: Constants,
}

impl WithRowOptimizer for UpdateTouched<'_> {
    type Output = ();

    fn run<O: RowOptimizer>(self, optimizer: &O) {
        let Self { table, grads, lookups, constants } = self;
        // The rows ascend, so consecutive groups of them lie in consecutive, disjoint pieces of the table.
        let mut rest = &mut table.data[..];
        let mut start = 0;
        let mut work = Vec::with_capacity(lookups.rows.len().div_ceil(ROWS_PER_BLOCK));
        for (rows, grads) in lookups.rows.chunks(ROWS_PER_BLOCK).zip(grads.chunks(ROWS_PER_BLOCK * constants.width)) {
            let end = rows.last().map_or(start, |&row| row + 1);
            let (piece, tail) = rest.split_at_mut((end - start) as usize * constants.stride);
            work.push((rows, grads, start, piece));
            (rest, start) = (tail, end);
        }
        work.into_par_iter().for_each(|(rows, grads, start, piece)| {
            update_touched_block(piece, start, rows, grads, optimizer, constants);
        });
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma"))]
fn update_touched_block<O: RowOptimizer>(
    piece: &mut [f32],
    start: u64,
    rows: &[u64],
    grads: &[f32],
    optimizer: &O,
    constants: Constants,
) {
    let mut scratch = constants.scratch();
    for (&row, grad) in rows.iter().zip(grads.chunks_exact(constants.width)) {
        let row = &mut piece[(row - start) as usize * constants.stride..][..constants.stride];
        constants.update(optimizer, row, Some(grad), &mut scratch);
    }
}

/// Walks the touched rows beside a walk over all rows.
pub(super) struct Touched<'a> {
    rows: &'a [u64],
    grads: &'a [f32],
    width: usize,
}

impl<'a> Touched<'a> {
    pub(super) fn new(rows: &'a [u64], grads: &'a [f32], width: usize, first: usize) -> Self {
        let skip = rows.partition_point(|&row| row < first as u64);
        Self { rows: &rows[skip..], grads: &grads[skip * width..], width }
    }

    /// The gradient of `row`, which is asked for in ascending order.
    #[inline(always)]
    pub(super) fn take(&mut self, row: usize) -> Option<&'a [f32]> {
        let (&next, rows) = self.rows.split_first()?;
        if next != row as u64 {
            return None;
        }
        let (grad, grads) = self.grads.split_at(self.width);
        (self.rows, self.grads) = (rows, grads);
        Some(grad)
    }
}
