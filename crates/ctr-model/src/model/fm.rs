//! Factorisation machine.
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};

use super::{Architecture, CtrModel, EMBEDDING, InputShape, LINEAR, ModelError, ModelInput};
use crate::init::Initializer;
use crate::interaction::{FieldEmbedding, FirstOrder, bi_interaction};
use crate::op::ModelBackend;
use crate::pass::Pass;

/// Keys of `[model]` for `type = "fm"`: none besides `type`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FmConfig {}

/// `z = b + Σ_f w_f + Σ_{i<j} ⟨e_i, e_j⟩`.
///
/// # Shapes
/// embeddings [B, F, D], weights [B, F, 1], numeric fields [B, N] → \[B\].
///
/// # Reference
/// Rendle, "Factorization machines", ICDM 2010, equation 1.
#[derive(Module, Debug)]
pub struct Fm<B: Backend> {
    linear: FirstOrder<B>,
    fields: FieldEmbedding<B>,
}

impl Architecture for FmConfig {
    type Model<B: Backend> = Fm<B>;

    fn tables(&self, shape: InputShape) -> Vec<(&'static str, usize)> {
        vec![(EMBEDDING, shape.embedding_dim), (LINEAR, 1)]
    }

    fn check(&self, _shape: InputShape) -> Result<(), ModelError> {
        Ok(())
    }

    fn init<B: ModelBackend>(&self, shape: InputShape, init: Initializer<'_, B>) -> Fm<B> {
        Fm {
            linear: FirstOrder::with_bias("linear", shape.numeric, init),
            fields: FieldEmbedding::new("fields", shape.numeric, shape.embedding_dim, init),
        }
    }
}

impl<B: ModelBackend> CtrModel<B> for Fm<B> {
    fn forward(&self, input: ModelInput<B>, _pass: Pass) -> Tensor<B, 1> {
        let ([embeddings, weights], numeric) = input.split();
        let fields = self.fields.forward(embeddings, numeric.clone()); // [B, F + N, D]
        let pairs = bi_interaction(fields).sum_dim(1).squeeze_dim(1); // [B]
        self.linear.forward(weights, numeric) + pairs
    }
}
