//! The divergence of two models' predictions.
use burn::tensor::Tensor;
use burn::tensor::activation::sigmoid;

use crate::op::ModelBackend;
use crate::sum::mean;

/// Mean symmetric Kullback–Leibler divergence of the click probabilities p = σ(z), q = σ(w), in nats: mean(KL(p‖q) + KL(q‖p)), which is
/// mean((p − q)·(z − w)); \[B\], \[B\] → \[1\].
///
/// # Gradient
/// To both models: dz = (σ(z)·σ(−z)·(z − w) + p − q)/B, and dw with the roles exchanged.
///
/// # Reference
/// Bhojanapalli et al., "On the reproducibility of neural network predictions", arXiv 2102.03349.
#[must_use]
pub fn symmetric_kl<B: ModelBackend>(first: Tensor<B, 1>, second: Tensor<B, 1>) -> Tensor<B, 1> {
    let probabilities = sigmoid(first.clone()) - sigmoid(second.clone());
    mean(probabilities * (first - second))
}
