//! The correlation of two models' logits.
use burn::tensor::Tensor;

use crate::op::ModelBackend;
use crate::sum::{mean, sum};

/// Keeps the correlation finite where a model's logits are all the same.
const EPSILON: f64 = 1e-12;

/// Squared correlation of two models' logits over the batch: (Σ c·d)²/(Σ c² · Σ d² + ε) with c = z − mean(z), d = w − mean(w),
/// ε = 10⁻¹²; \[B\], \[B\] → \[1\], in [0, 1].
///
/// # Gradient
/// To both models. With s = Σ c·d, u = Σ c², v = Σ d²: dz = 2s/(u·v + ε)·(d − s·v/(u·v + ε)·c), and dw with the roles exchanged.
///
/// # Reference
/// Shamir & Coviello, "Anti-distillation: improving reproducibility of deep networks", arXiv 2010.09923, decorrelates the outputs of the
/// members of an ensemble over mini-batches. The square of Pearson's correlation of the logits is this project's choice.
#[must_use]
pub fn decorrelation<B: ModelBackend>(first: Tensor<B, 1>, second: Tensor<B, 1>) -> Tensor<B, 1> {
    let [c, d] = [first, second].map(|logits| {
        let mean = mean(logits.clone());
        logits - mean
    });
    let covariance = sum(c.clone() * d.clone());
    let [u, v] = [c, d].map(|centred| sum(centred.clone() * centred));
    covariance.clone() * covariance / (u * v + EPSILON)
}
