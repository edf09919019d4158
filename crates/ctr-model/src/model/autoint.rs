//! AutoInt and AutoInt+.
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::{Architecture, CtrModel, EMBEDDING, InputShape, LINEAR, ModelError, ModelInput, check};
use crate::dropout::Dropout;
use crate::init::Initializer;
use crate::interaction::{FieldEmbedding, FirstOrder, SelfAttention, SelfAttentionConfig, flatten};
use crate::linear::Linear;
use crate::mlp::{MaskGroup, Mlp};
use crate::op::ModelBackend;
use crate::pass::Pass;

super::keys::with_perceptron! {
    /// Keys of `[model]` for `type = "autoint"`. `dropout` is that of the attention weights too.
    AutoIntConfig(empty = "`[]` leaves the perceptron of AutoInt+ out") {
        /// Layers of self-attention, ≥ 1. Required.
        attention_layers: usize,
        /// Width of a field after attention, all heads together, ≥ 1. Required.
        attention_units: usize,
        /// Heads; they divide `attention_units`. Default `1`.
        #[serde(default = "one")]
        heads: usize,
        /// Whether attention scores are divided by the root of a head's width. Default `false`.
        #[serde(default)]
        scale: bool,
        /// Whether a layer's input is added to its output. Default `true`.
        #[serde(default = "super::keys::yes")]
        residual: bool,
        /// Layer norm at the end of each attention layer, before its activation. Default `false`.
        #[serde(default)]
        layer_norm: bool,
        /// Whether there is a linear term. Default `false`.
        #[serde(default)]
        linear: bool,
    }
}

fn one() -> usize {
    1
}

/// `z = w·attention(e) + b`, with a perceptron on the embeddings and a linear term beside it where asked for.
///
/// # Shapes
/// embeddings [B, F, D], weights [B, F, 1] where there is a linear term, numeric fields [B, N] → \[B\].
///
/// # Reference
/// Song et al., "AutoInt: automatic feature interaction learning via self-attentive neural networks", arXiv 1810.11921, equation 9 and
/// section 5.4.
#[derive(Module, Debug)]
pub struct AutoInt<B: Backend> {
    fields: FieldEmbedding<B>,
    attention: Vec<SelfAttention<B>>,
    output: Linear<B>,
    mlp: Option<Mlp<B>>,
    linear: Option<FirstOrder<B>>,
}

impl Architecture for AutoIntConfig {
    type Model<B: Backend> = AutoInt<B>;

    fn tables(&self, shape: InputShape) -> Vec<(&'static str, usize)> {
        let linear = self.linear.then_some((LINEAR, 1));
        [(EMBEDDING, shape.embedding_dim)].into_iter().chain(linear).collect()
    }

    fn check(&self, _shape: InputShape) -> Result<(), ModelError> {
        check::layers("attention_layers", self.attention_layers)?;
        check::width("attention_units", self.attention_units)?;
        check::divides("heads", self.heads, "attention_units", self.attention_units)?;
        check::perceptron(&self.mlp())
    }

    fn init<B: ModelBackend>(&self, shape: InputShape, init: Initializer<'_, B>) -> AutoInt<B> {
        let attention = SelfAttentionConfig {
            units: self.attention_units,
            heads: self.heads,
            scale: self.scale,
            residual: self.residual,
            layer_norm: self.layer_norm,
            activation: self.activation.clone(),
        };
        let layer = |index| {
            let dim = if index == 0 { shape.embedding_dim } else { self.attention_units };
            let dropout = Dropout::new(self.dropout, MaskGroup(1).layer(index));
            attention.init(&format!("attention.{index}"), dim, dropout, init)
        };
        let deep = !self.hidden_units.is_empty();
        AutoInt {
            fields: FieldEmbedding::new("fields", shape.numeric, shape.embedding_dim, init),
            attention: (0..self.attention_layers).map(layer).collect(),
            output: Linear::new("output", shape.fields() * self.attention_units, 1, init),
            mlp: deep.then(|| self.mlp().init("mlp", shape.embedded(), init)),
            linear: self.linear.then(|| FirstOrder::without_bias("linear", shape.numeric, init)),
        }
    }
}

impl<B: ModelBackend> CtrModel<B> for AutoInt<B> {
    fn forward(&self, mut input: ModelInput<B>, pass: Pass) -> Tensor<B, 1> {
        let weights = (input.embeddings.len() > 1).then(|| input.embeddings.remove(1));
        let ([embeddings], numeric) = input.split();
        let fields = self.fields.forward(embeddings, numeric.clone()); // [B, F + N, D]
        let attended = self.attention.iter().fold(fields.clone(), |fields, layer| layer.forward(fields, pass));
        let terms = [
            self.mlp.as_ref().map(|mlp| mlp.forward(flatten(fields), pass)),
            self.linear.as_ref().zip(weights).map(|(linear, weights)| linear.forward(weights, numeric)),
        ];
        let logits = self.output.forward(flatten(attended)).squeeze_dim(1); // [B]
        terms.into_iter().flatten().fold(logits, |logits, term| logits + term)
    }
}
