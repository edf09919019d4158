//! Embeddings, concatenated, then a multi-layer perceptron.
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::{Architecture, CtrModel, EMBEDDING, InputShape, ModelError, ModelInput, check};
use crate::init::Initializer;
use crate::interaction::concatenate;
use crate::mlp::{Mlp, MlpConfig};
use crate::op::ModelBackend;
use crate::pass::Pass;

/// Keys of `[model]` for `type = "dnn"`: those of the perceptron.
pub type DnnConfig = MlpConfig;

/// `z = MLP([e_1; …; e_F; x_1; …; x_N])`.
///
/// # Shapes
/// embeddings [B, F, D], numeric fields [B, N] → \[B\].
///
/// # Reference
/// Covington, Adams & Sargin, "Deep neural networks for YouTube recommendations", RecSys 2016; in the BARS benchmark, `DLRM` with
/// `interaction_op=cat`.
#[derive(Module, Debug)]
pub struct Dnn<B: Backend> {
    mlp: Mlp<B>,
}

impl Architecture for DnnConfig {
    type Model<B: Backend> = Dnn<B>;

    fn tables(&self, shape: InputShape) -> Vec<(&'static str, usize)> {
        vec![(EMBEDDING, shape.embedding_dim)]
    }

    fn check(&self, _shape: InputShape) -> Result<(), ModelError> {
        check::perceptron(self)
    }

    fn init<B: ModelBackend>(&self, shape: InputShape, init: Initializer<'_, B>) -> Dnn<B> {
        Dnn { mlp: self.init("mlp", shape.concatenated(), init) }
    }
}

impl<B: Backend> Dnn<B> {
    /// The perceptron, which is all that the embeddings go into.
    #[must_use]
    pub fn perceptron(&self) -> &Mlp<B> {
        &self.mlp
    }
}

impl<B: ModelBackend> CtrModel<B> for Dnn<B> {
    fn forward(&self, input: ModelInput<B>, pass: Pass) -> Tensor<B, 1> {
        let ([embeddings], numeric) = input.split(); // [B, F, D]
        self.mlp.forward(concatenate(embeddings, numeric), pass)
    }
}
