//! Tables in the memory of an accelerator.
use core::fmt::Debug;

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use burn::tensor::ops::IntTensor;

use super::{EmbeddingTables, Lookups, TableError};
use crate::optim::UpdateStep;

/// Copies of [`EmbeddingTables`] in the memory of a device, optimiser state included, that are read and updated there.
///
/// Each method does what the one of the same name of [`EmbeddingTables`] does, with the same arithmetic in the same order: sums over the
/// lookups of a row and over the elements of a row are taken one after another, and no two threads write one number. Where a device
/// contracts a product and a sum into one operation, its numbers differ in the last bit. `docs/determinism.md` says which do. The squared norm
/// alone is taken otherwise: groups of at most 64 squares are added in `f32`, in an order that is a function of their number.
///
/// # Panics
/// Where a method takes lookups and a plan, and the plan is not that of the lookups and of these tables.
pub trait DeviceTables<B: Backend>: Debug + Send {
    /// Copies the row plan of a batch to the device, once for all that follows with it.
    fn upload(&self, lookups: Lookups<'_>) -> DevicePlan<B>;

    /// What copies batches to the device from another thread, while the one that trains does other things.
    fn uploader(&self) -> Uploader<B>;

    /// The rows of a batch's lookups, one tensor [B, F, D] for each table.
    fn gather(&self, lookups: Lookups<'_>, plan: &DevicePlan<B>, batch: usize) -> Vec<Tensor<B, 3>>;

    /// Sums the gradients of the gathered tensors over the lookups of each row, and keeps the sums on the device until the next call. `None`
    /// stands for a tensor that the loss does not depend on.
    fn reduce(&mut self, grads: Vec<Option<Tensor<B, 3>>>, lookups: Lookups<'_>, plan: &DevicePlan<B>);

    /// The squared norm of the latest sums for all trainable rows, the L2 term included. Waits for the device.
    fn squared_norm(&self, lookups: Lookups<'_>, plan: &DevicePlan<B>) -> f64;

    /// Updates the rows in place with the latest sums.
    fn update(&mut self, lookups: Lookups<'_>, plan: &DevicePlan<B>, step: UpdateStep);

    /// Copies weights and state back into the tables that these are copies of.
    ///
    /// # Errors
    /// When the device has failed.
    fn download(&self, tables: &mut EmbeddingTables) -> Result<(), TableError>;
}

/// Copies the row plan of a batch to the device, as [`DeviceTables::upload`] does, and other numbers of the batch with it, none of them empty; each
/// \[N\].
pub type Uploader<B> = Box<dyn Fn(Lookups<'_>, &[&[f32]]) -> (DevicePlan<B>, Vec<Tensor<B, 1>>) + Send>;

/// The [`Lookups`] of a batch in the memory of a device: those that [`DeviceTables::upload`] was given, for its tables and no others.
#[derive(Clone, Debug)]
#[cfg_attr(
    not(any(feature = "cuda", feature = "wgpu")),
    allow(dead_code, reason = "only tables on a device make and read a plan")
)]
pub struct DevicePlan<B: Backend> {
    /// For each table the distinct rows, each counted from the first row of its part of the table, \[U\].
    pub(crate) rows: Vec<IntTensor<B>>,
    /// Where each row's lookups begin in `order`, \[U + 1\].
    pub(crate) offsets: IntTensor<B>,
    /// The lookups sorted by row, \[N\].
    pub(crate) order: IntTensor<B>,
    /// For each lookup its place among the distinct rows, \[N\].
    pub(crate) inverse: IntTensor<B>,
    /// The rows, by their places, that have many lookups.
    pub(crate) long: IntTensor<B>,
}
