//! The inner products of all pairs of fields.
use burn::tensor::Tensor;

use super::{Pairs, pick};
use crate::linear::matmul;
use crate::op::ModelBackend;

/// `⟨e_i, e_j⟩` for each pair i < j.
///
/// Taken from the Gram matrix [B, F, F]: the products [B, P, D] of the elements never exist.
///
/// # Shapes
/// [B, F, D] → [B, P].
///
/// # Reference
/// Qu et al., "Product-based neural networks for user response prediction", arXiv 1611.00144, section III.B.
#[must_use]
pub fn inner_products<B: ModelBackend>(fields: Tensor<B, 3>) -> Tensor<B, 2> {
    let [batch, count, _] = fields.dims();
    let gram = matmul(fields.clone(), fields.swap_dims(1, 2)); // [B, F, F]
    let upper = Pairs::new(count).places(|i, j| i * count + j); // [P]
    pick(gram.reshape([batch, count * count, 1]), &upper).squeeze_dim(2)
}
