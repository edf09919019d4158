//! Attentional factorisation machine.
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};
use smelu::ActivationConfig;

use super::{Architecture, CtrModel, EMBEDDING, InputShape, LINEAR, ModelError, ModelInput, check};
use crate::dropout::Dropout;
use crate::init::Initializer;
use crate::interaction::{AttentionPooling, FieldEmbedding, FirstOrder, Pairs};
use crate::linear::matmul;
use crate::op::ModelBackend;
use crate::pass::Pass;

/// Keys of `[model]` for `type = "afm"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AfmConfig {
    /// Width of the attention network, in units, ≥ 1. Required.
    pub attention_units: usize,
    /// Activation of the attention network. Default `"ReLU"`.
    #[serde(default = "crate::mlp::relu")]
    pub activation: ActivationConfig,
    /// Probability that an attention weight is dropped in a training step, in [0, 1). Default `0.0`.
    #[serde(default)]
    pub attention_dropout: f64,
    /// Probability that an element of the pooled products is dropped in a training step, in [0, 1). Default `0.0`.
    #[serde(default)]
    pub dropout: f64,
}

/// `z = b + Σ_f w_f + ⟨p, Σ_{i<j} a_{ij}·(e_i ⊙ e_j)⟩` with attention weights a.
///
/// # Shapes
/// embeddings [B, F, D], weights [B, F, 1], numeric fields [B, N] → \[B\].
///
/// # Reference
/// Xiao et al., "Attentional factorization machines: learning the weight of feature interactions via attention networks",
/// arXiv 1708.04617, equation 6.
#[derive(Module, Debug)]
pub struct Afm<B: Backend> {
    linear: FirstOrder<B>,
    fields: FieldEmbedding<B>,
    attention: AttentionPooling<B>,
    dropout: Dropout,
    /// p, [D, 1].
    projection: Param<Tensor<B, 2>>,
}

impl Architecture for AfmConfig {
    type Model<B: Backend> = Afm<B>;

    fn tables(&self, shape: InputShape) -> Vec<(&'static str, usize)> {
        vec![(EMBEDDING, shape.embedding_dim), (LINEAR, 1)]
    }

    fn check(&self, shape: InputShape) -> Result<(), ModelError> {
        check::two_fields("afm", shape)?;
        check::width("attention_units", self.attention_units)?;
        check::dropout("attention_dropout", self.attention_dropout)?;
        check::dropout("dropout", self.dropout)
    }

    fn init<B: ModelBackend>(&self, shape: InputShape, init: Initializer<'_, B>) -> Afm<B> {
        let (dim, dropout) = (shape.embedding_dim, Dropout::new(self.attention_dropout, 0));
        let sizes = [dim, self.attention_units];
        Afm {
            linear: FirstOrder::with_bias("linear", shape.numeric, init),
            fields: FieldEmbedding::new("fields", shape.numeric, dim, init),
            attention: AttentionPooling::new("attention", sizes, &self.activation, dropout, init),
            dropout: Dropout::new(self.dropout, 1),
            projection: init.xavier_normal("projection", dim, 1),
        }
    }
}

impl<B: ModelBackend> CtrModel<B> for Afm<B> {
    fn forward(&self, input: ModelInput<B>, pass: Pass) -> Tensor<B, 1> {
        let ([embeddings, weights], numeric) = input.split();
        let fields = self.fields.forward(embeddings, numeric.clone()); // [B, F + N, D]
        let [first, second] = Pairs::new(fields.dims()[1]).select(fields); // [B, P, D]
        let pooled = self.attention.forward(first * second, pass); // [B, D]
        let pairs = matmul(self.dropout.forward(pooled, pass), self.projection.val()).squeeze_dim(1); // [B]
        self.linear.forward(weights, numeric) + pairs
    }
}
