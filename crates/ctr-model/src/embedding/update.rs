//! The update of a table: all its rows, or those that a batch touched.
use rayon::prelude::*;

use super::{EmbeddingTable, Lookups};
use crate::optim::row::{AnyRowOptimizer, RowAdam, RowOptimizer};
use crate::optim::{AdamConfig, RowOptimizerConfig, UpdateStep};
use crate::parallel;

/// How tables are updated.
#[derive(Clone, Debug, PartialEq)]
pub enum UpdateRule {
    /// Adam on every row at every step, with the gradient of (λ/2)·‖W‖² of the whole table: what a framework with dense gradients
    /// computes, and what the BARS protocol asks for. A step costs a pass over the table.
    Dense {
        /// The optimiser.
        adam: AdamConfig,
        /// λ.
        l2: f64,
    },
    /// A row optimiser on the rows that the batch touched, with the gradient of (λ/2)·‖w‖² of those rows. A step's cost does not depend
    /// on the size of the table.
    Sparse {
        /// The optimiser.
        optimizer: RowOptimizerConfig,
        /// λ.
        l2: f64,
    },
}

impl UpdateRule {
    /// Numbers of optimiser state that a row of `width` elements needs.
    #[must_use]
    pub fn state_len(&self, width: usize) -> usize {
        match self {
            Self::Dense { .. } => RowAdam::state_len(width),
            Self::Sparse { optimizer, .. } => optimizer.state_len(width),
        }
    }

    /// λ of the L2 term.
    #[must_use]
    pub fn l2(&self) -> f64 {
        match self {
            Self::Dense { l2, .. } | Self::Sparse { l2, .. } => *l2,
        }
    }

    fn is_dense(&self) -> bool {
        matches!(self, Self::Dense { .. })
    }
}

/// Rows of a table that one task works on.
const ROWS_PER_BLOCK: usize = 512;

/// Σ over rows of ‖g + λw‖², where g is 0 for a row without lookups: the squared norm of the table's gradient.
pub(super) fn squared_norm(table: &EmbeddingTable, grads: &[f32], lookups: Lookups<'_>, rule: &UpdateRule) -> f64 {
    let l2 = rule.l2() as f32;
    if l2 == 0.0 {
        return parallel::squared_norm(grads);
    }
    let width = table.width();
    let row_norm = |row: usize, grad: Option<&[f32]>| -> f64 {
        let weights = table.row(row).iter();
        match grad {
            Some(grad) => weights.zip(grad).map(|(w, g)| f64::from(g + l2 * w).powi(2)).sum(),
            None => weights.map(|w| f64::from(l2 * w).powi(2)).sum(),
        }
    };
    let partial: Vec<f64> = if rule.is_dense() {
        blocks(table.rows())
            .map(|(from, to)| {
                let mut touched = Touched::new(lookups.rows, grads, width, from);
                (from..to).map(|row| row_norm(row, touched.take(row))).sum()
            })
            .collect()
    } else {
        lookups
            .rows
            .par_chunks(ROWS_PER_BLOCK)
            .zip(grads.par_chunks(ROWS_PER_BLOCK * width))
            .map(|(rows, grads)| {
                rows.iter().zip(grads.chunks_exact(width)).map(|(&row, grad)| row_norm(row as usize, Some(grad))).sum()
            })
            .collect()
    };
    partial.into_iter().sum()
}

/// Updates a table in place.
pub(super) fn apply(
    table: &mut EmbeddingTable,
    grads: &[f32],
    lookups: Lookups<'_>,
    rule: &UpdateRule,
    step: UpdateStep,
) {
    let (l2, scale) = (rule.l2() as f32, step.grad_scale as f32);
    match rule {
        UpdateRule::Dense { adam, .. } => update_all(table, grads, lookups, &RowAdam::new(adam, step), l2, scale),
        UpdateRule::Sparse { optimizer, .. } => match AnyRowOptimizer::new(optimizer, step) {
            AnyRowOptimizer::Sgd(optimizer) => update_touched(table, grads, lookups, &optimizer, l2, scale),
            AnyRowOptimizer::Adagrad(optimizer) => update_touched(table, grads, lookups, &optimizer, l2, scale),
            AnyRowOptimizer::RowwiseAdagrad(optimizer) => update_touched(table, grads, lookups, &optimizer, l2, scale),
            AnyRowOptimizer::Adam(optimizer) => update_touched(table, grads, lookups, &optimizer, l2, scale),
        },
    }
}

fn update_all<O: RowOptimizer>(
    table: &mut EmbeddingTable,
    grads: &[f32],
    lookups: Lookups<'_>,
    optimizer: &O,
    l2: f32,
    scale: f32,
) {
    let (width, stride) = (table.width(), table.stride());
    table.data.par_chunks_mut(ROWS_PER_BLOCK * stride).enumerate().for_each(|(block, rows)| {
        let first = block * ROWS_PER_BLOCK;
        let mut touched = Touched::new(lookups.rows, grads, width, first);
        let mut total = vec![0.0; width];
        for (index, row) in rows.chunks_exact_mut(stride).enumerate() {
            let (weights, state) = row.split_at_mut(width);
            match touched.take(first + index) {
                Some(grad) => regularised(&mut total, weights, grad, l2, scale),
                None => {
                    for (total, w) in total.iter_mut().zip(&*weights) {
                        *total = scale * (l2 * w);
                    }
                }
            }
            optimizer.update(weights, state, &total);
        }
    });
}

fn update_touched<O: RowOptimizer>(
    table: &mut EmbeddingTable,
    grads: &[f32],
    lookups: Lookups<'_>,
    optimizer: &O,
    l2: f32,
    scale: f32,
) {
    let (width, stride) = (table.width(), table.stride());
    // The rows ascend, so consecutive groups of them lie in consecutive, disjoint pieces of the table.
    let mut rest = table.data.as_mut_slice();
    let mut start = 0;
    let mut work = Vec::with_capacity(lookups.rows.len().div_ceil(ROWS_PER_BLOCK));
    for (rows, grads) in lookups.rows.chunks(ROWS_PER_BLOCK).zip(grads.chunks(ROWS_PER_BLOCK * width)) {
        let end = rows.last().map_or(start, |&row| row as usize + 1);
        let (piece, tail) = rest.split_at_mut((end - start) * stride);
        work.push((rows, grads, start, piece));
        (rest, start) = (tail, end);
    }
    work.into_par_iter().for_each(|(rows, grads, start, piece)| {
        let mut total = vec![0.0; width];
        for (&row, grad) in rows.iter().zip(grads.chunks_exact(width)) {
            let row = &mut piece[(row as usize - start) * stride..][..stride];
            let (weights, state) = row.split_at_mut(width);
            regularised(&mut total, weights, grad, l2, scale);
            optimizer.update(weights, state, &total);
        }
    });
}

#[inline(always)]
fn regularised(total: &mut [f32], weights: &[f32], grad: &[f32], l2: f32, scale: f32) {
    for ((total, w), g) in total.iter_mut().zip(weights).zip(grad) {
        *total = scale * (g + l2 * w);
    }
}

fn blocks(rows: usize) -> impl IndexedParallelIterator<Item = (usize, usize)> {
    (0..rows.div_ceil(ROWS_PER_BLOCK))
        .into_par_iter()
        .map(move |block| (block * ROWS_PER_BLOCK, ((block + 1) * ROWS_PER_BLOCK).min(rows)))
}

/// Walks the touched rows beside a walk over all rows.
struct Touched<'a> {
    rows: &'a [u64],
    grads: &'a [f32],
    width: usize,
}

impl<'a> Touched<'a> {
    fn new(rows: &'a [u64], grads: &'a [f32], width: usize, first: usize) -> Self {
        let skip = rows.partition_point(|&row| row < first as u64);
        Self { rows: &rows[skip..], grads: &grads[skip * width..], width }
    }

    /// The gradient of `row`, which is asked for in ascending order.
    fn take(&mut self, row: usize) -> Option<&'a [f32]> {
        let (&next, rows) = self.rows.split_first()?;
        if next != row as u64 {
            return None;
        }
        let (grad, grads) = self.grads.split_at(self.width);
        (self.rows, self.grads) = (rows, grads);
        Some(grad)
    }
}
