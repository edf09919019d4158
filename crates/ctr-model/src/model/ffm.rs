//! Field-aware factorisation machine.
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};

use super::{Architecture, CtrModel, EMBEDDING, InputShape, LINEAR, ModelError, ModelInput, check};
use crate::init::Initializer;
use crate::interaction::{FieldEmbedding, FirstOrder, field_aware_products};
use crate::op::ModelBackend;
use crate::pass::Pass;

/// Keys of `[model]` for `type = "ffm"`: none besides `type`. A table row holds `embedding.dim` numbers for each other field.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FfmConfig {}

/// `z = b + Σ_f w_f + Σ_{i<j} ⟨e_{i→j}, e_{j→i}⟩`.
///
/// # Shapes
/// embeddings [B, F, (F − 1)·D], weights [B, F, 1], numeric fields [B, N] → \[B\]; F counts fields of both kinds.
///
/// # Reference
/// Juan et al., "Field-aware factorization machines for CTR prediction", RecSys 2016, equation 4.
#[derive(Module, Debug)]
pub struct Ffm<B: Backend> {
    linear: FirstOrder<B>,
    fields: FieldEmbedding<B>,
}

/// Numbers of a row: D for each other field.
fn width(shape: InputShape) -> usize {
    shape.fields().saturating_sub(1) * shape.embedding_dim
}

impl Architecture for FfmConfig {
    type Model<B: Backend> = Ffm<B>;

    fn tables(&self, shape: InputShape) -> Vec<(&'static str, usize)> {
        vec![(EMBEDDING, width(shape)), (LINEAR, 1)]
    }

    fn check(&self, shape: InputShape) -> Result<(), ModelError> {
        check::two_fields("ffm", shape)
    }

    fn init<B: ModelBackend>(&self, shape: InputShape, init: Initializer<'_, B>) -> Ffm<B> {
        Ffm {
            linear: FirstOrder::with_bias("linear", shape.numeric, init),
            fields: FieldEmbedding::new("fields", shape.numeric, width(shape), init),
        }
    }
}

impl<B: ModelBackend> CtrModel<B> for Ffm<B> {
    fn forward(&self, input: ModelInput<B>, _pass: Pass) -> Tensor<B, 1> {
        let ([embeddings, weights], numeric) = input.split();
        let rows = self.fields.forward(embeddings, numeric.clone()); // [B, F, (F − 1)·D]
        let pairs = field_aware_products(rows).sum_dim(1).squeeze_dim(1); // [B]
        self.linear.forward(weights, numeric) + pairs
    }
}
