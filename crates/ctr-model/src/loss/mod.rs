//! The training loss.
use burn::tensor::{Tensor, TensorPrimitive};

use crate::op::ModelBackend;

/// Mean binary cross-entropy of logits z against labels y, in nats: mean(max(z, 0) − z·y + log(1 + exp(−|z|))); \[B\], \[B\] → \[1\].
///
/// # Gradient
/// dz = (σ(z) − y)/B.
#[must_use]
pub fn bce_with_logits<B: ModelBackend>(logits: Tensor<B, 1>, labels: Tensor<B, 1>) -> Tensor<B, 1> {
    let [logits, labels] = [logits, labels].map(|t| t.into_primitive().tensor());
    Tensor::from_primitive(TensorPrimitive::Float(B::bce_with_logits(logits, labels)))
}
