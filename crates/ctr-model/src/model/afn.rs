//! AFN and AFN+.
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::{Architecture, CtrModel, EMBEDDING, InputShape, ModelError, ModelInput, check};
use crate::init::Initializer;
use crate::interaction::{FieldEmbedding, Logarithmic, flatten};
use crate::linear::Linear;
use crate::mlp::{MaskGroup, Mlp, MlpConfig};
use crate::op::ModelBackend;
use crate::pass::Pass;

/// The table of the perceptron of AFN+.
const DEEP_EMBEDDING: &str = "deep_embedding";

super::keys::with_perceptron! {
    /// Keys of `[model]` for `type = "afn"`; the perceptron's are those of the one on the logarithmic neurons.
    AfnConfig(empty = "`[]` leaves one linear layer") {
        /// Logarithmic neurons, each a product of powers of the fields, ≥ 1. Required.
        logarithmic_neurons: usize,
        /// Hidden widths of the perceptron of AFN+, which has embeddings of its own. Default: none, AFN.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deep_hidden_units: Option<Vec<usize>>,
        /// Dropout of the perceptron of AFN+, in [0, 1). Default `0.0`.
        #[serde(default)]
        deep_dropout: f64,
    }
}

/// AFN: `z = MLP(logarithmic(e))`; AFN+: `z = w·[MLP(logarithmic(e)); MLP'([e'_1; …; e'_F])] + b` with a second table of embeddings e'.
///
/// # Shapes
/// embeddings [B, F, D], once or twice, numeric fields [B, N] → \[B\].
///
/// # Reference
/// Cheng, Shen & Huang, "Adaptive factorization network: learning adaptive-order feature interactions", arXiv 1909.03276.
#[derive(Module, Debug)]
pub struct Afn<B: Backend> {
    fields: FieldEmbedding<B>,
    logarithmic: Logarithmic<B>,
    mlp: Mlp<B>,
    deep: Option<DeepPart<B>>,
}

/// What AFN+ has beside AFN.
#[derive(Module, Debug)]
pub struct DeepPart<B: Backend> {
    fields: FieldEmbedding<B>,
    mlp: Mlp<B>,
    output: Linear<B>,
}

impl Architecture for AfnConfig {
    type Model<B: Backend> = Afn<B>;

    fn tables(&self, shape: InputShape) -> Vec<(&'static str, usize)> {
        let deep = self.deep_hidden_units.as_ref().map(|_| (DEEP_EMBEDDING, shape.embedding_dim));
        [(EMBEDDING, shape.embedding_dim)].into_iter().chain(deep).collect()
    }

    fn check(&self, _shape: InputShape) -> Result<(), ModelError> {
        check::width("logarithmic_neurons", self.logarithmic_neurons)?;
        check::widths("deep_hidden_units", self.deep_hidden_units.as_deref().unwrap_or_default())?;
        check::dropout("deep_dropout", self.deep_dropout)?;
        if self.deep_hidden_units.is_none() && self.deep_dropout > 0.0 {
            let expected = "0, or `deep_hidden_units` beside it: without them there is no such perceptron";
            return Err(ModelError::new("deep_dropout", self.deep_dropout, expected));
        }
        check::perceptron(&self.mlp())
    }

    fn init<B: ModelBackend>(&self, shape: InputShape, init: Initializer<'_, B>) -> Afn<B> {
        let (dim, mlp) = (shape.embedding_dim, self.mlp());
        let deep = self.deep_hidden_units.as_ref().map(|units| {
            let config = MlpConfig { hidden_units: units.clone(), dropout: self.deep_dropout, ..mlp.clone() };
            DeepPart {
                fields: FieldEmbedding::new("deep.fields", shape.numeric, dim, init),
                mlp: config.init_masked("deep.mlp", shape.embedded(), MaskGroup(1), init),
                output: Linear::new("deep.output", 2, 1, init),
            }
        });
        Afn {
            fields: FieldEmbedding::new("fields", shape.numeric, dim, init),
            logarithmic: Logarithmic::new("logarithmic", shape.fields(), self.logarithmic_neurons, init),
            mlp: mlp.init("mlp", dim * self.logarithmic_neurons, init),
            deep,
        }
    }
}

impl<B: ModelBackend> CtrModel<B> for Afn<B> {
    fn forward(&self, mut input: ModelInput<B>, pass: Pass) -> Tensor<B, 1> {
        let second = (input.embeddings.len() > 1).then(|| input.embeddings.remove(1));
        let ([embeddings], numeric) = input.split();
        let fields = self.fields.forward(embeddings, numeric.clone()); // [B, F + N, D]
        let logits = self.mlp.forward(self.logarithmic.forward(fields, pass), pass); // [B]
        let Some((deep, rows)) = self.deep.as_ref().zip(second) else { return logits };
        let fields = deep.fields.forward(rows, numeric); // [B, F + N, D]
        let both = Tensor::stack::<2>(vec![logits, deep.mlp.forward(flatten(fields), pass)], 1); // [B, 2]
        deep.output.forward(both).squeeze_dim(1)
    }
}
