//! The training loss: the cross-entropy of each model, and terms that are added to it.
use burn::tensor::{Tensor, TensorPrimitive};

use crate::op::ModelBackend;

mod co_distillation;
mod decorrelation;
mod entropy;
mod objective;
mod symmetric_kl;

pub use co_distillation::co_distillation;
pub use decorrelation::decorrelation;
pub use entropy::entropy;
pub use objective::Objective;
pub use symmetric_kl::symmetric_kl;

/// Mean binary cross-entropy of logits z against labels y, in nats: mean(max(z, 0) − z·y + log(1 + exp(−|z|))); \[B\], \[B\] → \[1\].
/// A label may be a probability: the loss is linear in it, so that a mixture of labels gives the mixture of the losses.
///
/// # Gradient
/// dz = (σ(z) − y)/B.
#[must_use]
pub fn bce_with_logits<B: ModelBackend>(logits: Tensor<B, 1>, labels: Tensor<B, 1>) -> Tensor<B, 1> {
    let [logits, labels] = [logits, labels].map(|t| t.into_primitive().tensor());
    Tensor::from_primitive(TensorPrimitive::Float(B::bce_with_logits(logits, labels)))
}

/// The terms one after another.
fn sum<B: ModelBackend>(terms: impl Iterator<Item = Tensor<B, 1>>) -> Tensor<B, 1> {
    let Some(sum) = terms.reduce(|sum, term| sum + term) else {
        panic!("a loss needs a model, and a term over pairs two of them");
    };
    sum
}
