//! The three matrix products of a layer, in blocks of rows of a fixed size.
//!
//! The crate `gemm`, which is also what `Flex` multiplies with, reaches nine tenths of a core's peak on each of them but loses a
//! third of it in dW = xᵀ·dy when it divides one product among threads: it meets a barrier for each slice of the long inner dimension. Here
//! each block is one product on one thread, threads take blocks as they become free, and the bits depend on the shapes alone.
use core::mem::MaybeUninit;

use rayon::prelude::*;

use crate::parallel::{BLOCK, filled};

/// Rows of y or dx in a block.
const ROWS: usize = 512;

/// Rows that one partial sum of dW runs over, at least: each part is written once and read once.
const ROWS_OF_PART: usize = 1024;

/// Partial sums of dW at most.
const PARTS: usize = 16;

/// A row-major matrix, or the transpose of one.
#[derive(Clone, Copy)]
struct Operand<'a> {
    values: &'a [f32],
    /// The number of columns as it lies in memory.
    columns: usize,
    transposed: bool,
}

impl Operand<'_> {
    /// Rows and columns as an operand.
    fn shape(&self) -> [usize; 2] {
        let rows = self.values.len() / self.columns;
        if self.transposed { [self.columns, rows] } else { [rows, self.columns] }
    }

    /// The distances from one column to the next and from one row to the next.
    fn strides(&self) -> [isize; 2] {
        let columns = self.columns as isize;
        if self.transposed { [columns, 1] } else { [1, columns] }
    }
}

/// out = a·b on this thread; out is row-major, and every element of it is written.
fn multiply(a: Operand<'_>, b: Operand<'_>, out: &mut [MaybeUninit<f32>]) {
    let ([m, k], [k_of_b, n]) = (a.shape(), b.shape());
    assert!(
        k == k_of_b && out.len() == m * n && a.values.len() == m * k && b.values.len() == k * n,
        "shapes of a product"
    );
    let ([a_column, a_row], [b_column, b_row]) = (a.strides(), b.strides());
    // SAFETY: the assertion above says that the three buffers hold exactly the elements that the shapes and strides reach; `out` is not
    // read (`read_dst` is false) and is borrowed mutably, so that it overlaps neither operand.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr().cast::<f32>(),
            1,
            n as isize,
            false,
            a.values.as_ptr(),
            a_column,
            a_row,
            b.values.as_ptr(),
            b_column,
            b_row,
            0.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// x·W; x: [B, I], W: [I, O].
pub(super) fn product(x: &[f32], weight: &[f32], [rows, inputs, outputs]: [usize; 3]) -> Vec<f32> {
    if inputs == 0 || outputs == 0 {
        return vec![0.0; rows * outputs];
    }
    let weight = Operand { values: weight, columns: outputs, transposed: false };
    filled(rows * outputs, |out| {
        out.par_chunks_mut(ROWS * outputs).zip(x.par_chunks(ROWS * inputs)).with_max_len(1).for_each(|(out, x)| {
            multiply(Operand { values: x, columns: inputs, transposed: false }, weight, out);
        });
    })
}

/// dy·Wᵀ; dy: [B, O], W: [I, O].
pub(super) fn input_grad(grad: &[f32], weight: &[f32], [rows, inputs, outputs]: [usize; 3]) -> Vec<f32> {
    // One transposed copy, where every block would otherwise make its own while packing.
    product(grad, &transposed(weight, outputs), [rows, outputs, inputs])
}

/// xᵀ·dy; x: [B, I], dy: [B, O].
pub(super) fn weight_grad(x: &[f32], grad: &[f32], [rows, inputs, outputs]: [usize; 3]) -> Vec<f32> {
    if rows == 0 || inputs == 0 || outputs == 0 {
        return vec![0.0; inputs * outputs];
    }
    let part_rows = rows.div_ceil(PARTS).max(ROWS_OF_PART);
    let parts: Vec<Vec<f32>> = x
        .par_chunks(part_rows * inputs)
        .zip(grad.par_chunks(part_rows * outputs))
        .with_max_len(1)
        .map(|(x, grad)| {
            let x = Operand { values: x, columns: inputs, transposed: true };
            let grad = Operand { values: grad, columns: outputs, transposed: false };
            filled(inputs * outputs, |out| multiply(x, grad, out))
        })
        .collect();
    let mut parts = parts.into_iter();
    let mut sum = parts.next().unwrap_or_default();
    let parts = parts.as_slice();
    sum.par_chunks_mut(BLOCK).enumerate().for_each(|(block, sum)| {
        for part in parts {
            for (sum, part) in sum.iter_mut().zip(&part[block * BLOCK..]) {
                *sum += part;
            }
        }
    });
    sum
}

/// The transpose of a matrix of `columns` columns.
fn transposed(matrix: &[f32], columns: usize) -> Vec<f32> {
    const COLUMNS: usize = 16;
    let rows = matrix.len() / columns.max(1);
    let mut out = vec![0.0; matrix.len()];
    out.par_chunks_mut((rows * COLUMNS).max(1)).enumerate().for_each(|(block, out)| {
        for (row, values) in matrix.chunks_exact(columns).enumerate() {
            for (column, value) in values[block * COLUMNS..].iter().take(COLUMNS).enumerate() {
                out[column * rows + row] = *value;
            }
        }
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(length: usize, seed: usize) -> Vec<f32> {
        (0..length).map(|i| ((i * 7919 + seed * 104_729) % 1013) as f32 / 506.5 - 1.0).collect()
    }

    /// Σ over k of a(i, k)·b(k, j) in f64.
    fn sums(
        m: usize,
        n: usize,
        k: usize,
        a: impl Fn(usize, usize) -> f32,
        b: impl Fn(usize, usize) -> f32,
    ) -> Vec<f64> {
        let element = |i, j| (0..k).map(|k| f64::from(a(i, k)) * f64::from(b(k, j))).sum();
        (0..m).flat_map(|i| (0..n).map(move |j| (i, j))).map(|(i, j)| element(i, j)).collect()
    }

    fn assert_close(name: &str, actual: &[f32], expected: &[f64]) {
        assert_eq!(actual.len(), expected.len(), "{name}");
        for (actual, expected) in actual.iter().zip(expected) {
            assert!((f64::from(*actual) - expected).abs() < 2e-3, "{name}: {actual} against {expected}");
        }
    }

    #[test]
    fn products_equal_sums_for_shapes_of_many_blocks_and_for_thin_ones() {
        for shape in [[1, 1, 1], [3, 5, 1], [600, 17, 33], [1100, 1, 19], [2500, 20, 7], [5, 0, 3], [0, 4, 2]] {
            let [rows, inputs, outputs] = shape;
            let (x, w, dy) = (numbers(rows * inputs, 1), numbers(inputs * outputs, 2), numbers(rows * outputs, 3));
            let (x_at, w_at) = (|b: usize, i: usize| x[b * inputs + i], |i: usize, o: usize| w[i * outputs + o]);
            let dy_at = |b: usize, o: usize| dy[b * outputs + o];
            assert_close(&format!("y {shape:?}"), &product(&x, &w, shape), &sums(rows, outputs, inputs, x_at, w_at));
            let expected = sums(rows, inputs, outputs, dy_at, |o, i| w_at(i, o));
            assert_close(&format!("dx {shape:?}"), &input_grad(&dy, &w, shape), &expected);
            let expected = sums(inputs, outputs, rows, |i, b| x_at(b, i), dy_at);
            assert_close(&format!("dW {shape:?}"), &weight_grad(&x, &dy, shape), &expected);
        }
    }
}
