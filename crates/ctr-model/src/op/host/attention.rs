//! Attention between the fields of an example, in blocks of examples: nothing but the weights of a block is written besides the result.
use multiversion::multiversion;
use rayon::prelude::*;
use smelu::scalar::Real;

use super::dropout::Mask;

/// Examples of a block: a multiple of eight, because masks begin at a multiple of eight elements.
const EXAMPLES: usize = 16;
const LANES: usize = 16;

/// The sizes of an attention, and what its weights are multiplied by.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub(super) fields: usize,
    pub(super) heads: usize,
    /// Width of a field, all heads together.
    pub(super) units: usize,
    pub(super) scale: f32,
    pub(super) mask: Option<Mask>,
}

impl Sizes {
    /// Weights of an example.
    fn weights(self) -> usize {
        self.heads * self.fields * self.fields
    }

    fn width(self) -> usize {
        self.units / self.heads
    }

    /// Where the vector of a field for a head begins among the numbers of an example that has `parts` rows side by side, in `part` of them.
    fn at(self, field: usize, head: usize, part: usize, parts: usize) -> usize {
        (field * parts + part) * self.units + head * self.width()
    }
}

/// The vectors of the fields for a head, transposed: [W, F], rows filled up to a multiple of [`LANES`].
struct Columns {
    values: Vec<f32>,
    padded: usize,
}

impl Columns {
    fn new(sizes: Sizes) -> Self {
        let padded = sizes.fields.next_multiple_of(LANES);
        Self { values: vec![0.0; sizes.width() * padded], padded }
    }

    #[inline(always)]
    fn read(&mut self, example: &[f32], sizes: Sizes, head: usize, part: usize) {
        for field in 0..sizes.fields {
            let vector = &example[sizes.at(field, head, part, 3)..][..sizes.width()];
            for (column, &value) in self.values.chunks_exact_mut(self.padded).zip(vector) {
                column[field] = value;
            }
        }
    }

    /// The inner product of `vector` with the vector of each field.
    #[inline(always)]
    fn products(&self, vector: &[f32], products: &mut [f32]) {
        for (lane, products) in products.chunks_exact_mut(LANES).enumerate() {
            let mut sums = [0.0; LANES];
            for (column, &value) in self.values.chunks_exact(self.padded).zip(vector) {
                for (sum, &other) in sums.iter_mut().zip(&column[lane * LANES..][..LANES]) {
                    *sum += value * other;
                }
            }
            products.copy_from_slice(&sums);
        }
    }
}

/// softmax of the scores of the `fields` first numbers; more follow, up to a multiple of [`LANES`].
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
    let sum: f32 = scores[..fields].iter().sum();
    for score in scores {
        *score /= sum;
    }
}

#[inline(always)]
fn add(to: &mut [f32], factor: f32, vector: &[f32]) {
    for (to, value) in to.iter_mut().zip(vector) {
        *to += factor * value;
    }
}

/// The weights of a block of examples, [B, H, F, F], before dropout.
#[inline(always)]
fn weights_of(examples: &[f32], sizes: Sizes, keys: &mut Columns, row: &mut [f32]) -> Vec<f32> {
    let (count, fields) = (examples.len() / (3 * sizes.fields * sizes.units), sizes.fields);
    let mut weights = vec![0.0; count * sizes.weights()];
    let of_examples = weights.chunks_exact_mut(sizes.weights());
    for (weights, example) in of_examples.zip(examples.chunks_exact(3 * fields * sizes.units)) {
        for (head, weights) in weights.chunks_exact_mut(fields * fields).enumerate() {
            keys.read(example, sizes, head, 1);
            for (field, weights) in weights.chunks_exact_mut(fields).enumerate() {
                keys.products(&example[sizes.at(field, head, 0, 3)..][..sizes.width()], row);
                softmax(row, fields, sizes.scale);
                weights.copy_from_slice(&row[..fields]);
            }
        }
    }
    weights
}

/// `softmax(Q·Kᵀ)·V` of each example and head from `projected`, [B·F, 3·A] with Q, K and V side by side: [B·F, A].
pub(super) fn forward(projected: &[f32], sizes: Sizes) -> Vec<f32> {
    let mut out = vec![0.0; projected.len() / 3];
    let of_example = sizes.fields * sizes.units;
    if of_example > 0 {
        let blocks = projected.par_chunks(3 * EXAMPLES * of_example).zip(out.par_chunks_mut(EXAMPLES * of_example));
        blocks.enumerate().for_each(|(block, (projected, out))| forward_block(projected, out, block * EXAMPLES, sizes));
    }
    out
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma"))]
fn forward_block(projected: &[f32], out: &mut [f32], first: usize, sizes: Sizes) {
    let (fields, width) = (sizes.fields, sizes.width());
    let mut keys = Columns::new(sizes);
    let mut row = vec![0.0; keys.padded];
    let mut weights = weights_of(projected, sizes, &mut keys, &mut row);
    if let Some(mask) = sizes.mask {
        mask.apply(&mut weights, first * sizes.weights());
    }
    let examples = projected.chunks_exact(3 * fields * sizes.units).zip(weights.chunks_exact(sizes.weights()));
    for (out, (example, weights)) in out.chunks_exact_mut(fields * sizes.units).zip(examples) {
        for (place, weights) in weights.chunks_exact(fields).enumerate() {
            let (head, field) = (place / fields, place % fields);
            let out = &mut out[sizes.at(field, head, 0, 1)..][..width];
            for (other, &weight) in weights.iter().enumerate() {
                add(out, weight, &example[sizes.at(other, head, 2, 3)..][..width]);
            }
        }
    }
}

/// The gradient of `projected` in [`forward`], given that of its result.
pub(super) fn backward(projected: &[f32], grad: &[f32], sizes: Sizes) -> Vec<f32> {
    let mut out = vec![0.0; projected.len()];
    let of_example = sizes.fields * sizes.units;
    if of_example > 0 {
        let inputs = projected.par_chunks(3 * EXAMPLES * of_example).zip(grad.par_chunks(EXAMPLES * of_example));
        let blocks = inputs.zip(out.par_chunks_mut(3 * EXAMPLES * of_example)).enumerate();
        blocks.for_each(|(block, (inputs, out))| backward_block(inputs, out, block * EXAMPLES, sizes));
    }
    out
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma"))]
fn backward_block((projected, grad): (&[f32], &[f32]), out: &mut [f32], first: usize, sizes: Sizes) {
    let (fields, width, of_example) = (sizes.fields, sizes.width(), sizes.fields * sizes.units);
    let mut columns = Columns::new(sizes);
    let mut row = vec![0.0; columns.padded];
    let weights = weights_of(projected, sizes, &mut columns, &mut row);
    // The gradients of the weights: g·Vᵀ.
    let mut of_weights = vec![0.0; weights.len()];
    let examples = projected.chunks_exact(3 * of_example).zip(grad.chunks_exact(of_example));
    for ((example, grad), of_weights) in examples.clone().zip(of_weights.chunks_exact_mut(sizes.weights())) {
        for (head, of_weights) in of_weights.chunks_exact_mut(fields * fields).enumerate() {
            columns.read(example, sizes, head, 2);
            for (field, of_weights) in of_weights.chunks_exact_mut(fields).enumerate() {
                columns.products(&grad[sizes.at(field, head, 0, 1)..][..width], &mut row);
                of_weights.copy_from_slice(&row[..fields]);
            }
        }
    }
    let mut dropped = None;
    if let Some(mask) = sizes.mask {
        mask.apply(&mut of_weights, first * sizes.weights());
        let mut masked = weights.clone();
        mask.apply(&mut masked, first * sizes.weights());
        dropped = Some(masked);
    }
    let applied = dropped.as_ref().unwrap_or(&weights);
    for (number, ((example, grad), out)) in examples.zip(out.chunks_exact_mut(3 * of_example)).enumerate() {
        for place in 0..sizes.heads * fields {
            let (head, field) = (place / fields, place % fields);
            let at = (number * sizes.heads * fields + place) * fields;
            let [weights, of_weights, applied] = [&weights, &of_weights, applied].map(|all| &all[at..][..fields]);
            let mean: f32 = weights.iter().zip(of_weights).map(|(weight, of_weight)| weight * of_weight).sum();
            let [query, grad] =
                [&example[sizes.at(field, head, 0, 3)..][..width], &grad[sizes.at(field, head, 0, 1)..][..width]];
            for other in 0..fields {
                let of_score = weights[other] * (of_weights[other] - mean) * sizes.scale;
                add(
                    &mut out[sizes.at(field, head, 0, 3)..][..width],
                    of_score,
                    &example[sizes.at(other, head, 1, 3)..],
                );
                add(&mut out[sizes.at(other, head, 1, 3)..][..width], of_score, query);
                add(&mut out[sizes.at(other, head, 2, 3)..][..width], applied[other], grad);
            }
        }
    }
}
