//! Attention between the fields of an example, in blocks of examples: besides the result, only what one block needs is kept.
use burn::tensor::ops::FloatTensor;
use burn::tensor::{Shape, TensorMetadata};
use multiversion::multiversion;
use rayon::prelude::*;
use smelu::scalar::Real;

mod matrix;

use matrix::{Buffer, LANES, Matrix, Packed, copy};

use super::HostBackend;
use super::dropout::Mask;
use crate::op::Attention;

/// Examples of a block: a multiple of eight, because masks begin at a multiple of eight elements.
const EXAMPLES: usize = 8;

/// The sizes of an attention, and what its weights are multiplied by.
#[derive(Clone, Copy)]
struct Sizes {
    fields: usize,
    heads: usize,
    /// Width of a field, all heads together.
    units: usize,
    scale: f32,
    mask: Option<Mask>,
}

impl Sizes {
    fn width(self) -> usize {
        self.units / self.heads
    }

    /// Numbers of an example at the output.
    fn example(self) -> usize {
        self.fields * self.units
    }

    /// Weights of a head.
    fn head(self) -> usize {
        self.fields * self.fields
    }

    /// Weights of an example.
    fn weights(self) -> usize {
        self.heads * self.head()
    }
}

fn sizes([rows, columns]: [usize; 2], attention: Attention) -> Sizes {
    let mask = attention.dropout.map(|(key, probability)| Mask::new(key, probability));
    let Attention { fields, heads, scale, .. } = attention;
    Sizes { fields, heads, units: attention.units(rows, columns), scale: scale as f32, mask }
}

pub(super) fn attend<B: HostBackend>(projected: FloatTensor<B>, attention: Attention) -> FloatTensor<B> {
    let dims = [projected.shape()[0], projected.shape()[1]];
    let projected = B::contiguous(projected);
    let out = forward(B::slice(&projected), sizes(dims, attention));
    B::from_vec(out, Shape::new([dims[0], dims[1] / 3]))
}

pub(super) fn attend_backward<B: HostBackend>(
    projected: FloatTensor<B>,
    grad: FloatTensor<B>,
    attention: Attention,
) -> FloatTensor<B> {
    let (shape, [projected, grad]) = (projected.shape(), [projected, grad].map(B::contiguous));
    let sizes = sizes([shape[0], shape[1]], attention);
    B::from_vec(backward(B::slice(&projected), B::slice(&grad), sizes), shape)
}

/// softmax of the first `fields` of the scores of a row.
#[inline(always)]
fn softmax(scores: &mut [f32], fields: usize, scale: f32) {
    for score in scores.iter_mut() {
        *score *= scale;
    }
    let largest = scores[..fields].iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for lanes in scores.chunks_exact_mut(LANES) {
        for score in lanes {
            *score = Real::exp(*score - largest);
        }
    }
    let mut sum = 0.0;
    for score in &scores[..fields] {
        sum += score;
    }
    for score in scores {
        *score /= sum;
    }
}

/// What the products of one head are computed in.
struct Scratch {
    sizes: Sizes,
    /// [W, F].
    transposed: Buffer,
    /// [F, F].
    weights: Buffer,
    /// [F, W].
    mixed: Buffer,
}

impl Scratch {
    fn new(sizes: Sizes) -> Self {
        let (fields, width) = (sizes.fields, sizes.width());
        let [transposed, weights, mixed] =
            [[width, fields], [fields, fields], [fields, width]].map(|[r, c]| Buffer::new(r, c));
        Self { sizes, transposed, weights, mixed }
    }

    /// The inner products of the rows of two matrices, in `weights`.
    #[inline(always)]
    fn inner_products(&mut self, left: Matrix<'_>, right: Matrix<'_>) {
        self.transposed.transpose(right, self.sizes.fields);
        self.weights.multiply(left, self.transposed.as_matrix(), self.sizes.width());
    }

    /// Copies `weights` without what rows are filled up with.
    #[inline(always)]
    fn take_weights(&mut self, to: &mut [f32]) {
        for (field, to) in to.chunks_exact_mut(self.sizes.fields).enumerate() {
            copy(to, self.weights.row_mut(field));
        }
    }

    /// The weights of a block of examples, [B, H, F, F], before dropout.
    #[inline(always)]
    fn weigh(&mut self, packed: &Packed, examples: usize) -> Vec<f32> {
        let sizes = self.sizes;
        let mut weights = vec![0.0; examples * sizes.weights()];
        for (number, weights) in weights.chunks_exact_mut(sizes.head()).enumerate() {
            let (example, head) = (number / sizes.heads, number % sizes.heads);
            let [query, key] = [0, 1].map(|part| packed.matrix(example, part, head));
            self.inner_products(query, key);
            for field in 0..sizes.fields {
                softmax(self.weights.row_mut(field), sizes.fields, sizes.scale);
            }
            self.take_weights(weights);
        }
        weights
    }

    /// Sums of the rows of `matrix` by `weights`, [F, F], or by those transposed: to the vectors of a head, which begin `stride` apart from
    /// the first of `to` on.
    #[inline(always)]
    fn mix(&mut self, weights: &[f32], transposed: bool, matrix: Matrix<'_>, to: &mut [f32], stride: usize) {
        let fields = self.sizes.fields;
        for (field, weights) in weights.chunks_exact(fields).enumerate() {
            if transposed {
                for (other, &weight) in weights.iter().enumerate() {
                    self.weights.row_mut(other)[field] = weight;
                }
            } else {
                copy(self.weights.row_mut(field), weights);
            }
        }
        self.mixed.multiply(self.weights.as_matrix(), matrix, fields);
        for (field, to) in to.chunks_mut(stride).enumerate() {
            copy(&mut to[..self.sizes.width()], self.mixed.row_mut(field));
        }
    }
}

/// `softmax(Q·Kᵀ)·V` of each example and head from `projected`, [B·F, 3·A] with Q, K and V side by side: [B·F, A].
fn forward(projected: &[f32], sizes: Sizes) -> Vec<f32> {
    let mut out = vec![0.0; projected.len() / 3];
    if sizes.example() > 0 {
        let block = EXAMPLES * sizes.example();
        let blocks = projected.par_chunks(3 * block).zip(out.par_chunks_mut(block)).enumerate();
        blocks.for_each(|(number, (projected, out))| forward_block(projected, out, number * EXAMPLES, sizes));
    }
    out
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma"))]
fn forward_block(projected: &[f32], out: &mut [f32], first: usize, sizes: Sizes) {
    let (packed, mut scratch) = (Packed::new(projected, sizes, 3), Scratch::new(sizes));
    let mut weights = scratch.weigh(&packed, out.len() / sizes.example());
    if let Some(mask) = sizes.mask {
        mask.apply(&mut weights, first * sizes.weights());
    }
    for (number, weights) in weights.chunks_exact(sizes.head()).enumerate() {
        let (example, head) = (number / sizes.heads, number % sizes.heads);
        let out = &mut out[example * sizes.example()..][..sizes.example()][head * sizes.width()..];
        scratch.mix(weights, false, packed.matrix(example, 2, head), out, sizes.units);
    }
}

/// The gradient of `projected` in [`forward`], given that of its result.
fn backward(projected: &[f32], grad: &[f32], sizes: Sizes) -> Vec<f32> {
    let mut out = vec![0.0; projected.len()];
    if sizes.example() > 0 {
        let block = EXAMPLES * sizes.example();
        let inputs = projected.par_chunks(3 * block).zip(grad.par_chunks(block));
        let blocks = inputs.zip(out.par_chunks_mut(3 * block)).enumerate();
        blocks.for_each(|(number, (inputs, out))| backward_block(inputs, out, number * EXAMPLES, sizes));
    }
    out
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma"))]
fn backward_block((projected, grad): (&[f32], &[f32]), out: &mut [f32], first: usize, sizes: Sizes) {
    let (packed, grads, mut scratch) =
        (Packed::new(projected, sizes, 3), Packed::new(grad, sizes, 1), Scratch::new(sizes));
    let weights = scratch.weigh(&packed, grad.len() / sizes.example());
    // The gradients of the weights: g·Vᵀ.
    let mut of_weights = vec![0.0; weights.len()];
    for (number, of_weights) in of_weights.chunks_exact_mut(sizes.head()).enumerate() {
        let (example, head) = (number / sizes.heads, number % sizes.heads);
        scratch.inner_products(grads.matrix(example, 0, head), packed.matrix(example, 2, head));
        scratch.take_weights(of_weights);
    }
    let mut dropped = None;
    if let Some(mask) = sizes.mask {
        mask.apply(&mut of_weights, first * sizes.weights());
        let mut masked = weights.clone();
        mask.apply(&mut masked, first * sizes.weights());
        dropped = Some(masked);
    }
    // Those of the scores, in their place: w·(dw − Σ w·dw), for each row.
    for (of_weights, weights) in of_weights.chunks_exact_mut(sizes.fields).zip(weights.chunks_exact(sizes.fields)) {
        let mut mean = 0.0;
        for (weight, of_weight) in weights.iter().zip(&*of_weights) {
            mean += weight * of_weight;
        }
        for (of_weight, weight) in of_weights.iter_mut().zip(weights) {
            *of_weight = weight * (*of_weight - mean) * sizes.scale;
        }
    }
    let (of_scores, applied) = (of_weights, dropped.as_ref().unwrap_or(&weights));
    let of_heads = of_scores.chunks_exact(sizes.head()).zip(applied.chunks_exact(sizes.head()));
    for (number, (of_scores, applied)) in of_heads.enumerate() {
        let (example, head) = (number / sizes.heads, number % sizes.heads);
        let [query, key] = [0, 1].map(|part| packed.matrix(example, part, head));
        let out = &mut out[3 * example * sizes.example()..][..3 * sizes.example()];
        let stride = 3 * sizes.units;
        let at = |part: usize| part * sizes.units + head * sizes.width();
        scratch.mix(of_scores, false, key, &mut out[at(0)..], stride);
        scratch.mix(of_scores, true, query, &mut out[at(1)..], stride);
        scratch.mix(applied, true, grads.matrix(example, 0, head), &mut out[at(2)..], stride);
    }
}
