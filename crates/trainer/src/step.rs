//! One training step.
use burn::backend::Autodiff;
use burn::tensor::backend::Backend;
use burn::tensor::{ElementConversion, Tensor, TensorData};
use ctr_data::HostBatch;
use ctr_model::loss::bce_with_logits;
use ctr_model::model::{CtrModel, ModelInput};
use ctr_model::optim::{UpdateStep, clip_scale};
use ctr_model::{ModelBackend, Pass};

use crate::learner::{Learner, lookups};

impl<B: ModelBackend> Learner<B> {
    /// Trains on one batch and returns the learner with the batch's mean loss before the update, without the L2 term. A loss that is no
    /// number updates nothing.
    #[must_use]
    pub fn step(mut self, batch: &HostBatch) -> (Self, f64) {
        let pass = Pass::Train { dropout_seed: self.dropout_seed, step: self.steps };
        let lookups = lookups(&batch.plan);

        // Forward, from leaves that hold the gathered rows: [B, F, D] for each table.
        let leaves = self.tables.gather::<Autodiff<B>>(lookups, batch.labels.len(), &self.device);
        let leaves: Vec<_> = leaves.into_iter().map(Tensor::require_grad).collect();
        let input = ModelInput { embeddings: leaves.clone(), numeric: numeric(batch, &self.device) };
        let logits = self.model.forward(input, pass); // [B]
        let loss = bce_with_logits(logits, labels(batch, &self.device)); // [1]
        let loss_value = loss.clone().into_scalar().elem::<f64>();
        if !loss_value.is_finite() {
            return (self, loss_value);
        }

        // Backward: dense gradients stay on the device, those of the leaves are summed for each row.
        let mut grads = loss.backward();
        let leaf_grads = leaves.iter().map(|leaf| leaf.grad_remove(&mut grads)).collect();
        let row_grads = self.tables.reduce(leaf_grads, lookups);

        // One norm over everything, then one update of everything.
        self.gradient_norm = (self.gradient_clip_norm.is_some() || self.watch_gradient).then(|| {
            let dense = self.dense.squared_norm(&self.model, &grads);
            (dense + self.tables.squared_norm(&row_grads, lookups)).sqrt()
        });
        let clip = self.gradient_norm.zip(self.gradient_clip_norm);
        let grad_scale = clip.map_or(1.0, |(norm, max_norm)| clip_scale(norm, max_norm));
        self.steps += 1;
        let step = UpdateStep { number: self.steps, rate_scale: self.rates.dense, grad_scale };
        self.tables.update(&row_grads, lookups, UpdateStep { rate_scale: self.rates.rows, ..step });
        self.model = self.dense.step(self.model, grads, step);
        (self, loss_value)
    }
}

/// The labels of a batch, \[B\].
fn labels<B: Backend>(batch: &HostBatch, device: &B::Device) -> Tensor<B, 1> {
    Tensor::from_data(TensorData::new(batch.labels.clone(), [batch.labels.len()]), device)
}

/// The numeric fields of a batch, [B, N].
pub(crate) fn numeric<B: Backend>(batch: &HostBatch, device: &B::Device) -> Option<Tensor<B, 2>> {
    let rows = batch.labels.len();
    let fields = batch.numeric.len() / rows.max(1);
    (fields > 0).then(|| Tensor::from_data(TensorData::new(batch.numeric.clone(), [rows, fields]), device))
}

#[cfg(test)]
mod tests;
