//! One table: its rows, and each row's optimiser state beside it.
use std::borrow::Cow;
use std::ops::Range;

use rayon::prelude::*;

use super::TableError;
use super::reader::RowReader;
use super::storage::Storage;
use crate::random::Philox;

/// The name, width and initial scale of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct TableSpec {
    /// A name that is unique in the model and stable in files.
    pub name: String,
    /// Elements of a row, D.
    pub width: usize,
    /// Standard deviation of the normal distribution that the elements are drawn from.
    pub init_std: f64,
    /// The fields that look their rows up here, by the names of [`LookupLayout::names`](super::LookupLayout::names); `None` stands for all.
    pub fields: Option<Vec<String>>,
}

impl TableSpec {
    /// A table that all fields look their rows up in.
    #[must_use]
    pub fn new(name: impl Into<String>, width: usize, init_std: f64) -> Self {
        Self { name: name.into(), width, init_std, fields: None }
    }
}

/// Rows of `width` weights and `state_len` numbers of optimiser state each, in one piece of memory: an update touches one place.
///
/// A row is initialised when it is first written: until then its memory is zero pages of the system, and a reader computes its initial
/// weights, which are a function of the seed and the place. A table of 10⁸ rows so costs nothing before it is used. The mark of a row that
/// has been written is that its first weight is not +0: a first weight of +0 is stored as −0.
#[derive(Debug)]
pub struct EmbeddingTable {
    name: String,
    width: usize,
    stride: usize,
    /// The number of the table's first row in the model's row plan.
    first: u64,
    rows: usize,
    initial: InitialWeights,
    pub(super) data: Storage,
}

/// What rows hold before they are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct InitialWeights {
    philox: Philox,
    std: f32,
}

impl InitialWeights {
    /// The weights of row `row` of the plan.
    pub(super) fn fill(&self, row: u64, weights: &mut [f32]) {
        self.philox.fill_normal(row, weights);
        for weight in weights {
            *weight *= self.std;
        }
    }

    /// Writes the initial weights into a row that has not been written yet.
    #[inline(always)]
    pub(super) fn materialise(&self, row: u64, weights: &mut [f32]) {
        if is_unwritten(weights) {
            self.fill(row, weights);
            mark(weights);
        }
    }
}

#[inline(always)]
pub(super) fn is_unwritten(weights: &[f32]) -> bool {
    weights[0].to_bits() == 0
}

/// Marks a row as written.
#[inline(always)]
pub(super) fn mark(weights: &mut [f32]) {
    if is_unwritten(weights) {
        weights[0] = -0.0;
    }
}

const ROWS_PER_BLOCK: usize = 1024;

impl EmbeddingTable {
    /// A table of the rows `rows` of a plan, whose weight in (row, column) is a function of (`seed`, name of the specification, row, column)
    /// alone, whatever thread computes it and whenever.
    ///
    /// # Errors
    /// When the memory cannot be reserved.
    pub fn new(spec: &TableSpec, rows: Range<u64>, state_len: usize, seed: u64) -> Result<Self, TableError> {
        let (width, count) = (spec.width.max(1), rows.end - rows.start);
        let elements = u128::from(count) * (width + state_len) as u128;
        let Some(data) = Storage::new(elements) else {
            let bytes = elements * size_of::<f32>() as u128;
            return Err(TableError::Memory { name: spec.name.clone(), rows: count, width, state: state_len, bytes });
        };
        Ok(Self {
            name: spec.name.clone(),
            width,
            stride: width + state_len,
            first: rows.start,
            rows: count as usize,
            initial: InitialWeights { philox: Philox::named(seed, &spec.name), std: spec.init_std as f32 },
            data,
        })
    }

    /// The same table under another name; its initial weights stay those of the specification.
    pub(super) fn renamed(self, name: String) -> Self {
        Self { name, ..self }
    }

    /// The table's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Weights of a row, D.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Weights and state of a row.
    #[must_use]
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// The number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The rows of the plan that are the table's own.
    #[must_use]
    pub fn row_range(&self) -> Range<u64> {
        self.first..self.first + self.rows as u64
    }

    pub(super) fn initial(&self) -> InitialWeights {
        self.initial
    }

    /// The weights of one row, counted from the table's first.
    ///
    /// # Panics
    /// When there is no such row.
    #[must_use]
    pub fn row(&self, row: usize) -> Cow<'_, [f32]> {
        let weights = &self.data.as_slice()[row * self.stride..][..self.width];
        if !is_unwritten(weights) {
            return Cow::Borrowed(weights);
        }
        let mut weights = vec![0.0; self.width];
        self.initial.fill(self.first + row as u64, &mut weights);
        Cow::Owned(weights)
    }

    /// The weights of one row, counted from the table's first, and its optimiser state behind them: [`stride`](Self::stride) numbers. Only of
    /// a row that has been [written](super::EmbeddingTables::materialise).
    ///
    /// # Panics
    /// When there is no such row.
    #[must_use]
    pub fn record(&self, row: usize) -> &[f32] {
        &self.data.as_slice()[row * self.stride..][..self.stride]
    }

    /// Replaces what [`record`](Self::record) returns.
    ///
    /// # Panics
    /// When there is no such row, or `record` has another length.
    pub fn set_record(&mut self, row: usize, record: &[f32]) {
        let (stride, width) = (self.stride, self.width);
        let stored = &mut self.data.as_mut_slice()[row * stride..][..stride];
        stored.copy_from_slice(record);
        mark(&mut stored[..width]);
    }

    /// Access to the weights of many rows.
    pub(super) fn reader(&self) -> RowReader<'_> {
        let Self { width, stride, first, initial, .. } = *self;
        RowReader { data: self.data.as_slice(), width, stride, first, initial }
    }

    /// Writes the initial weights into all rows of `rows` that have not been written yet.
    pub(super) fn materialise(&mut self, rows: &Range<u64>) {
        let (stride, width, initial) = (self.stride, self.width, self.initial);
        let (start, end) = ((rows.start - self.first) as usize, (rows.end - self.first) as usize);
        let data = &mut self.data.as_mut_slice()[start * stride..end * stride];
        data.par_chunks_mut(stride * ROWS_PER_BLOCK).enumerate().for_each(|(block, chunk)| {
            let first = rows.start + (block * ROWS_PER_BLOCK) as u64;
            for (row, number) in chunk.chunks_exact_mut(stride).zip(first..) {
                initial.materialise(number, &mut row[..width]);
            }
        });
    }

    /// All weights, row after row, without the optimiser's state. A first weight of 0 comes out as +0.
    #[must_use]
    pub fn weights(&self) -> Vec<f32> {
        let mut all = vec![0.0; self.rows * self.width];
        let reader = self.reader();
        all.par_chunks_mut(ROWS_PER_BLOCK * self.width).enumerate().for_each(|(block, out)| {
            let first = self.first + (block * ROWS_PER_BLOCK) as u64;
            for (weights, row) in out.chunks_exact_mut(self.width).zip(first..) {
                reader.read(row, weights);
                weights[0] += 0.0;
            }
        });
        all
    }

    /// All optimiser state, row after row.
    #[must_use]
    pub fn state(&self) -> Vec<f32> {
        let rows = self.data.as_slice().chunks_exact(self.stride);
        rows.flat_map(|row| &row[self.width..]).copied().collect()
    }

    /// Replaces all weights.
    ///
    /// # Errors
    /// When there are too many or too few.
    pub fn set_weights(&mut self, weights: &[f32]) -> Result<(), TableError> {
        self.set_columns(0, self.width, weights)?;
        let (stride, width) = (self.stride, self.width);
        for row in self.data.as_mut_slice().chunks_exact_mut(stride) {
            mark(&mut row[..width]);
        }
        Ok(())
    }

    /// Replaces the weights of one row, counted from the table's first.
    ///
    /// # Errors
    /// When there are too many or too few.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn set_row(&mut self, row: usize, weights: &[f32]) -> Result<(), TableError> {
        if weights.len() != self.width {
            let (expected, found) = (self.width, weights.len());
            return Err(TableError::Size { name: self.name.clone(), expected, found });
        }
        let stored = &mut self.data.as_mut_slice()[row * self.stride..][..self.width];
        stored.copy_from_slice(weights);
        mark(stored);
        Ok(())
    }

    /// Replaces all optimiser state.
    ///
    /// # Errors
    /// When there is too much or too little.
    pub fn set_state(&mut self, state: &[f32]) -> Result<(), TableError> {
        self.set_columns(self.width, self.stride, state)
    }

    fn set_columns(&mut self, from: usize, to: usize, values: &[f32]) -> Result<(), TableError> {
        let expected = self.rows * (to - from);
        if values.len() != expected {
            return Err(TableError::Size { name: self.name.clone(), expected, found: values.len() });
        }
        if to > from {
            let rows = self.data.as_mut_slice().chunks_exact_mut(self.stride);
            for (row, values) in rows.zip(values.chunks_exact(to - from)) {
                row[from..to].copy_from_slice(values);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(width: usize) -> TableSpec {
        TableSpec::new("embedding", width, 0.5)
    }

    #[test]
    fn initial_weights_depend_on_seed_row_and_column_only() {
        let mut long = EmbeddingTable::new(&spec(5), 0..5000, 10, 1).unwrap();
        let lazy = long.weights();
        long.materialise(&(7..5000));
        assert_eq!(long.weights(), lazy);
        let part = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(|| {
            let mut part = EmbeddingTable::new(&spec(5), 1000..3000, 0, 1).unwrap();
            part.materialise(&(1000..3000));
            part
        });
        for row in 1000..3000 {
            assert_eq!(long.row(row), part.row(row - 1000));
        }
        assert_ne!(long.row(0), long.row(1));
        assert_ne!(EmbeddingTable::new(&spec(5), 0..1, 0, 2).unwrap().row(0), long.row(0));
        let other = TableSpec { name: "linear".into(), ..spec(5) };
        assert_ne!(EmbeddingTable::new(&other, 0..1, 0, 1).unwrap().row(0), long.row(0));
        let std = (long.weights().iter().map(|&w| f64::from(w).powi(2)).sum::<f64>() / 25_000.0).sqrt();
        assert!((std - 0.5).abs() < 0.01, "{std}");
        assert!(long.state().iter().all(|&s| s == 0.0) && long.state().len() == 50_000);
    }

    #[test]
    fn weights_and_state_come_back_as_they_were_set() {
        let mut table = EmbeddingTable::new(&spec(2), 0..3, 1, 1).unwrap();
        table.set_weights(&[1.0, 2.0, 0.0, 4.0, 5.0, 0.0]).unwrap();
        table.set_state(&[7.0, 8.0, 9.0]).unwrap();
        assert_eq!(
            table.weights().iter().map(|w| w.to_bits()).collect::<Vec<_>>(),
            [1.0_f32, 2.0, 0.0, 4.0, 5.0, 0.0].map(f32::to_bits)
        );
        assert_eq!(table.state(), [7.0, 8.0, 9.0]);
        // A first weight of 0 is a weight, not the mark of a row that was never written.
        assert_eq!(table.row(1)[..], [0.0, 4.0]);
        table.set_row(1, &[0.0, 6.0]).unwrap();
        assert_eq!(table.row(1)[..], [0.0, 6.0]);
        assert!(matches!(table.set_weights(&[1.0]), Err(TableError::Size { expected: 6, found: 1, .. })));
        assert!(matches!(table.set_row(0, &[1.0]), Err(TableError::Size { expected: 2, found: 1, .. })));
    }

    #[test]
    fn a_table_larger_than_memory_is_an_error_that_names_it() {
        let error = EmbeddingTable::new(&spec(16), 0..u64::MAX / 8, 1, 1).unwrap_err().to_string();
        assert!(error.contains("`embedding`") && error.contains("embedding.dim"), "{error}");
    }

    /// 2³³ rows of one number are 32 GiB of address space; only the pages that are written take memory.
    #[cfg(target_os = "linux")]
    #[test]
    fn rows_beyond_32_bits_are_addressed() {
        let narrow = TableSpec::new("embedding", 1, 0.5);
        // A system that commits all memory it hands out refuses this.
        let Ok(mut table) = EmbeddingTable::new(&narrow, 0..1 << 33, 0, 1) else { return };
        let row = (1 << 32) + 5;
        table.set_row(row, &[3.0]).unwrap();
        assert_eq!(table.row(row)[..], [3.0]);
        assert_ne!(table.row(5)[..], [3.0]);
        let small = EmbeddingTable::new(&narrow, (1 << 32) + 6..(1 << 32) + 7, 0, 1).unwrap();
        assert_eq!(table.row(row + 1), small.row(0));
    }
}
