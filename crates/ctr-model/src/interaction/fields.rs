//! Numeric fields among the embedded ones.
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use crate::init::{Initializer, xavier_std};

/// The embeddings of all fields: a categorical one's is its row, a numeric one's is `x_n·v_n` with a learnt vector `v_n`.
///
/// # Shapes
/// rows [B, F, D], numeric fields [B, N] → [B, F + N, D].
///
/// # Reference
/// Rendle, "Factorization machines", ICDM 2010, equation 1, where a field's vector is multiplied by its value.
#[derive(Module, Debug)]
pub struct FieldEmbedding<B: Backend> {
    /// v, [N, D].
    numeric: Option<Param<Tensor<B, 2>>>,
}

impl<B: Backend> FieldEmbedding<B> {
    /// Vectors of width `dim` for `numeric` fields, named under `name`.
    #[must_use]
    pub fn new(name: &str, numeric: usize, dim: usize, init: Initializer<'_, B>) -> Self {
        let vectors = || init.normal(&format!("{name}.numeric"), [numeric, dim], xavier_std(1, dim));
        Self { numeric: (numeric > 0).then(vectors) }
    }

    /// The embeddings of all fields; [B, F, D], [B, N] → [B, F + N, D].
    #[must_use]
    pub fn forward(&self, rows: Tensor<B, 3>, numeric: Option<Tensor<B, 2>>) -> Tensor<B, 3> {
        let (Some(x), Some(vectors)) = (numeric, &self.numeric) else { return rows };
        let scaled = x.unsqueeze_dim::<3>(2) * vectors.val().unsqueeze(); // [B, N, D]
        if rows.dims()[1] == 0 { scaled } else { Tensor::cat(vec![rows, scaled], 1) }
    }
}
