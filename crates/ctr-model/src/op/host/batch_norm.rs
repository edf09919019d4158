//! Batch normalisation: two passes over x forward (moments, then y), two over x and dy backward (sums, then dx in the place of dy).
use multiversion::multiversion;
use rayon::prelude::*;

use super::rows::{add_in_order, rows_per_block};

/// The vectors of a normalisation, each \[C\].
#[derive(Clone, Copy)]
pub(super) struct Norm<'a> {
    pub(super) gamma: &'a [f32],
    pub(super) beta: &'a [f32],
    pub(super) mean: &'a [f32],
    pub(super) variance: &'a [f32],
    pub(super) epsilon: f64,
    pub(super) moments_of_batch: bool,
}

impl Norm<'_> {
    fn reciprocal(&self) -> Vec<f32> {
        self.variance.iter().map(|&v| (1.0 / (f64::from(v) + self.epsilon).sqrt()) as f32).collect()
    }
}

/// Mean and biased variance of each column.
///
/// A block's moments come from two passes over it while it is in cache; blocks are merged in `f64` by the rule of Chan, Golub and
/// `LeVeque` (1979), so that a large mean cancels no digits of the variance.
pub(super) fn moments(x: &[f32], columns: usize) -> (Vec<f32>, Vec<f32>) {
    let block = (rows_per_block(columns) * columns).max(1);
    let partial: Vec<(usize, Vec<f32>, Vec<f32>)> = x
        .par_chunks(block)
        .map(|x| {
            let (mut mean, mut squares) = (vec![0.0; columns], vec![0.0; columns]);
            moments_block(x, &mut mean, &mut squares);
            (x.len() / columns, mean, squares)
        })
        .collect();
    let (mut count, mut mean, mut squares) = (0.0_f64, vec![0.0_f64; columns], vec![0.0_f64; columns]);
    for (rows, block_mean, block_squares) in partial {
        let rows = rows as f64;
        let total = count + rows;
        for column in 0..columns {
            let delta = f64::from(block_mean[column]) - mean[column];
            mean[column] += delta * rows / total;
            squares[column] += f64::from(block_squares[column]) + delta * delta * count * rows / total;
        }
        count = total;
    }
    (
        mean.into_iter().map(|value| value as f32).collect(),
        squares.into_iter().map(|value| (value / count) as f32).collect(),
    )
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma"))]
fn moments_block(x: &[f32], mean: &mut [f32], squares: &mut [f32]) {
    let columns = mean.len();
    let scale = 1.0 / (x.len() / columns) as f32;
    for x in x.chunks_exact(columns) {
        for (mean, x) in mean.iter_mut().zip(x) {
            *mean += x;
        }
    }
    for mean in mean.iter_mut() {
        *mean *= scale;
    }
    for x in x.chunks_exact(columns) {
        for ((squares, mean), x) in squares.iter_mut().zip(&*mean).zip(x) {
            let centred = x - mean;
            *squares += centred * centred;
        }
    }
}

/// y = x·scale + shift with scale = γ/√(variance + ε), shift = β − mean·scale.
pub(super) fn forward(x: &[f32], norm: Norm<'_>) -> Vec<f32> {
    let scale: Vec<f32> = norm.reciprocal().iter().zip(norm.gamma).map(|(r, gamma)| r * gamma).collect();
    let shift: Vec<f32> =
        norm.beta.iter().zip(norm.mean).zip(&scale).map(|((beta, mean), scale)| beta - mean * scale).collect();
    let mut y = vec![0.0; x.len()];
    let block = (rows_per_block(scale.len()) * scale.len()).max(1);
    y.par_chunks_mut(block).zip(x.par_chunks(block)).for_each(|(y, x)| forward_block(y, x, &scale, &shift));
    y
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma"))]
fn forward_block(y: &mut [f32], x: &[f32], scale: &[f32], shift: &[f32]) {
    let columns = scale.len();
    for (y, x) in y.chunks_exact_mut(columns).zip(x.chunks_exact(columns)) {
        for (((y, x), scale), shift) in y.iter_mut().zip(x).zip(scale).zip(shift) {
            *y = x * scale + shift;
        }
    }
}

/// Replaces dy by dx and returns (dγ, dβ).
pub(super) fn backward(x: &[f32], grad: &mut [f32], norm: Norm<'_>) -> (Vec<f32>, Vec<f32>) {
    let columns = norm.gamma.len();
    let block = (rows_per_block(columns) * columns).max(1);
    let reciprocal = norm.reciprocal();
    let (gamma_partial, beta_partial) = x
        .par_chunks(block)
        .zip(grad.par_chunks(block))
        .map(|(x, grad)| {
            let (mut gamma_grad, mut beta_grad) = (vec![0.0; columns], vec![0.0; columns]);
            sums_block(x, grad, norm.mean, &mut gamma_grad, &mut beta_grad);
            (gamma_grad, beta_grad)
        })
        .collect();
    // The blocks summed dy·(x − mean): the common factor 1/√(variance + ε) comes in once here.
    let mut gamma_grad = add_in_order(gamma_partial, columns);
    for (grad, reciprocal) in gamma_grad.iter_mut().zip(&reciprocal) {
        *grad *= reciprocal;
    }
    let beta_grad = add_in_order(beta_partial, columns);

    // dx = γ·r·(dy − Σdy/B − x̂·Σ(dy·x̂)/B) = a·dy + b·(x − mean) + c, with a, b, c constant in a column.
    let rows = (x.len() / columns.max(1)) as f64;
    let coefficients: Vec<[f32; 3]> = (0..columns)
        .map(|c| {
            let a = f64::from(norm.gamma[c]) * f64::from(reciprocal[c]);
            if !norm.moments_of_batch {
                return [a as f32, 0.0, 0.0];
            }
            let slope = a * f64::from(gamma_grad[c]) / rows * f64::from(reciprocal[c]);
            [a as f32, -slope as f32, -(a * f64::from(beta_grad[c]) / rows) as f32]
        })
        .collect();
    let [a, b, c] = [0, 1, 2].map(|i| coefficients.iter().map(|row| row[i]).collect::<Vec<_>>());
    grad.par_chunks_mut(block)
        .zip(x.par_chunks(block))
        .for_each(|(grad, x)| input_block(grad, x, norm.mean, [&a, &b, &c]));
    (gamma_grad, beta_grad)
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma"))]
fn sums_block(x: &[f32], grad: &[f32], mean: &[f32], gamma_grad: &mut [f32], beta_grad: &mut [f32]) {
    let columns = mean.len();
    for (x, grad) in x.chunks_exact(columns).zip(grad.chunks_exact(columns)) {
        for ((((x, grad), mean), gamma_grad), beta_grad) in
            x.iter().zip(grad).zip(mean).zip(&mut *gamma_grad).zip(&mut *beta_grad)
        {
            *beta_grad += grad;
            *gamma_grad += grad * (x - mean);
        }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma"))]
fn input_block(grad: &mut [f32], x: &[f32], mean: &[f32], [a, b, c]: [&[f32]; 3]) {
    let columns = a.len();
    for (grad, x) in grad.chunks_exact_mut(columns).zip(x.chunks_exact(columns)) {
        for (((((grad, x), mean), a), b), c) in grad.iter_mut().zip(x).zip(mean).zip(a).zip(b).zip(c) {
            *grad = a * *grad + (b * (x - mean) + c);
        }
    }
}
