//! Field-matrixed factorisation machine.
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};

use super::{Architecture, CtrModel, EMBEDDING, InputShape, LINEAR, ModelError, ModelInput, check};
use crate::init::Initializer;
use crate::interaction::{Bilinear, BilinearKind, FieldEmbedding, FirstOrder, flatten};
use crate::op::ModelBackend;
use crate::pass::Pass;

/// Keys of `[model]` for `type = "fmfm"`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FmFmConfig {
    /// The weights of a pair. Default `"matrix"`.
    #[serde(default)]
    pub interaction: FmFmInteraction,
}

/// The weights of a pair of fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FmFmInteraction {
    /// A matrix, [D, D].
    #[default]
    Matrix,
    /// A diagonal matrix, \[D\] (the paper's field-vectorised machine).
    Vector,
}

/// `z = b + Σ_f w_f + Σ_{i<j} ⟨e_i·W_{ij}, e_j⟩`.
///
/// # Shapes
/// embeddings [B, F, D], weights [B, F, 1], numeric fields [B, N] → \[B\].
///
/// # Reference
/// Sun et al., "FM²: field-matrixed factorization machines for recommender systems", arXiv 2102.12994, equation 7.
#[derive(Module, Debug)]
pub struct FmFm<B: Backend> {
    linear: FirstOrder<B>,
    fields: FieldEmbedding<B>,
    pairs: Bilinear<B>,
}

impl Architecture for FmFmConfig {
    type Model<B: Backend> = FmFm<B>;

    fn tables(&self, shape: InputShape) -> Vec<(&'static str, usize)> {
        vec![(EMBEDDING, shape.embedding_dim), (LINEAR, 1)]
    }

    fn check(&self, shape: InputShape) -> Result<(), ModelError> {
        check::two_fields("fmfm", shape)
    }

    fn init<B: ModelBackend>(&self, shape: InputShape, init: Initializer<'_, B>) -> FmFm<B> {
        let kind = match self.interaction {
            FmFmInteraction::Matrix => BilinearKind::Pair,
            FmFmInteraction::Vector => BilinearKind::PairDiagonal,
        };
        FmFm {
            linear: FirstOrder::with_bias("linear", shape.numeric, init),
            fields: FieldEmbedding::new("fields", shape.numeric, shape.embedding_dim, init),
            pairs: Bilinear::new("pairs", kind, shape.fields(), shape.embedding_dim, init),
        }
    }
}

impl<B: ModelBackend> CtrModel<B> for FmFm<B> {
    fn forward(&self, input: ModelInput<B>, _pass: Pass) -> Tensor<B, 1> {
        let ([embeddings, weights], numeric) = input.split();
        let fields = self.fields.forward(embeddings, numeric.clone()); // [B, F + N, D]
        let pairs = flatten(self.pairs.forward(fields)).sum_dim(1).squeeze_dim(1); // [B]
        self.linear.forward(weights, numeric) + pairs
    }
}
