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
use crate::transfer::Sent;

/// The leaves of a step's graph.
pub(super) enum Leaves<B: ModelBackend> {
    /// The gathered rows, [B, F, D] for each table, the row plan on the device where the tables are there, and the numeric fields, [B, N].
    Rows(Vec<Tensor<Autodiff<B>, 3>>, Option<DevicePlan<B>>, Option<Tensor<Autodiff<B>, 2>>),
    /// The product of the first layer, [B, O], of a model that multiplies the rows and does nothing else with them.
    Product(Tensor<Autodiff<B>, 2>, InputProduct<B>),
}

impl<B: ModelBackend> Leaves<B> {
    pub(super) fn gather(learner: &Learner<B>, batch: &HostBatch, sent: Option<Sent<B>>, lookups: Lookups<'_>) -> Self {
        let size = batch.labels.len();
        let weight = learner.model.perceptron().and_then(Mlp::input_weight);
        let product = weight
            .zip(learner.tables.in_use())
            .and_then(|(weight, tables)| tables.input_product::<B>(lookups, &batch.numeric, weight.inner(), size));
        if let Some((values, product)) = product {
            return Self::Product(Tensor::from_inner(values).require_grad(), product);
        }
        let (plan, numbers) = sent.map_or((None, None), |sent| (Some(sent.plan), sent.numeric));
        let numeric = match numbers {
            Some(numbers) => Some(Tensor::from_inner(numbers.reshape([size, batch.numeric.len() / size]))),
            None => numeric(batch, &learner.device),
        };
        let (rows, plan) = learner.tables.gather_with_plan(lookups, plan, size, &learner.device);
        Self::Rows(rows.into_iter().map(|rows| Tensor::from_inner(rows).require_grad()).collect(), plan, numeric)
    }

    /// The logits of each model, \[B\].
    pub(super) fn forward(&self, learner: &Learner<B>, pass: Pass) -> Vec<Tensor<Autodiff<B>, 1>> {
        match (self, learner.model.perceptron()) {
            (Self::Product(values, _), Some(perceptron)) => {
                vec![perceptron.forward_from_product(values.clone(), pass)]
            }
            (Self::Product(..), None) => unreachable!("a product is that of a perceptron's first layer"),
            (Self::Rows(rows, _, numeric), _) => {
                let input = ModelInput { embeddings: rows.clone(), numeric: numeric.clone() };
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
            Self::Rows(rows, plan, _) => {
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
