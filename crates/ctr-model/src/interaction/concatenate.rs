//! Fields side by side.
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorPrimitive};

use crate::op::ModelBackend;

/// `[e_1; …; e_F]`.
///
/// # Shapes
/// [B, F, D] → [B, F·D].
#[must_use]
pub fn flatten<B: Backend>(fields: Tensor<B, 3>) -> Tensor<B, 2> {
    let [batch, fields_count, dim] = fields.dims();
    fields.reshape([batch, fields_count * dim])
}

/// `[e_1; …; e_F; x_1; …; x_N]`.
///
/// # Shapes
/// embeddings [B, F, D], numeric fields [B, N] → [B, F·D + N].
#[must_use]
pub fn concatenate<B: ModelBackend>(embeddings: Tensor<B, 3>, numeric: Option<Tensor<B, 2>>) -> Tensor<B, 2> {
    let fields = embeddings.dims()[1];
    match numeric {
        Some(numeric) if fields == 0 => numeric,
        Some(numeric) => {
            let [embeddings, numeric] = [flatten(embeddings), numeric].map(|t| t.into_primitive().tensor());
            Tensor::from_primitive(TensorPrimitive::Float(B::beside(embeddings, numeric)))
        }
        None => flatten(embeddings),
    }
}
