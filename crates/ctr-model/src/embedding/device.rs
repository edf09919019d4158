//! Tables in the memory of an accelerator.
use core::fmt::Debug;

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::{EmbeddingTables, Lookups, TableError};
use crate::optim::UpdateStep;

/// Copies of [`EmbeddingTables`] in the memory of a device, optimiser state included, that are read and updated there.
///
/// Each method does what the one of the same name of [`EmbeddingTables`] does, with the same arithmetic in the same order: sums over the
/// lookups of a row and over the elements of a row are taken one after another, and no two threads write one number. Where a device
/// contracts a product and a sum into one operation, its numbers differ in the last bit. `docs/determinism.md` says which do.
pub trait DeviceTables<B: Backend>: Debug + Send {
    /// The rows of a batch's lookups, one tensor [B, F, D] for each table.
    fn gather(&self, lookups: Lookups<'_>, batch: usize) -> Vec<Tensor<B, 3>>;

    /// Sums the gradients of the gathered tensors over the lookups of each row, and keeps the sums on the device until the next call. `None`
    /// stands for a tensor that the loss does not depend on.
    fn reduce(&mut self, grads: Vec<Option<Tensor<B, 3>>>, lookups: Lookups<'_>);

    /// The squared norm of the latest sums for all trainable rows, the L2 term included. Waits for the device.
    fn squared_norm(&self, lookups: Lookups<'_>) -> f64;

    /// Updates the rows in place with the latest sums.
    fn update(&mut self, lookups: Lookups<'_>, step: UpdateStep);

    /// Copies weights and state back into the tables that these are copies of.
    ///
    /// # Errors
    /// When the device has failed.
    fn download(&self, tables: &mut EmbeddingTables) -> Result<(), TableError>;
}
