//! Field-weighted factorisation machine.
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};

use super::{Architecture, CtrModel, EMBEDDING, InputShape, LINEAR, ModelError, ModelInput, check};
use crate::init::Initializer;
use crate::interaction::{FieldEmbedding, FirstOrder, flatten, inner_products, pair_count};
use crate::linear::{Linear, matmul};
use crate::op::ModelBackend;
use crate::pass::Pass;

/// Keys of `[model]` for `type = "fwfm"`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FwFmConfig {
    /// The linear term. Default `"field"`.
    #[serde(default)]
    pub linear: FwFmLinear,
}

/// The linear term of a [`FwFm`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FwFmLinear {
    /// A weight for each feature value (the paper's `LW`).
    Weight,
    /// `⟨e_f, v⟩` with a vector for each feature value, a second table (`FeLV`).
    Embedded,
    /// `⟨e_f, v_f⟩` with a vector for each field (`FiLV`).
    #[default]
    Field,
}

/// `z = b + linear + Σ_{i<j} r_{ij}·⟨e_i, e_j⟩`.
///
/// # Shapes
/// embeddings [B, F, D], numeric fields [B, N] → \[B\].
///
/// # Reference
/// Pan et al., "Field-weighted factorization machines for click-through rate prediction in display advertising", arXiv 1806.03514,
/// equations 5 to 10.
#[derive(Module, Debug)]
pub struct FwFm<B: Backend> {
    fields: FieldEmbedding<B>,
    /// r with b: [P, 1], \[1\].
    pairs: Linear<B>,
    linear: LinearTerm<B>,
}

/// The linear term.
#[derive(Module, Debug)]
pub enum LinearTerm<B: Backend> {
    /// A weight for each feature value.
    Weight(FirstOrder<B>),
    /// A vector for each feature value.
    Embedded(FieldEmbedding<B>),
    /// A vector for each field, [F·D, 1].
    Field(Param<Tensor<B, 2>>),
}

impl Architecture for FwFmConfig {
    type Model<B: Backend> = FwFm<B>;

    fn tables(&self, shape: InputShape) -> Vec<(&'static str, usize)> {
        let embedding = (EMBEDDING, shape.embedding_dim);
        match self.linear {
            FwFmLinear::Weight => vec![embedding, (LINEAR, 1)],
            FwFmLinear::Embedded => vec![embedding, (LINEAR, shape.embedding_dim)],
            FwFmLinear::Field => vec![embedding],
        }
    }

    fn check(&self, shape: InputShape) -> Result<(), ModelError> {
        check::two_fields("fwfm", shape)
    }

    fn init<B: ModelBackend>(&self, shape: InputShape, init: Initializer<'_, B>) -> FwFm<B> {
        let linear = match self.linear {
            FwFmLinear::Weight => LinearTerm::Weight(FirstOrder::without_bias("linear", shape.numeric, init)),
            FwFmLinear::Embedded => {
                LinearTerm::Embedded(FieldEmbedding::new("linear", shape.numeric, shape.embedding_dim, init))
            }
            FwFmLinear::Field => LinearTerm::Field(init.xavier_normal("linear", shape.embedded(), 1)),
        };
        FwFm {
            fields: FieldEmbedding::new("fields", shape.numeric, shape.embedding_dim, init),
            pairs: Linear::new("pairs", pair_count(shape.fields()), 1, init),
            linear,
        }
    }
}

impl<B: ModelBackend> CtrModel<B> for FwFm<B> {
    fn forward(&self, mut input: ModelInput<B>, _pass: Pass) -> Tensor<B, 1> {
        let second = (input.embeddings.len() > 1).then(|| input.embeddings.remove(1));
        let ([embeddings], numeric) = input.split();
        let fields = self.fields.forward(embeddings, numeric.clone()); // [B, F + N, D]
        let pairs = self.pairs.forward(inner_products(fields.clone())).squeeze_dim(1); // [B]
        let linear = match (&self.linear, second) {
            (LinearTerm::Weight(term), Some(weights)) => term.forward(weights, numeric),
            (LinearTerm::Embedded(vectors), Some(rows)) => {
                let products = flatten(fields) * flatten(vectors.forward(rows, numeric)); // [B, (F + N)·D]
                products.sum_dim(1).squeeze_dim(1)
            }
            (LinearTerm::Field(weight), _) => matmul(flatten(fields), weight.val()).squeeze_dim(1),
            (_, None) => panic!("the rows of the table `{LINEAR}` are missing"),
        };
        pairs + linear
    }
}
