//! DeepFM.
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::{Architecture, CtrModel, EMBEDDING, InputShape, LINEAR, ModelError, ModelInput, check};
use crate::init::Initializer;
use crate::interaction::{FieldEmbedding, FirstOrder, bi_interaction, flatten};
use crate::mlp::Mlp;
use crate::op::ModelBackend;
use crate::pass::Pass;

super::keys::with_perceptron! {
    /// Keys of `[model]` for `type = "deepfm"`: those of the perceptron.
    DeepFmConfig(empty = "`[]` leaves one linear layer") {}
}

/// `z = Σ_f w_f + Σ_{i<j} ⟨e_i, e_j⟩ + MLP([e_1; …; e_F])`, numeric fields embedded like the others.
///
/// # Shapes
/// embeddings [B, F, D], weights [B, F, 1], numeric fields [B, N] → \[B\].
///
/// # Reference
/// Guo et al., "DeepFM: a factorization-machine based neural network for CTR prediction", arXiv 1703.04247, equations 1 to 4.
#[derive(Module, Debug)]
pub struct DeepFm<B: Backend> {
    linear: FirstOrder<B>,
    fields: FieldEmbedding<B>,
    mlp: Mlp<B>,
}

impl Architecture for DeepFmConfig {
    type Model<B: Backend> = DeepFm<B>;

    fn tables(&self, shape: InputShape) -> Vec<(&'static str, usize)> {
        vec![(EMBEDDING, shape.embedding_dim), (LINEAR, 1)]
    }

    fn check(&self, _shape: InputShape) -> Result<(), ModelError> {
        check::perceptron(&self.mlp())
    }

    fn init<B: ModelBackend>(&self, shape: InputShape, init: Initializer<'_, B>) -> DeepFm<B> {
        DeepFm {
            linear: FirstOrder::without_bias("linear", shape.numeric, init),
            fields: FieldEmbedding::new("fields", shape.numeric, shape.embedding_dim, init),
            mlp: self.mlp().init("mlp", shape.embedded(), init),
        }
    }
}

impl<B: ModelBackend> CtrModel<B> for DeepFm<B> {
    fn forward(&self, input: ModelInput<B>, pass: Pass) -> Tensor<B, 1> {
        let ([embeddings, weights], numeric) = input.split();
        let fields = self.fields.forward(embeddings, numeric.clone()); // [B, F + N, D]
        let pairs = bi_interaction(fields.clone()).sum_dim(1).squeeze_dim(1); // [B]
        self.linear.forward(weights, numeric) + pairs + self.mlp.forward(flatten(fields), pass)
    }
}
