//! What training minimises.
use burn::tensor::Tensor;

use super::{bce_with_logits, co_distillation, decorrelation, entropy, sum, symmetric_kl};
use crate::op::ModelBackend;

/// The loss of K models that are trained side by side: the sum of their cross-entropies, and the terms whose weight is not 0.
///
/// `Σ_m (CE(z_m, y) + entropy·H(z_m)) + co_distillation·Σ_m CE(z_m, mean of the others) + mean over pairs of (symmetric_kl·(KL + KL) +
/// anti_distillation·ρ²)`. A sum and not a mean, so that models without common terms and tables train as each would alone.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Objective {
    /// Weight of the [`entropy`] of each model's predictions; below 0 it rewards entropy.
    pub entropy: f64,
    /// Weight of the [`symmetric_kl`] of the models' predictions.
    pub symmetric_kl: f64,
    /// Weight of the [`decorrelation`] of the models' logits.
    pub anti_distillation: f64,
    /// Weight of [`co_distillation`].
    pub co_distillation: f64,
    /// Steps before co-distillation begins.
    pub co_distillation_from: u64,
}

impl Objective {
    /// Whether a term needs two models.
    #[must_use]
    pub fn needs_pairs(&self) -> bool {
        self.symmetric_kl != 0.0 || self.anti_distillation != 0.0 || self.co_distillation != 0.0
    }

    /// The loss of the step that follows `steps` others; K ≥ 1 tensors \[B\], labels \[B\] → \[1\].
    ///
    /// # Panics
    /// Without models, or with one where a term needs two.
    #[must_use]
    pub fn loss<B: ModelBackend>(&self, members: &[Tensor<B, 1>], labels: &Tensor<B, 1>, steps: u64) -> Tensor<B, 1> {
        let mut loss = sum(members.iter().map(|logits| bce_with_logits(logits.clone(), labels.clone())));
        if self.entropy != 0.0 {
            loss = loss + sum(members.iter().map(|logits| entropy(logits.clone()))) * self.entropy;
        }
        if self.symmetric_kl != 0.0 {
            loss = loss + mean_over_pairs(members, symmetric_kl) * self.symmetric_kl;
        }
        if self.anti_distillation != 0.0 {
            loss = loss + mean_over_pairs(members, decorrelation) * self.anti_distillation;
        }
        if self.co_distillation != 0.0 && steps >= self.co_distillation_from {
            loss = loss + co_distillation(members) * self.co_distillation;
        }
        loss
    }
}

fn mean_over_pairs<B: ModelBackend>(
    members: &[Tensor<B, 1>],
    term: impl Fn(Tensor<B, 1>, Tensor<B, 1>) -> Tensor<B, 1>,
) -> Tensor<B, 1> {
    let later = |first: usize| members[first + 1..].iter().map(move |second| (first, second));
    let pairs: Vec<_> = (0..members.len()).flat_map(later).collect();
    let count = pairs.len() as f64;
    sum(pairs.into_iter().map(|(first, second)| term(members[first].clone(), second.clone()))) / count
}
