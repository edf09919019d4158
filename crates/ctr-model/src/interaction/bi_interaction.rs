//! Bi-interaction pooling: the sum of the products of all pairs of fields.
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

/// `Σ_{i<j} e_i ⊙ e_j = ½·((Σ e_i)² − Σ e_i²)`, element by element.
///
/// The right side takes F additions where the left one takes F² products. Summed over D it is the second-order term of a factorisation
/// machine.
///
/// # Shapes
/// [B, F, D] → [B, D].
///
/// # Reference
/// Rendle, "Factorization machines", ICDM 2010, lemma 3.1; He & Chua, "Neural factorization machines for sparse predictive analytics",
/// arXiv 1708.05027, equations 3 and 4.
#[must_use]
pub fn bi_interaction<B: Backend>(fields: Tensor<B, 3>) -> Tensor<B, 2> {
    let sum = fields.clone().sum_dim(1); // [B, 1, D]
    let squares = (fields.clone() * fields).sum_dim(1); // [B, 1, D]
    ((sum.clone() * sum - squares) * 0.5).squeeze_dim(1)
}
