//! Sums over and additions to the rows of a matrix.
use multiversion::multiversion;
use rayon::prelude::*;

use crate::parallel::BLOCK;

/// How many rows of `columns` elements make a block; depends on the shape alone.
pub(super) fn rows_per_block(columns: usize) -> usize {
    (BLOCK / columns.max(1)).max(1)
}

/// x[b, c] += row[c].
pub(super) fn add_row(x: &mut [f32], row: &[f32]) {
    if row.is_empty() {
        return;
    }
    let block = rows_per_block(row.len()) * row.len();
    x.par_chunks_mut(block).for_each(|x| add_row_block(x, row));
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma"))]
fn add_row_block(x: &mut [f32], row: &[f32]) {
    for x in x.chunks_exact_mut(row.len()) {
        for (x, row) in x.iter_mut().zip(row) {
            *x += row;
        }
    }
}

/// Σ over b of x[b, c].
pub(super) fn sum_rows(x: &[f32], columns: usize) -> Vec<f32> {
    let partial: Vec<Vec<f32>> = x
        .par_chunks((rows_per_block(columns) * columns).max(1))
        .map(|x| {
            let mut sums = vec![0.0; columns];
            sum_rows_block(x, &mut sums);
            sums
        })
        .collect();
    add_in_order(partial, columns)
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma"))]
pub(super) fn sum_rows_block(x: &[f32], sums: &mut [f32]) {
    for x in x.chunks_exact(sums.len()) {
        for (sum, x) in sums.iter_mut().zip(x) {
            *sum += x;
        }
    }
}

/// The blocks' sums added in `f64`, first block first.
pub(super) fn add_in_order(partial: Vec<Vec<f32>>, columns: usize) -> Vec<f32> {
    let mut total = vec![0.0_f64; columns];
    for block in partial {
        for (total, value) in total.iter_mut().zip(block) {
            *total += f64::from(value);
        }
    }
    total.into_iter().map(|value| value as f32).collect()
}
