//! Bias, batch norm, activation and dropout of a hidden layer: forward, x is read once and y written once; backward, one pass makes the
//! gradient of what the activation sees and its sums, and under batch norm a second one turns it into that of x.
//!
//! A strip of rows stays in the first-level cache while everything is done to it.
use rayon::prelude::*;
use smelu::op::Curve;

use super::batch_norm::{self, Norm};
use super::dropout::Mask;
use super::rows::{add_in_order, sum_rows_block};
use crate::parallel::{BLOCK, filled};

/// Elements of a strip: 16 KiB, half a first-level cache.
const STRIP: usize = 4096;

/// What is done to the product of a hidden layer.
#[derive(Clone, Copy)]
pub(super) struct Tail<'a> {
    pub(super) bias: &'a [f32],
    /// Its mean is that of the product plus the bias.
    pub(super) norm: Option<Norm<'a>>,
    pub(super) curve: &'a Curve,
    pub(super) dropout: Option<Mask>,
}

/// The gradients of a tail, that of x apart.
pub(super) struct Grads {
    pub(super) bias: Vec<f32>,
    /// Of γ and β.
    pub(super) norm: Option<[Vec<f32>; 2]>,
}

/// u = x·scale + shift is what the activation sees.
struct Line {
    scale: Vec<f32>,
    shift: Vec<f32>,
}

/// A whole number of rows of about `elements` elements. A multiple of eight rows, since eight elements share a random number.
fn rows_of(elements: usize, columns: usize) -> usize {
    (elements / columns / 8).max(1) * 8
}

impl Tail<'_> {
    fn columns(&self) -> usize {
        self.bias.len()
    }

    fn line(&self) -> Line {
        let Some(norm) = &self.norm else {
            return Line { scale: vec![1.0; self.columns()], shift: self.bias.to_vec() };
        };
        let scale: Vec<f32> = norm.reciprocal().iter().zip(norm.gamma).map(|(r, gamma)| r * gamma).collect();
        let shift = norm.beta.iter().zip(self.mean_of_product(norm)).zip(&scale);
        let shift = shift.map(|((beta, mean), scale)| beta - mean * scale).collect();
        Line { scale, shift }
    }

    /// The bias goes into the mean and comes out again: what is left is the mean of x alone.
    fn mean_of_product(&self, norm: &Norm<'_>) -> Vec<f32> {
        norm.mean.iter().zip(self.bias).map(|(mean, bias)| mean - bias).collect()
    }
}

/// y = dropout(f(BN(x + b))).
pub(super) fn forward(x: &[f32], tail: Tail<'_>) -> Vec<f32> {
    if x.is_empty() {
        return Vec::new();
    }
    let (line, columns) = (tail.line(), tail.columns());
    let (block, strip) = (rows_of(BLOCK, columns) * columns, rows_of(STRIP, columns) * columns);
    filled(x.len(), |out| {
        out.par_chunks_mut(block).zip(x.par_chunks(block)).enumerate().for_each(|(index, (out, x))| {
            let mut values = vec![0.0; strip.min(x.len())];
            for (number, (out, x)) in out.chunks_mut(strip).zip(x.chunks(strip)).enumerate() {
                let values = &mut values[..x.len()];
                batch_norm::forward_block(values, x, &line.scale, &line.shift);
                tail.curve.values_in_place(values);
                if let Some(mask) = tail.dropout {
                    mask.apply(values, index * block + number * strip);
                }
                for (out, value) in out.iter_mut().zip(values) {
                    out.write(*value);
                }
            }
        });
    })
}

/// Replaces the gradient of y by that of x, and returns the others.
pub(super) fn backward(x: &[f32], grad: &mut [f32], tail: Tail<'_>) -> Grads {
    let columns = tail.columns();
    if x.is_empty() {
        let zeros = || vec![0.0; columns];
        return Grads { bias: zeros(), norm: tail.norm.map(|_| [zeros(), zeros()]) };
    }
    let line = tail.line();
    let (block, strip) = (rows_of(BLOCK, columns) * columns, rows_of(STRIP, columns) * columns);
    let mean = tail.norm.as_ref().map(|norm| tail.mean_of_product(norm));
    let (of_centred, of_grad): (Vec<Vec<f32>>, Vec<Vec<f32>>) = x
        .par_chunks(block)
        .zip(grad.par_chunks_mut(block))
        .enumerate()
        .map(|(index, (x, grad))| {
            let mut inputs = vec![0.0; strip.min(x.len())];
            let (mut of_centred, mut of_grad) = (vec![0.0; columns], vec![0.0; columns]);
            for (number, (grad, x)) in grad.chunks_mut(strip).zip(x.chunks(strip)).enumerate() {
                if let Some(mask) = tail.dropout {
                    mask.apply(grad, index * block + number * strip);
                }
                let inputs = &mut inputs[..x.len()];
                batch_norm::forward_block(inputs, x, &line.scale, &line.shift);
                tail.curve.slopes_in_place(grad, inputs);
                match &mean {
                    Some(mean) => batch_norm::sums_block(x, grad, mean, &mut of_centred, &mut of_grad),
                    None => sum_rows_block(grad, &mut of_grad),
                }
            }
            (of_centred, of_grad)
        })
        .unzip();
    let of_grad = add_in_order(of_grad, columns);
    let (Some(norm), Some(mean)) = (tail.norm, mean) else { return Grads { bias: of_grad, norm: None } };
    let input = batch_norm::InputGrad::new(&norm, &mean, add_in_order(of_centred, columns), of_grad, x.len() / columns);
    input.apply(x, grad, block);
    let bias = if norm.moments_of_batch { vec![0.0; columns] } else { input.sum_of_grads() };
    Grads { bias, norm: Some([input.gamma_grad, input.beta_grad]) }
}
