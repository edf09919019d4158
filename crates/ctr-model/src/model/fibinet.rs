//! FiBiNET.
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};

use super::{Architecture, CtrModel, EMBEDDING, InputShape, LINEAR, ModelError, ModelInput, check};
use crate::init::Initializer;
use crate::interaction::{Bilinear, BilinearKind, FieldEmbedding, FirstOrder, SqueezeExcitation, flatten, pair_count};
use crate::mlp::Mlp;
use crate::op::ModelBackend;
use crate::pass::Pass;

super::keys::with_perceptron! {
    /// Keys of `[model]` for `type = "fibinet"`.
    FiBiNetConfig(empty = "`[]` leaves one linear layer") {
        /// The matrices of the bilinear interaction. Default `"pair"`.
        #[serde(default)]
        bilinear: FiBiNetMatrices,
        /// Fields over units of the squeezed layer, > 0; there is at least one unit. Default `3.0`.
        #[serde(default = "three")]
        reduction_ratio: f64,
    }
}

fn three() -> f64 {
    3.0
}

/// The matrices of the bilinear interaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FiBiNetMatrices {
    /// One for all pairs (the paper's field-all type).
    Shared,
    /// One for each first field of a pair (field-each type).
    Field,
    /// One for each pair (field-interaction type).
    #[default]
    Pair,
}

/// `z = Σ_f w_f + MLP([p; q])`, with p the bilinear interactions of the fields and q those of the reweighted fields, by the same matrices.
///
/// # Shapes
/// embeddings [B, F, D], weights [B, F, 1], numeric fields [B, N] → \[B\].
///
/// # Reference
/// Huang, Zhang & Zhang, "FiBiNET: combining feature importance and bilinear feature interaction for click-through rate prediction",
/// arXiv 1905.09433; matrices shared by p and q as in the BARS benchmark.
#[derive(Module, Debug)]
pub struct FiBiNet<B: Backend> {
    linear: FirstOrder<B>,
    fields: FieldEmbedding<B>,
    importance: SqueezeExcitation<B>,
    bilinear: Bilinear<B>,
    mlp: Mlp<B>,
}

impl Architecture for FiBiNetConfig {
    type Model<B: Backend> = FiBiNet<B>;

    fn tables(&self, shape: InputShape) -> Vec<(&'static str, usize)> {
        vec![(EMBEDDING, shape.embedding_dim), (LINEAR, 1)]
    }

    fn check(&self, shape: InputShape) -> Result<(), ModelError> {
        check::two_fields("fibinet", shape)?;
        check::positive("reduction_ratio", self.reduction_ratio)?;
        check::width("reduction_ratio", self.squeezed(shape))?;
        check::perceptron(&self.mlp())
    }

    fn init<B: ModelBackend>(&self, shape: InputShape, init: Initializer<'_, B>) -> FiBiNet<B> {
        let (fields, dim) = (shape.fields(), shape.embedding_dim);
        let kind = match self.bilinear {
            FiBiNetMatrices::Shared => BilinearKind::Shared,
            FiBiNetMatrices::Field => BilinearKind::Field,
            FiBiNetMatrices::Pair => BilinearKind::Pair,
        };
        FiBiNet {
            linear: FirstOrder::without_bias("linear", shape.numeric, init),
            fields: FieldEmbedding::new("fields", shape.numeric, dim, init),
            importance: SqueezeExcitation::new("importance", fields, self.squeezed(shape), &self.activation, init),
            bilinear: Bilinear::new("bilinear", kind, fields, dim, init),
            mlp: self.mlp().init("mlp", 2 * pair_count(fields) * dim, init),
        }
    }
}

impl FiBiNetConfig {
    /// Units of the squeezed layer.
    fn squeezed(&self, shape: InputShape) -> usize {
        ((shape.fields() as f64 / self.reduction_ratio) as usize).max(1)
    }
}

impl<B: ModelBackend> CtrModel<B> for FiBiNet<B> {
    fn forward(&self, input: ModelInput<B>, pass: Pass) -> Tensor<B, 1> {
        let ([embeddings, weights], numeric) = input.split();
        let fields = self.fields.forward(embeddings, numeric.clone()); // [B, F + N, D]
        let reweighted = self.importance.forward(fields.clone()); // [B, F + N, D]
        let pairs = [fields, reweighted].map(|fields| self.bilinear.forward(fields)); // [B, P, D]
        let joined = flatten(Tensor::cat(pairs.into(), 1)); // [B, 2·P·D]
        self.linear.forward(weights, numeric) + self.mlp.forward(joined, pass)
    }
}
