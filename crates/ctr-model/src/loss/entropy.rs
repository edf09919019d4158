//! The entropy of predictions.
use burn::tensor::activation::sigmoid;
use burn::tensor::{Tensor, TensorPrimitive};

use crate::op::ModelBackend;
use crate::sum::mean;

/// Mean entropy of the click probabilities p = σ(z), in nats: mean(−p·ln p − (1 − p)·ln(1 − p)); \[B\] → \[1\].
///
/// Computed from a = |z| as ln(1 + e^−a) + a·σ(−a), which loses nothing where p is near 0 or 1.
///
/// # Gradient
/// dz = −z·σ(z)·σ(−z)/B.
///
/// # Reference
/// The regulariser of Bhojanapalli et al., "On the reproducibility of neural network predictions", arXiv 2102.03349.
#[must_use]
pub fn entropy<B: ModelBackend>(logits: Tensor<B, 1>) -> Tensor<B, 1> {
    let size = logits.abs();
    let minus = size.clone().neg();
    let power = minus.clone().exp().into_primitive().tensor();
    let ln_1p = Tensor::from_primitive(TensorPrimitive::Float(B::ln_1p(power)));
    mean(ln_1p + size * sigmoid(minus))
}
