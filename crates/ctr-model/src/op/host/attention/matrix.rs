//! Small matrices in whole vectors, and their products.
use super::Sizes;

/// Numbers of a vector.
pub(super) const LANES: usize = 16;

type Vector = [f32; LANES];

/// Copies as many numbers as both hold.
#[inline(always)]
pub(super) fn copy(to: &mut [f32], from: &[f32]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

/// A small matrix whose rows are filled up with zeros to whole vectors.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    values: &'a [Vector],
    /// Vectors of a row.
    vectors: usize,
}

impl<'a> Matrix<'a> {
    #[inline(always)]
    pub(super) fn row(self, row: usize) -> &'a [f32] {
        self.values[row * self.vectors..][..self.vectors].as_flattened()
    }
}

/// The vectors of the examples of a block, those of a head side by side: a [`Matrix`] [F, W] for each example, part and head.
pub(super) struct Packed {
    values: Vec<f32>,
    parts: usize,
    heads: usize,
    /// Vectors of a row, and of a matrix.
    vectors: usize,
    matrix: usize,
}

impl Packed {
    /// From rows of `parts` parts side by side, [B·F, parts·A], read once and in order.
    #[inline(always)]
    pub(super) fn new(rows: &[f32], sizes: Sizes, parts: usize) -> Self {
        let vectors = sizes.width().div_ceil(LANES);
        let matrix = sizes.fields * vectors;
        let examples = rows.len() / (parts * sizes.example());
        let mut values = vec![0.0; examples * parts * sizes.heads * matrix * LANES];
        let (all, _) = values.as_chunks_mut::<LANES>();
        for (example, rows) in rows.chunks_exact(parts * sizes.example()).enumerate() {
            let matrices = &mut all[example * parts * sizes.heads * matrix..];
            for (field, row) in rows.chunks_exact(parts * sizes.units).enumerate() {
                for (number, vector) in row.chunks_exact(sizes.width()).enumerate() {
                    copy(matrices[number * matrix + field * vectors..][..vectors].as_flattened_mut(), vector);
                }
            }
        }
        Self { values, parts, heads: sizes.heads, vectors, matrix }
    }

    #[inline(always)]
    pub(super) fn matrix(&self, example: usize, part: usize, head: usize) -> Matrix<'_> {
        let first = ((example * self.parts + part) * self.heads + head) * self.matrix;
        Matrix { values: &self.values.as_chunks().0[first..][..self.matrix], vectors: self.vectors }
    }
}

/// A [`Matrix`] that is computed.
pub(super) struct Buffer {
    rows: usize,
    vectors: usize,
    values: Vec<Vector>,
}

impl Buffer {
    pub(super) fn new(rows: usize, columns: usize) -> Self {
        let vectors = columns.div_ceil(LANES);
        Self { rows, vectors, values: vec![[0.0; LANES]; rows * vectors] }
    }

    #[inline(always)]
    pub(super) fn as_matrix(&self) -> Matrix<'_> {
        Matrix { values: &self.values, vectors: self.vectors }
    }

    #[inline(always)]
    pub(super) fn row_mut(&mut self, row: usize) -> &mut [f32] {
        self.values[row * self.vectors..][..self.vectors].as_flattened_mut()
    }

    /// `self = mᵀ` of a matrix of `rows` rows.
    #[inline(always)]
    pub(super) fn transpose(&mut self, matrix: Matrix<'_>, rows: usize) {
        let (stride, columns) = (self.vectors * LANES, self.rows);
        let values = self.values.as_flattened_mut();
        for row in 0..rows {
            for (to, value) in values[row..].iter_mut().step_by(stride).zip(&matrix.row(row)[..columns]) {
                *to = *value;
            }
        }
    }

    /// `self = a·b`, each sum from the first term to the last; `terms` is how many there are.
    #[inline(always)]
    pub(super) fn multiply(&mut self, a: Matrix<'_>, b: Matrix<'_>, terms: usize) {
        let mut row = 0;
        while row < self.rows {
            row += match self.rows - row {
                1 => self.multiply_rows::<1>(a, b, row, terms),
                2 | 3 => self.multiply_rows::<2>(a, b, row, terms),
                _ => self.multiply_rows::<4>(a, b, row, terms),
            };
        }
    }

    #[inline(always)]
    fn multiply_rows<const R: usize>(&mut self, a: Matrix<'_>, b: Matrix<'_>, row: usize, terms: usize) -> usize {
        let factors: [&[f32]; R] = core::array::from_fn(|r| &a.row(row + r)[..terms]);
        for vector in 0..self.vectors {
            let mut sums = [[0.0; LANES]; R];
            for k in 0..terms {
                let column = &b.values[k * b.vectors + vector];
                for (sums, factors) in sums.iter_mut().zip(&factors) {
                    for (sum, term) in sums.iter_mut().zip(column) {
                        *sum += factors[k] * term;
                    }
                }
            }
            for (r, sums) in sums.into_iter().enumerate() {
                self.values[(row + r) * self.vectors + vector] = sums;
            }
        }
        R
    }
}
