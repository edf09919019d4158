//! All tables of a model.
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};

use super::{EmbeddingTable, Lookups, TableError, TableSpec, UpdateRule, gather, norm, segment_sum, update};
use crate::optim::UpdateStep;

/// The tables of a model, which share their rows' numbering, and how they are updated.
#[derive(Clone, Debug)]
pub struct EmbeddingTables {
    tables: Vec<EmbeddingTable>,
    rule: UpdateRule,
}

/// The gradient of each touched row, for each table: [U, D].
#[derive(Clone, Debug)]
pub struct RowGradients {
    per_table: Vec<Vec<f32>>,
}

impl EmbeddingTables {
    /// Tables of `rows` rows each, drawn from `seed`.
    ///
    /// # Errors
    /// When the memory cannot be reserved.
    pub fn new(specs: &[TableSpec], rows: u64, rule: UpdateRule, seed: u64) -> Result<Self, TableError> {
        let tables = specs
            .iter()
            .map(|spec| EmbeddingTable::new(spec, rows, rule.state_len(spec.width), seed))
            .collect::<Result<_, _>>()?;
        Ok(Self { tables, rule })
    }

    /// The tables, in the order of their specifications.
    #[must_use]
    pub fn tables(&self) -> &[EmbeddingTable] {
        &self.tables
    }

    /// The tables, to load weights into.
    pub fn tables_mut(&mut self) -> &mut [EmbeddingTable] {
        &mut self.tables
    }

    /// The rows of a batch's lookups, one tensor [B, F, D] for each table.
    #[must_use]
    pub fn gather<B: Backend>(&self, lookups: Lookups<'_>, batch: usize, device: &B::Device) -> Vec<Tensor<B, 3>> {
        self.tables
            .iter()
            .map(|table| {
                let fields = lookups.inverse.len().checked_div(batch).unwrap_or(0);
                let values = gather(table, lookups);
                Tensor::from_data(TensorData::new(values, [batch, fields, table.width()]), device)
            })
            .collect()
    }

    /// Sums the gradients of the gathered tensors over the lookups of each row. `None` stands for a tensor that the loss does not depend
    /// on.
    #[must_use]
    pub fn reduce<B: Backend>(&self, grads: Vec<Option<Tensor<B, 3>>>, lookups: Lookups<'_>) -> RowGradients {
        let per_table = self.tables.iter().zip(grads).map(|(table, grad)| match grad {
            Some(grad) => with_elements(grad, |grad| segment_sum(grad, table.width(), lookups)),
            None => vec![0.0; lookups.rows.len() * table.width()],
        });
        RowGradients { per_table: per_table.collect() }
    }

    /// The squared norm of the gradient of all tables, the L2 term included.
    #[must_use]
    pub fn squared_norm(&self, grads: &RowGradients, lookups: Lookups<'_>) -> f64 {
        self.tables
            .iter()
            .zip(&grads.per_table)
            .map(|(table, grads)| norm::squared_norm(table, grads, lookups, &self.rule))
            .sum()
    }

    /// Updates the tables in place.
    pub fn update(&mut self, grads: &RowGradients, lookups: Lookups<'_>, step: UpdateStep) {
        for (table, grads) in self.tables.iter_mut().zip(&grads.per_table) {
            update::apply(table, grads, lookups, &self.rule, step);
        }
    }
}

fn with_elements<B: Backend, R>(tensor: Tensor<B, 3>, f: impl FnOnce(&[f32]) -> R) -> R {
    let data = tensor.into_data();
    match data.as_slice::<f32>() {
        Ok(elements) => f(elements),
        Err(_) => f(&data.iter::<f32>().collect::<Vec<_>>()),
    }
}
