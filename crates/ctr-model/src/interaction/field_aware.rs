//! Pairs of field-aware embeddings.
use burn::tensor::Tensor;

use super::{Pairs, pick};
use crate::op::ModelBackend;

/// `⟨e_{i→j}, e_{j→i}⟩` for each pair i < j, where `e_{i→j}` is what field i has for field j.
///
/// A field's row holds F − 1 vectors, one for each other field in their order. Every one of them belongs to one pair, so both sides are
/// selections without repeats: the pairs cost as much memory as the rows themselves.
///
/// # Shapes
/// [B, F, (F − 1)·D] → [B, P].
///
/// # Reference
/// Juan et al., "Field-aware factorization machines for CTR prediction", RecSys 2016, equation 4.
#[must_use]
pub fn field_aware_products<B: ModelBackend>(rows: Tensor<B, 3>) -> Tensor<B, 2> {
    let [batch, fields, width] = rows.dims();
    let others = fields - 1;
    let vectors = rows.reshape([batch, fields * others, width / others]); // [B, F·(F − 1), D]
    let pairs = Pairs::new(fields);
    let first = pick(vectors.clone(), &pairs.places(|i, j| i * others + j - 1));
    let second = pick(vectors, &pairs.places(|i, j| j * others + i));
    (first * second).sum_dim(2).squeeze_dim(2)
}
