//! Prediction difference (PD): how much replicas, models trained on the same data, disagree on the same examples.
//!
//! N examples, M replicas, p\[n, m\] the predicted click probability, p̄\[n\] its mean over the replicas, P\[n, m\] the
//! distribution over the L labels (two for clicks). The metrics differ by factors, so a number means nothing without
//! its name:
//!
//! | function | formula | on clicks |
//! |---|---|---|
//! | [`pairwise_relative_pd`] (headline) | `(1/N) Σ 2\|p_a − p_b\| / (p_a + p_b)`, per pair (a, b) | click label |
//! | [`absolute_mean_centred_pd`] | `(1/NM) Σ \|p − p̄\|` | click label |
//! | [`relative_mean_centred_pd`] (Δ₁ʳ for CTR) | `(1/NM) Σ \|p − p̄\| / p̄` | click label |
//! | [`norm_pd`] (Δ₁, Δ₂) | `(1/NM) Σ ‖P − P̄‖ₚ` | both labels |
//! | [`relative_pd_over_labels`] (Δ₁ʳ) | `(1/NM) Σ Σ_l \|P − P̄\| / P̄` | both labels |
//! | [`true_label_relative_pd`] (Δ₁ᴸ) | `(1/NM) Σ \|P − P̄\| / P̄` on the true label | true label |
//! | [`hellinger_pd`] | `(1/NM) Σ √(½ Σ_l (√P − √P̄)²)` | both labels |
//! | [`churn`], [`argmax_churn`] | share of examples whose decision differs, per pair | decision |
//! | [`identical_predictions`] | 1 where all bits are equal, per pair | logits |
//! | [`top_k_overlap`] | shared share of the k highest scores of a group, per pair | ranking |
//!
//! Two traps, both tested here:
//!
//! 1. For M = 2, [`relative_mean_centred_pd`] is exactly half of [`pairwise_relative_pd`].
//! 2. The expectation of a pairwise metric does not depend on M; that of a mean-centred one grows as √((M − 1)/M).
//!    Values for different M compare only after multiplying by [`replica_count_correction`].
//!
//! 0/0 counts as 0: replicas that agree on probability 0 agree. Identical replicas give exactly 0 everywhere.
//!
//! Reference: G. I. Shamir, D. Lin, L. Coviello, "Smooth activations and reproducibility in deep networks", 2020
//! (relative PD); G. I. Shamir and L. Coviello, "Anti-distillation: improving reproducibility of deep networks", 2020
//! (the norms).

mod churn;
mod identical;
mod mean_centred;
mod pair_matrix;
mod pairwise;
mod replicas;
mod top_k;

pub use churn::{argmax_churn, churn};
pub use identical::identical_predictions;
pub use mean_centred::{
    ExampleMean, Norm, absolute_mean_centred_pd, hellinger_pd, norm_pd, relative_mean_centred_pd,
    relative_pd_over_labels, replica_count_correction, true_label_relative_pd,
};
pub use pair_matrix::PairMatrix;
pub use pairwise::{pairwise_relative_pd, per_example_relative_pd};
pub use replicas::{ClickReplicas, LabelDistributions, ReplicaDistributions};
pub use top_k::{TopKOverlap, top_k_overlap};
