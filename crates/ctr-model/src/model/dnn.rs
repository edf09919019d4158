//! Embeddings, concatenated, then a multi-layer perceptron.
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::{CtrModel, InputShape, ModelInput};
use crate::init::Initializer;
use crate::mlp::{Mlp, MlpConfig};
use crate::op::ModelBackend;
use crate::pass::Pass;

/// The table of the embedding rows.
pub(super) const TABLE: &str = "embedding";

/// Keys of `[model]` for `type = "dnn"`: those of the perceptron.
pub type DnnConfig = MlpConfig;

/// `z = MLP([e_1; …; e_F; x_1; …; x_N])`.
///
/// # Shapes
/// embeddings [B, F, D], numeric fields [B, N] → \[B\].
///
/// # Reference
/// The deep part of Cheng et al., "Wide & deep learning for recommender systems", arXiv 1606.07792; in the BARS benchmark, `DLRM` with
/// `interaction_op=cat`.
#[derive(Module, Debug)]
pub struct Dnn<B: Backend> {
    mlp: Mlp<B>,
}

pub(super) fn init<B: ModelBackend>(config: &DnnConfig, shape: InputShape, init: Initializer<'_, B>) -> Dnn<B> {
    Dnn { mlp: config.init("mlp", shape.categorical * shape.embedding_dim + shape.numeric, init) }
}

impl<B: ModelBackend> CtrModel<B> for Dnn<B> {
    fn forward(&self, mut input: ModelInput<B>, pass: Pass) -> Tensor<B, 1> {
        let embeddings = input.embeddings.remove(0); // [B, F, D]
        let [batch, fields, dim] = embeddings.dims();
        let flat = embeddings.reshape([batch, fields * dim]); // [B, F·D]
        let x = match input.numeric {
            Some(numeric) if fields == 0 => numeric,
            Some(numeric) => Tensor::cat(vec![flat, numeric], 1), // [B, F·D + N]
            None => flat,
        };
        self.mlp.forward(x, pass)
    }
}
