//! One table: its rows, and each row's optimiser state beside it.
use rayon::prelude::*;

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
}

/// A table that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The machine does not have the memory.
    #[error(
        "the table `{name}` of {rows} rows needs {bytes} bytes ({width} weights and {state} numbers of optimiser state a row), which \
         could not be reserved; lower `embedding.dim`, raise `min_count` of its fields, or choose an optimiser with less state"
    )]
    Memory {
        /// The table.
        name: String,
        /// Its rows.
        rows: u64,
        /// Elements of a row.
        width: usize,
        /// State of a row.
        state: usize,
        /// What was asked for.
        bytes: u128,
    },
    /// Weights to be loaded do not fit.
    #[error("the table `{name}` holds {expected} numbers, but {found} were given")]
    Size {
        /// The table.
        name: String,
        /// Numbers it holds.
        expected: usize,
        /// Numbers given.
        found: usize,
    },
}

/// Rows of `width` weights and `state_len` numbers of optimiser state each, in one piece of memory: an update touches one place.
#[derive(Clone, Debug)]
pub struct EmbeddingTable {
    name: String,
    width: usize,
    stride: usize,
    pub(super) data: Vec<f32>,
}

const ROWS_PER_BLOCK: usize = 1024;

impl EmbeddingTable {
    /// A table whose weight in (row, column) is a function of (`seed`, name, row, column) alone, whatever thread computes it.
    ///
    /// # Errors
    /// When the memory cannot be reserved.
    pub fn new(spec: &TableSpec, rows: u64, state_len: usize, seed: u64) -> Result<Self, TableError> {
        let stride = spec.width + state_len;
        let data = zeroed(spec, rows, state_len)?;
        let mut table = Self { name: spec.name.clone(), width: spec.width, stride, data };
        let philox = Philox::named(seed, &spec.name);
        let (width, std) = (spec.width, spec.init_std as f32);
        table.data.par_chunks_mut(stride * ROWS_PER_BLOCK).enumerate().for_each(|(block, rows)| {
            for (index, row) in rows.chunks_exact_mut(stride).enumerate() {
                let weights = &mut row[..width];
                philox.fill_normal((block * ROWS_PER_BLOCK + index) as u64, weights);
                for weight in weights {
                    *weight *= std;
                }
            }
        });
        Ok(table)
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
        self.data.len() / self.stride
    }

    /// The weights of one row.
    ///
    /// # Panics
    /// When there is no such row.
    #[must_use]
    pub fn row(&self, row: usize) -> &[f32] {
        &self.data[row * self.stride..][..self.width]
    }

    /// All weights, row after row, without the optimiser's state.
    #[must_use]
    pub fn weights(&self) -> Vec<f32> {
        self.data.chunks_exact(self.stride).flat_map(|row| &row[..self.width]).copied().collect()
    }

    /// All optimiser state, row after row.
    #[must_use]
    pub fn state(&self) -> Vec<f32> {
        self.data.chunks_exact(self.stride).flat_map(|row| &row[self.width..]).copied().collect()
    }

    /// Replaces all weights.
    ///
    /// # Errors
    /// When there are too many or too few.
    pub fn set_weights(&mut self, weights: &[f32]) -> Result<(), TableError> {
        self.set_columns(0, self.width, weights)
    }

    /// Replaces all optimiser state.
    ///
    /// # Errors
    /// When there is too much or too little.
    pub fn set_state(&mut self, state: &[f32]) -> Result<(), TableError> {
        self.set_columns(self.width, self.stride, state)
    }

    fn set_columns(&mut self, from: usize, to: usize, values: &[f32]) -> Result<(), TableError> {
        let expected = self.rows() * (to - from);
        if values.len() != expected {
            return Err(TableError::Size { name: self.name.clone(), expected, found: values.len() });
        }
        if to > from {
            for (row, values) in self.data.chunks_exact_mut(self.stride).zip(values.chunks_exact(to - from)) {
                row[from..to].copy_from_slice(values);
            }
        }
        Ok(())
    }
}

fn zeroed(spec: &TableSpec, rows: u64, state: usize) -> Result<Vec<f32>, TableError> {
    let elements = u128::from(rows) * (spec.width + state) as u128;
    let mut data = Vec::new();
    let reserved = usize::try_from(elements).ok().is_some_and(|elements| data.try_reserve_exact(elements).is_ok());
    if !reserved {
        let bytes = elements * size_of::<f32>() as u128;
        return Err(TableError::Memory { name: spec.name.clone(), rows, width: spec.width, state, bytes });
    }
    data.resize(elements as usize, 0.0);
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(width: usize) -> TableSpec {
        TableSpec { name: "embedding".into(), width, init_std: 0.5 }
    }

    #[test]
    fn initial_weights_depend_on_seed_row_and_column_only() {
        let long = EmbeddingTable::new(&spec(5), 5000, 10, 1).unwrap();
        let short = rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .build()
            .unwrap()
            .install(|| EmbeddingTable::new(&spec(5), 3000, 0, 1).unwrap());
        for row in 0..3000 {
            assert_eq!(long.row(row), short.row(row));
        }
        assert_ne!(long.row(0), long.row(1));
        assert_ne!(EmbeddingTable::new(&spec(5), 1, 0, 2).unwrap().row(0), long.row(0));
        let other = TableSpec { name: "linear".into(), ..spec(5) };
        assert_ne!(EmbeddingTable::new(&other, 1, 0, 1).unwrap().row(0), long.row(0));
        let std = (long.weights().iter().map(|&w| f64::from(w).powi(2)).sum::<f64>() / 25_000.0).sqrt();
        assert!((std - 0.5).abs() < 0.01, "{std}");
        assert!(long.state().iter().all(|&s| s == 0.0) && long.state().len() == 50_000);
    }

    #[test]
    fn weights_and_state_come_back_as_they_were_set() {
        let mut table = EmbeddingTable::new(&spec(2), 3, 1, 1).unwrap();
        table.set_weights(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        table.set_state(&[7.0, 8.0, 9.0]).unwrap();
        assert_eq!(table.weights(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(table.state(), [7.0, 8.0, 9.0]);
        assert_eq!(table.row(1), [3.0, 4.0]);
        assert!(matches!(table.set_weights(&[1.0]), Err(TableError::Size { expected: 6, found: 1, .. })));
    }

    #[test]
    fn a_table_larger_than_memory_is_an_error_that_names_it() {
        let error = EmbeddingTable::new(&spec(16), u64::MAX / 8, 1, 1).unwrap_err().to_string();
        assert!(error.contains("`embedding`") && error.contains("embedding.dim"), "{error}");
    }
}
