//! Neural factorisation machine.
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::{Architecture, CtrModel, EMBEDDING, InputShape, LINEAR, ModelError, ModelInput, check};
use crate::init::Initializer;
use crate::interaction::{FieldEmbedding, FirstOrder, bi_interaction};
use crate::mlp::Mlp;
use crate::op::ModelBackend;
use crate::pass::Pass;

super::keys::with_perceptron! {
    /// Keys of `[model]` for `type = "nfm"`: those of the perceptron.
    NfmConfig(empty = "`[]` leaves one linear layer") {}
}

/// `z = Σ_f w_f + MLP(Σ_{i<j} e_i ⊙ e_j)`.
///
/// # Shapes
/// embeddings [B, F, D], weights [B, F, 1], numeric fields [B, N] → \[B\].
///
/// # Reference
/// He & Chua, "Neural factorization machines for sparse predictive analytics", arXiv 1708.05027, equations 2 to 7; without the paper's
/// dropout and batch norm on the pooled products, as in the BARS benchmark.
#[derive(Module, Debug)]
pub struct Nfm<B: Backend> {
    linear: FirstOrder<B>,
    fields: FieldEmbedding<B>,
    mlp: Mlp<B>,
}

impl Architecture for NfmConfig {
    type Model<B: Backend> = Nfm<B>;

    fn tables(&self, shape: InputShape) -> Vec<(&'static str, usize)> {
        vec![(EMBEDDING, shape.embedding_dim), (LINEAR, 1)]
    }

    fn check(&self, shape: InputShape) -> Result<(), ModelError> {
        check::two_fields("nfm", shape)?;
        check::perceptron(&self.mlp())
    }

    fn init<B: ModelBackend>(&self, shape: InputShape, init: Initializer<'_, B>) -> Nfm<B> {
        Nfm {
            linear: FirstOrder::without_bias("linear", shape.numeric, init),
            fields: FieldEmbedding::new("fields", shape.numeric, shape.embedding_dim, init),
            mlp: self.mlp().init("mlp", shape.embedding_dim, init),
        }
    }
}

impl<B: ModelBackend> CtrModel<B> for Nfm<B> {
    fn forward(&self, input: ModelInput<B>, pass: Pass) -> Tensor<B, 1> {
        let ([embeddings, weights], numeric) = input.split();
        let fields = self.fields.forward(embeddings, numeric.clone()); // [B, F + N, D]
        self.linear.forward(weights, numeric) + self.mlp.forward(bi_interaction(fields), pass)
    }
}
