//! The inner products of all pairs of fields.
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::Pairs;

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
pub fn inner_products<B: Backend>(fields: Tensor<B, 3>) -> Tensor<B, 2> {
    let [batch, count, _] = fields.dims();
    let device = fields.device();
    let gram = fields.clone().matmul(fields.swap_dims(1, 2)); // [B, F, F]
    let upper = Pairs::new(count).places::<B>(|i, j| i * count + j, &device); // [P]
    gram.reshape([batch, count * count]).select(1, upper)
}
