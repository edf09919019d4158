//! The norm of a table's gradient.
use rayon::prelude::*;

use super::rule::GradientRule;
use super::update::{ROWS_PER_BLOCK, Touched};
use super::{EmbeddingTable, Lookups, UpdateRule, UpdateScope};
use crate::parallel;

/// Σ over the rows that a step updates of ‖G‖²: the squared norm of the table's gradient.
pub(super) fn squared_norm(table: &EmbeddingTable, grads: &[f32], lookups: Lookups<'_>, rule: &UpdateRule) -> f64 {
    let gradient = rule.gradient();
    // A row without lookups has the gradient λw alone.
    if gradient.is_identity() {
        return parallel::squared_norm(grads);
    }
    let width = table.width();
    let partial: Vec<f64> = match rule.scope {
        UpdateScope::AllRows => (0..table.rows().div_ceil(ROWS_PER_BLOCK))
            .into_par_iter()
            .map(|block| {
                let rows = block * ROWS_PER_BLOCK..((block + 1) * ROWS_PER_BLOCK).min(table.rows());
                let mut touched = Touched::new(lookups.rows, grads, width, rows.start);
                block_norm(table, gradient, rows.map(|row| (row, touched.take(row))))
            })
            .collect(),
        UpdateScope::TouchedRows => lookups
            .rows
            .par_chunks(ROWS_PER_BLOCK)
            .zip(grads.par_chunks(ROWS_PER_BLOCK * width))
            .map(|(rows, grads)| {
                let rows = rows.iter().map(|&row| row as usize);
                block_norm(table, gradient, rows.zip(grads.chunks_exact(width).map(Some)))
            })
            .collect(),
    };
    partial.into_iter().sum()
}

fn block_norm<'a>(
    table: &EmbeddingTable,
    gradient: GradientRule,
    rows: impl Iterator<Item = (usize, Option<&'a [f32]>)>,
) -> f64 {
    let mut total = vec![0.0; table.width()];
    rows.map(|(row, grad)| {
        gradient.total(&mut total, table.row(row), grad);
        total.iter().map(|&g| f64::from(g) * f64::from(g)).sum::<f64>()
    })
    .sum()
}
