//! Each model drawn towards what the others predict.
use burn::tensor::Tensor;
use burn::tensor::activation::sigmoid;

use super::{bce_with_logits, sum};
use crate::op::ModelBackend;

/// Σ over models m of the cross-entropy of model m against the mean click probability of all others, in nats:
/// `Σ_m CE(z_m, mean_{j≠m} σ(z_j))`; K ≥ 2 tensors \[B\] → \[1\].
///
/// # Gradient
/// The others are a target, and no gradient flows to them: `dz_m = (σ(z_m) − mean_{j≠m} σ(z_j))/B`.
///
/// # Panics
/// With fewer than two models.
///
/// # Reference
/// Anil et al., "Large scale distributed neural network training through online distillation", arXiv 1804.03235.
#[must_use]
pub fn co_distillation<B: ModelBackend>(members: &[Tensor<B, 1>]) -> Tensor<B, 1> {
    assert!(members.len() >= 2, "co-distillation needs two models, there are {}", members.len());
    let probabilities: Vec<_> = members.iter().map(|logits| sigmoid(logits.clone().detach())).collect();
    let towards_others = |(model, logits): (usize, &Tensor<B, 1>)| {
        let others = probabilities.iter().enumerate().filter(|&(other, _)| other != model);
        let mean = sum(others.map(|(_, p)| p.clone())) / (members.len() - 1) as f64;
        bce_with_logits(logits.clone(), mean)
    };
    sum(members.iter().enumerate().map(towards_others))
}
