//! What the embedding rows of a batch become: the leaves of the graph that a step differentiates.
use burn::backend::Autodiff;
use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;
use ctr_data::HostBatch;
use ctr_model::embedding::{DevicePlan, InputProduct, Lookups};
use ctr_model::mlp::Mlp;
use ctr_model::model::ModelInput;
use ctr_model::{ModelBackend, Pass};

use super::numeric;
use crate::learner::Learner;
use crate::residence::RowSums;

/// The leaves of a step's graph.
pub(super) enum Leaves<B: ModelBackend> {
    /// The gathered rows, [B, F, D] for each table, and the row plan on the device where the tables are there.
    Rows(Vec<Tensor<Autodiff<B>, 3>>, Option<DevicePlan<B>>),
    /// The product of the first layer, [B, O], of a model that multiplies the rows and does nothing else with them.
    Product(Tensor<Autodiff<B>, 2>, InputProduct<B>),
}

impl<B: ModelBackend> Leaves<B> {
    pub(super) fn gather(learner: &Learner<B>, batch: &HostBatch, lookups: Lookups<'_>) -> Self {
        let size = batch.labels.len();
        let weight = learner.model.perceptron().and_then(Mlp::input_weight);
        let product = weight
            .zip(learner.tables.in_use())
            .and_then(|(weight, tables)| tables.input_product::<B>(lookups, &batch.numeric, weight.inner(), size));
        if let Some((values, product)) = product {
            return Self::Product(Tensor::from_inner(values).require_grad(), product);
        }
        let (rows, plan) = learner.tables.gather_with_plan(lookups, size, &learner.device);
        Self::Rows(rows.into_iter().map(|rows| Tensor::from_inner(rows).require_grad()).collect(), plan)
    }

    /// The logits of each model, \[B\].
    pub(super) fn forward(&self, learner: &Learner<B>, batch: &HostBatch, pass: Pass) -> Vec<Tensor<Autodiff<B>, 1>> {
        match (self, learner.model.perceptron()) {
            (Self::Product(values, _), Some(perceptron)) => {
                vec![perceptron.forward_from_product(values.clone(), pass)]
            }
            (Self::Product(..), None) => unreachable!("a product is that of a perceptron's first layer"),
            (Self::Rows(rows, _), _) => {
                let input = ModelInput { embeddings: rows.clone(), numeric: numeric(batch, &learner.device) };
                learner.model.member_logits(input, pass)
            }
        }
    }

    /// The gradient of each row; that of a first layer's weights joins those of the other dense parameters.
    pub(super) fn reduce(
        self,
        learner: &mut Learner<B>,
        grads: &mut <Autodiff<B> as AutodiffBackend>::Gradients,
        lookups: Lookups<'_>,
    ) -> RowSums<B> {
        match self {
            Self::Rows(rows, plan) => {
                let grads = rows.iter().map(|leaf| leaf.grad_remove(grads)).collect();
                learner.tables.reduce(grads, lookups, plan)
            }
            Self::Product(values, product) => {
                let weight = learner.model.perceptron().and_then(Mlp::input_weight);
                let (Some(grad), Some(weight)) = (values.grad_remove(grads), weight) else {
                    unreachable!("every logit depends on the product of the first layer")
                };
                let (rows, weight_grad) = product.backward(learner.tables.host(), lookups, grad);
                weight.grad_replace(grads, weight_grad);
                RowSums::Host(rows)
            }
        }
    }
}
