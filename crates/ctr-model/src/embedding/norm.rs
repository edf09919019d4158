//! The norm of a table's gradient.
use std::ops::Range;

use rayon::prelude::*;

use super::rule::GradientRule;
use super::update::{ROWS_PER_BLOCK, Rows, Touched};
use super::{EmbeddingTable, UpdateRule, UpdateScope};
use crate::parallel;

/// Σ over the rows of `range` that a step updates of ‖G‖²: the squared norm of the gradient of this part of a table.
pub(super) fn squared_norm(table: &EmbeddingTable, range: &Range<u64>, touched: Rows<'_>, rule: &UpdateRule) -> f64 {
    let gradient = rule.gradient();
    // A row without lookups has the gradient λw alone.
    if gradient.is_identity() {
        return parallel::squared_norm(touched.grads);
    }
    let width = table.width();
    let partial: Vec<f64> = match rule.scope {
        UpdateScope::AllRows => (0..((range.end - range.start) as usize).div_ceil(ROWS_PER_BLOCK))
            .into_par_iter()
            .map(|block| {
                let start = range.start + (block * ROWS_PER_BLOCK) as u64;
                let rows = start..(start + ROWS_PER_BLOCK as u64).min(range.end);
                let mut touched = Touched::new(touched, width, start);
                block_norm(table, gradient, rows.map(|row| (row, touched.take(row))))
            })
            .collect(),
        UpdateScope::TouchedRows => touched
            .rows
            .par_chunks(ROWS_PER_BLOCK)
            .zip(touched.grads.par_chunks(ROWS_PER_BLOCK * width))
            .map(|(rows, grads)| {
                block_norm(table, gradient, rows.iter().copied().zip(grads.chunks_exact(width).map(Some)))
            })
            .collect(),
    };
    partial.into_iter().sum()
}

fn block_norm<'a>(
    table: &EmbeddingTable,
    gradient: GradientRule,
    rows: impl Iterator<Item = (u64, Option<&'a [f32]>)>,
) -> f64 {
    let mut total = vec![0.0; table.width()];
    let mut weights = vec![0.0; table.width()];
    let reader = table.reader();
    rows.map(|(row, grad)| {
        reader.read(row, &mut weights);
        gradient.total(&mut total, &weights, grad);
        total.iter().map(|&g| f64::from(g) * f64::from(g)).sum::<f64>()
    })
    .sum()
}
