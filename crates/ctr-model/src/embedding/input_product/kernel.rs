//! The arithmetic of distinct rows on one slice of columns: products and sums for a few rows at a time, which stay in registers and in the
//! first-level cache.
use std::ops::Range;

use multiversion::multiversion;

use crate::embedding::Lookups;
use crate::embedding::table::RowReader;

/// Columns of a slice. A slice of the output of a usual batch, 4096 · 64 numbers, lies in a core's second-level cache.
pub(super) const SLICE: usize = 64;

/// Rows that are multiplied together.
const ROWS: usize = 8;

/// Columns that are multiplied together: one vector of AVX-512.
const STRIP: usize = 16;

/// The weights of one field in one slice of columns, and their transpose.
pub(super) struct FieldWeights {
    /// W, [D, `SLICE`]; columns beyond the matrix are 0.
    plain: Vec<[f32; SLICE]>,
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

/// y_b += e_u·W for the rows u at `places` and the examples b that look them up; y: [B, `SLICE`].
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma"))]
pub(super) fn add_products(rows: FieldRows<'_>, places: Range<usize>, weights: &FieldWeights, y: &mut [f32]) {
    let width = weights.plain.len();
    let mut e = vec![0.0; ROWS * width];
    for first in places.clone().step_by(ROWS) {
        let group = first..places.end.min(first + ROWS);
        rows.read(group.clone(), &mut e, width);
        let z = products(&e, width, &weights.plain);
        for (place, z) in group.zip(&z) {
            for example in rows.examples(place) {
                for (y, z) in y[example * SLICE..][..SLICE].iter_mut().zip(z) {
                    *y += z;
                }
            }
        }
    }
}

#[inline(always)]
fn products(e: &[f32], width: usize, weights: &[[f32; SLICE]]) -> [[f32; SLICE]; ROWS] {
    let mut z = [[0.0; SLICE]; ROWS];
    for strip in (0..SLICE).step_by(STRIP) {
        let mut sums = [[0.0_f32; STRIP]; ROWS];
        for (d, weights) in weights.iter().enumerate() {
            let weights = &weights[strip..strip + STRIP];
            for (row, sums) in sums.iter_mut().enumerate() {
                let e = e[row * width + d];
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum += e * weight;
                }
            }
        }
        for (z, sums) in z.iter_mut().zip(sums) {
            z[strip..strip + STRIP].copy_from_slice(&sums);
        }
    }
    z
}

/// Adds to the gradients of the rows at `places`, [U, D], and to that of W, [D, `SLICE`], what one slice of dy, [B, `SLICE`], gives.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma"))]
pub(super) fn add_gradients(
    rows: FieldRows<'_>,
    places: Range<usize>,
    weights: &FieldWeights,
    dy: &[f32],
    row_grads: &mut [f32],
    weight_grad: &mut [[f32; SLICE]],
) {
    let width = weights.plain.len();
    let mut e = vec![0.0; ROWS * width];
    for (first, row_grads) in places.clone().step_by(ROWS).zip(row_grads.chunks_mut(ROWS * width)) {
        let group = first..places.end.min(first + ROWS);
        rows.read(group.clone(), &mut e, width);
        let mut s = [[0.0_f32; SLICE]; ROWS];
        for (place, s) in group.zip(&mut s) {
            let mut sum = [0.0_f32; SLICE];
            for example in rows.examples(place) {
                for (sum, dy) in sum.iter_mut().zip(&dy[example * SLICE..][..SLICE]) {
                    *sum += dy;
                }
            }
            *s = sum;
        }
        for (strip, weights) in weights.transposed.iter().enumerate() {
            add_row_grads(&s, weights, row_grads, width, strip * STRIP);
        }
        add_weight_grad(&e, &s, weight_grad);
    }
}

/// dE += S·Wᵀ in a strip of the width.
#[inline(always)]
fn add_row_grads(
    s: &[[f32; SLICE]; ROWS],
    weights: &[[f32; STRIP]; SLICE],
    row_grads: &mut [f32],
    width: usize,
    offset: usize,
) {
    let mut sums = [[0.0_f32; STRIP]; ROWS];
    for (column, weights) in weights.iter().enumerate() {
        for (sums, s) in sums.iter_mut().zip(s) {
            let s = s[column];
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum += s * weight;
            }
        }
    }
    for (grads, sums) in row_grads.chunks_exact_mut(width).zip(&sums) {
        for (grad, sum) in grads[offset..].iter_mut().zip(sums) {
            *grad += sum;
        }
    }
}

/// dW += Eᵀ·S.
#[inline(always)]
fn add_weight_grad(e: &[f32], s: &[[f32; SLICE]; ROWS], weight_grad: &mut [[f32; SLICE]]) {
    let width = weight_grad.len();
    for strip in (0..SLICE).step_by(STRIP) {
        let mut columns = [[0.0_f32; STRIP]; ROWS];
        for (columns, s) in columns.iter_mut().zip(s) {
            columns.copy_from_slice(&s[strip..strip + STRIP]);
        }
        for (d, grad) in weight_grad.iter_mut().enumerate() {
            let grad = &mut grad[strip..strip + STRIP];
            let mut sum = [0.0_f32; STRIP];
            sum.copy_from_slice(grad);
            for (row, s) in columns.iter().enumerate() {
                let e = e[row * width + d];
                for (sum, s) in sum.iter_mut().zip(s) {
                    *sum += e * s;
                }
            }
            grad.copy_from_slice(&sum);
        }
    }
}
