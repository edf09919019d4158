//! One training step.
use burn::backend::Autodiff;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Tensor, TensorData};
use ctr_data::HostBatch;
use ctr_model::embedding::Lookups;
use ctr_model::optim::{UpdateStep, clip_scale};
use ctr_model::{ModelBackend, Pass};

use crate::churn;
use crate::learner::{Learner, lookups};
use crate::residence::RowSums;
use crate::transfer::Sent;

mod input;
mod part;
pub(crate) mod replicas;

use input::Leaves;
pub use part::StepPart;

impl<B: ModelBackend> Learner<B> {
    /// Trains on one batch and returns the learner with the batch's mean loss before the update, without the L2 term; that of several models
    /// is for each of them. A loss that is no number updates nothing.
    #[must_use]
    pub fn step(self, batch: &HostBatch) -> (Self, f64) {
        self.step_in_parts(batch, None, |_| ())
    }

    /// The same step, with what has been [sent](crate::transfer::Transfers) of the batch; `done` hears of each part after it, and takes no part in any number.
    #[must_use]
    pub fn step_in_parts(
        mut self,
        batch: &HostBatch,
        sent: Option<Sent<B>>,
        mut done: impl FnMut(StepPart),
    ) -> (Self, f64) {
        if self.replicas.len() > 1 {
            return self.step_on_replicas(batch, done);
        }
        let pass = Pass::Train { dropout_seed: self.dropout_seed, step: self.steps };
        let lookups = lookups(&batch.plan);

        // Forward, from leaves that hold the gathered rows, [B, F, D] for each table, or their product with the first layer.
        let targets = self.targets(batch, sent.as_ref()); // [B]
        let leaves = Leaves::gather(&self, batch, sent, lookups);
        done(StepPart::Gather);
        let logits = leaves.forward(&self, pass); // [B] for each model
        let loss = self.objective.loss(&logits, &targets, self.steps); // [1]
        done(StepPart::Forward);

        // Backward: dense gradients stay on the device, those of the leaves are summed for each row, where the tables are. The loss is on its
        // way to the host meanwhile, so that the update is handed to the device while it still computes.
        let of_all_models = loss.clone().inner().into_primitive().tensor();
        let (of_all_models, (grads, row_sums)) = B::read_while(of_all_models, || {
            let mut grads = loss.backward();
            done(StepPart::Backward);
            let row_sums = leaves.reduce(&mut self, &mut grads, lookups);
            (grads, row_sums)
        });
        done(StepPart::RowReduction);
        let loss = of_all_models / logits.len() as f64;
        if !loss.is_finite() {
            return (self, loss);
        }
        (self.update(grads, &row_sums, lookups, done), loss)
    }

    /// One norm over everything, then one update of everything.
    fn update(
        mut self,
        mut grads: <Autodiff<B> as AutodiffBackend>::Gradients,
        row_sums: &RowSums<B>,
        lookups: Lookups<'_>,
        mut done: impl FnMut(StepPart),
    ) -> Self {
        self.dense.clip(&self.model, &mut grads, self.tensor_clip);
        self.gradient_norm = (self.gradient_clip_norm.is_some() || self.watch_gradient).then(|| {
            let of_rows = || self.tables.squared_norm(row_sums, lookups);
            let (dense, rows) = self.dense.squared_norm_while(&self.model, &grads, of_rows);
            (dense + rows).sqrt()
        });
        done(StepPart::GradientNorm);
        let clip = self.gradient_norm.zip(self.gradient_clip_norm);
        let grad_scale = clip.map_or(1.0, |(norm, max_norm)| clip_scale(norm, max_norm));
        self.steps += 1;
        let step = UpdateStep { number: self.steps, rate_scale: self.rates.dense, grad_scale };
        self.tables.update(row_sums, lookups, UpdateStep { rate_scale: self.rates.rows, ..step });
        done(StepPart::RowUpdate);
        self.model = self.dense.step(self.model, grads, step);
        done(StepPart::DenseUpdate);
        self
    }

    /// What the loss compares the logits with: the labels, on the device already or on their way there, \[B\].
    fn targets(&self, batch: &HostBatch, sent: Option<&Sent<B>>) -> Tensor<Autodiff<B>, 1> {
        if let Some(sent) = sent {
            return Tensor::from_inner(sent.labels.clone());
        }
        let labels = churn::labels(self.base.as_deref(), batch).into_owned();
        Tensor::from_data(TensorData::new(labels, [batch.len()]), &self.device)
    }
}

/// The numeric fields of a batch, [B, N].
pub(crate) fn numeric<B: Backend>(batch: &HostBatch, device: &B::Device) -> Option<Tensor<B, 2>> {
    let rows = batch.labels.len();
    let fields = batch.numeric.len() / rows.max(1);
    // One dimension on its way to the device: CUDA pads the rows of a matrix, which are then copied one by one.
    let numbers = || Tensor::<B, 1>::from_data(TensorData::new(batch.numeric.clone(), [batch.numeric.len()]), device);
    (fields > 0).then(|| numbers().reshape([rows, fields]))
}

#[cfg(test)]
mod tests;
