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
    pub(super) fn reciprocal(&self) -> Vec<f32> {
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
pub(super) fn forward_block(y: &mut [f32], x: &[f32], scale: &[f32], shift: &[f32]) {
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
    let (of_centred, of_grad) = x
        .par_chunks(block)
        .zip(grad.par_chunks(block))
        .map(|(x, grad)| {
            let (mut of_centred, mut of_grad) = (vec![0.0; columns], vec![0.0; columns]);
            sums_block(x, grad, norm.mean, &mut of_centred, &mut of_grad);
            (of_centred, of_grad)
        })
        .unzip();
    let (of_centred, of_grad) = (add_in_order(of_centred, columns), add_in_order(of_grad, columns));
    let input = InputGrad::new(&norm, norm.mean, of_centred, of_grad, x.len() / columns.max(1));
    input.apply(x, grad, block);
    (input.gamma_grad, input.beta_grad)
}

/// The gradients of γ and β, and what makes that of x from them.
pub(super) struct InputGrad<'a> {
    pub(super) gamma_grad: Vec<f32>,
    pub(super) beta_grad: Vec<f32>,
    mean: &'a [f32],
    /// dx = a·dy + b·(x − mean) + c.
    coefficients: [Vec<f32>; 3],
}

impl<'a> InputGrad<'a> {
    /// From Σ dy·(x − mean) and Σ dy over `rows` rows.
    pub(super) fn new(norm: &Norm<'_>, mean: &'a [f32], of_centred: Vec<f32>, of_grad: Vec<f32>, rows: usize) -> Self {
        let (reciprocal, rows) = (norm.reciprocal(), rows as f64);
        // The common factor 1/√(variance + ε) of dγ comes in once here.
        let mut gamma_grad = of_centred;
        for (grad, reciprocal) in gamma_grad.iter_mut().zip(&reciprocal) {
            *grad *= reciprocal;
        }
        // dx = γ·r·(dy − Σdy/B − x̂·Σ(dy·x̂)/B) = a·dy + b·(x − mean) + c, with a, b, c constant in a column.
        let coefficients: Vec<[f32; 3]> = (0..norm.gamma.len())
            .map(|c| {
                let a = f64::from(norm.gamma[c]) * f64::from(reciprocal[c]);
                if !norm.moments_of_batch {
                    return [a as f32, 0.0, 0.0];
                }
                let slope = a * f64::from(gamma_grad[c]) / rows * f64::from(reciprocal[c]);
                [a as f32, -slope as f32, -(a * f64::from(of_grad[c]) / rows) as f32]
            })
            .collect();
        let coefficients = [0, 1, 2].map(|i| coefficients.iter().map(|row| row[i]).collect());
        Self { gamma_grad, beta_grad: of_grad, mean, coefficients }
    }

    /// Replaces dy by dx, in blocks of `block` elements.
    pub(super) fn apply(&self, x: &[f32], grad: &mut [f32], block: usize) {
        let coefficients = self.coefficients.each_ref().map(Vec::as_slice);
        grad.par_chunks_mut(block)
            .zip(x.par_chunks(block))
            .for_each(|(grad, x)| input_block(grad, x, self.mean, coefficients));
    }

    /// Σ dx, where the moments are not those of x.
    pub(super) fn sum_of_grads(&self) -> Vec<f32> {
        self.beta_grad.iter().zip(&self.coefficients[0]).map(|(grad, a)| grad * a).collect()
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma"))]
pub(super) fn sums_block(x: &[f32], grad: &[f32], mean: &[f32], gamma_grad: &mut [f32], beta_grad: &mut [f32]) {
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
