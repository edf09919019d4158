//! The arithmetic of distinct rows on one slice of columns: products and sums for a few rows at a time, which stay in registers and in the
//! first-level cache.
//!
//! Written with explicit vectors ([`pulp`], which also is what `gemm` is made of, chooses the instruction set at run time): the compiler finds
//! other vectors for these loops, and the kernels were more than ten times slower.
use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use crate::embedding::Lookups;
use crate::embedding::prefetch::AHEAD;
use crate::embedding::reader::RowReader;

/// Columns of a slice. A slice of the output of a usual batch, 4096 · 64 numbers, lies in a core's second-level cache.
pub(super) const SLICE: usize = 64;

/// Rows that are multiplied together: each has a vector of sums in a register.
const ROWS: usize = 8;

/// Vectors that are summed together: one slice with AVX-512.
const VECTORS: usize = 4;

/// Elements that the width of a row is padded to: one vector of AVX-512, a whole number of any other.
const STRIP: usize = 16;

/// A slice of the columns of one row.
type Columns = [f32; SLICE];

/// The weights of one field in one slice of columns, and their transpose.
pub(super) struct FieldWeights {
    /// W, [D, `SLICE`]; columns beyond the matrix are 0.
    plain: Vec<Columns>,
    /// Wᵀ in strips of the width, [D / `STRIP`, `SLICE`, `STRIP`]; elements beyond the width are 0.
    transposed: Vec<[[f32; STRIP]; SLICE]>,
}

impl FieldWeights {
    /// From the rows of a field, [D, O], the columns of slice number `slice`.
    pub(super) fn new(rows: &[f32], outputs: usize, slice: usize, backward: bool) -> Self {
        let width = rows.len() / outputs;
        let columns = slice * SLICE..outputs.min((slice + 1) * SLICE);
        let mut plain = vec![[0.0; SLICE]; width];
        for (plain, row) in plain.iter_mut().zip(rows.chunks_exact(outputs)) {
            plain[..columns.len()].copy_from_slice(&row[columns.clone()]);
        }
        let strips = if backward { width.div_ceil(STRIP) } else { 0 };
        let mut transposed = vec![[[0.0; STRIP]; SLICE]; strips];
        for (d, row) in plain.iter().enumerate().take(strips * STRIP) {
            for (transposed, value) in transposed[d / STRIP].iter_mut().zip(row) {
                transposed[d % STRIP] = *value;
            }
        }
        Self { plain, transposed }
    }
}

/// What the rows of one field are read from.
#[derive(Clone, Copy)]
pub(super) struct FieldRows<'a> {
    pub(super) table: RowReader<'a>,
    pub(super) lookups: Lookups<'a>,
    /// Fields of an example: lookup n is of example n / `fields`.
    pub(super) fields: u32,
}

impl FieldRows<'_> {
    /// Copies the rows at `places` of the plan, at most `ROWS` of them, to `e` [`ROWS`, D]; 0 beyond them.
    #[inline(always)]
    fn read(&self, places: Range<usize>, e: &mut [f32], width: usize) {
        for &row in self.lookups.rows.iter().skip(places.start + AHEAD).take(ROWS) {
            self.table.prefetch(row);
        }
        let (present, beyond) = e.split_at_mut(places.len() * width);
        for (e, &row) in present.chunks_exact_mut(width).zip(&self.lookups.rows[places]) {
            self.table.read(row, e);
        }
        beyond.fill(0.0);
    }

    /// The examples that look up the row at a place of the plan.
    #[inline(always)]
    pub(super) fn examples(&self, place: usize) -> impl Iterator<Item = usize> {
        let bounds = self.lookups.offsets[place] as usize..self.lookups.offsets[place + 1] as usize;
        self.lookups.order[bounds].iter().map(|&lookup| (lookup / self.fields) as usize)
    }
}

/// The rows of a group, D numbers each.
#[inline(always)]
fn rows_of(e: &[f32], width: usize) -> [&[f32]; ROWS] {
    std::array::from_fn(|row| &e[row * width..][..width])
}

/// `y_b += e_u·W` for the rows u at `places` and the examples b that look them up; y: [B, `SLICE`].
pub(super) fn add_products(rows: FieldRows<'_>, places: Range<usize>, weights: &FieldWeights, y: &mut [f32]) {
    Arch::new().dispatch(AddProducts { rows, places, weights: &weights.plain, y });
}

struct AddProducts<'a> {
    rows: FieldRows<'a>,
    places: Range<usize>,
    weights: &'a [Columns],
    y: &'a mut [f32],
}

impl WithSimd for AddProducts<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { rows, places, weights, y } = self;
        let (width, vectors) = (weights.len(), SLICE / S::F32_LANES);
        let y = S::as_mut_simd_f32s(y).0;
        let mut e = vec![0.0; ROWS * width];
        let mut z = [[0.0; SLICE]; ROWS];
        for first in places.clone().step_by(ROWS) {
            let group = first..places.end.min(first + ROWS);
            rows.read(group.clone(), &mut e, width);
            products(simd, rows_of(&e, width), weights, &mut z);
            for (place, z) in group.zip(&z) {
                let z = S::as_simd_f32s(z).0;
                for example in rows.examples(place) {
                    for (y, z) in y[example * vectors..][..vectors].iter_mut().zip(z) {
                        *y = simd.add_f32s(*y, *z);
                    }
                }
            }
        }
    }
}

/// Z = E·W.
#[inline(always)]
fn products<S: Simd>(simd: S, e: [&[f32]; ROWS], weights: &[Columns], z: &mut [Columns; ROWS]) {
    for vector in 0..SLICE / S::F32_LANES {
        let mut sums = [simd.splat_f32s(0.0); ROWS];
        for (d, weights) in weights.iter().enumerate() {
            let weights = S::as_simd_f32s(weights).0[vector];
            for (sum, e) in sums.iter_mut().zip(&e) {
                *sum = simd.mul_add_f32s(simd.splat_f32s(e[d]), weights, *sum);
            }
        }
        for (z, sum) in z.iter_mut().zip(sums) {
            S::as_mut_simd_f32s(z).0[vector] = sum;
        }
    }
}

/// Adds to the gradients of the rows at `places`, [U, D], and to that of W, [D, `SLICE`], what one slice of dy, [B, `SLICE`], gives.
pub(super) fn add_gradients(
    rows: FieldRows<'_>,
    places: Range<usize>,
    weights: &FieldWeights,
    dy: &[f32],
    row_grads: &mut [f32],
    weight_grad: &mut [Columns],
) {
    Arch::new().dispatch(AddGradients { rows, places, weights, dy, row_grads, weight_grad });
}

struct AddGradients<'a> {
    rows: FieldRows<'a>,
    places: Range<usize>,
    weights: &'a FieldWeights,
    dy: &'a [f32],
    row_grads: &'a mut [f32],
    weight_grad: &'a mut [Columns],
}

impl WithSimd for AddGradients<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { rows, places, weights, dy, row_grads, weight_grad } = self;
        let width = weights.plain.len();
        let dy = S::as_simd_f32s(dy).0;
        let mut e = vec![0.0; ROWS * width];
        let mut s = [[0.0; SLICE]; ROWS];
        for (first, row_grads) in places.clone().step_by(ROWS).zip(row_grads.chunks_mut(ROWS * width)) {
            let group = first..places.end.min(first + ROWS);
            rows.read(group.clone(), &mut e, width);
            s[group.len()..].fill([0.0; SLICE]);
            for (place, s) in group.zip(&mut s) {
                sum_examples(simd, rows, place, dy, s);
            }
            for (strip, weights) in weights.transposed.iter().enumerate() {
                add_row_grads(simd, &s, weights, row_grads, width, strip * STRIP);
            }
            add_weight_grad(simd, rows_of(&e, width), &s, weight_grad);
        }
    }
}

/// s = Σ dy over the examples that look up the row at a place, first one first.
#[inline(always)]
fn sum_examples<S: Simd>(simd: S, rows: FieldRows<'_>, place: usize, dy: &[S::f32s], s: &mut Columns) {
    let vectors = SLICE / S::F32_LANES;
    let s = S::as_mut_simd_f32s(s).0;
    for (block, s) in s.chunks_exact_mut(VECTORS).enumerate() {
        let mut sums = [simd.splat_f32s(0.0); VECTORS];
        for example in rows.examples(place) {
            let dy = &dy[example * vectors + block * VECTORS..][..VECTORS];
            for (sum, dy) in sums.iter_mut().zip(dy) {
                *sum = simd.add_f32s(*sum, *dy);
            }
        }
        s.copy_from_slice(&sums);
    }
}

/// dE += S·Wᵀ in a strip of the width.
#[inline(always)]
fn add_row_grads<S: Simd>(
    simd: S,
    s: &[Columns; ROWS],
    weights: &[[f32; STRIP]; SLICE],
    row_grads: &mut [f32],
    width: usize,
    offset: usize,
) {
    let mut products = [[0.0; STRIP]; ROWS];
    for vector in 0..STRIP / S::F32_LANES {
        let mut sums = [simd.splat_f32s(0.0); ROWS];
        for (column, weights) in weights.iter().enumerate() {
            let weights = S::as_simd_f32s(weights).0[vector];
            for (sum, s) in sums.iter_mut().zip(s) {
                *sum = simd.mul_add_f32s(simd.splat_f32s(s[column]), weights, *sum);
            }
        }
        for (products, sum) in products.iter_mut().zip(sums) {
            S::as_mut_simd_f32s(products).0[vector] = sum;
        }
    }
    for (grads, products) in row_grads.chunks_exact_mut(width).zip(&products) {
        for (grad, product) in grads[offset..].iter_mut().zip(products) {
            *grad += product;
        }
    }
}

/// dW += Eᵀ·S.
#[inline(always)]
fn add_weight_grad<S: Simd>(simd: S, e: [&[f32]; ROWS], s: &[Columns; ROWS], weight_grad: &mut [Columns]) {
    for vector in 0..SLICE / S::F32_LANES {
        let s: [S::f32s; ROWS] = std::array::from_fn(|row| S::as_simd_f32s(&s[row]).0[vector]);
        for (d, grad) in weight_grad.iter_mut().enumerate() {
            let grad = &mut S::as_mut_simd_f32s(grad).0[vector];
            let mut sum = *grad;
            for (e, s) in e.iter().zip(&s) {
                sum = simd.mul_add_f32s(simd.splat_f32s(e[d]), *s, sum);
            }
            *grad = sum;
        }
    }
}
