//! FinalMLP.
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};
use smelu::ActivationConfig;

use super::{Architecture, CtrModel, EMBEDDING, InputShape, ModelError, ModelInput, NamedFields, check};
use crate::init::Initializer;
use crate::interaction::{BilinearFusion, FeatureGate, FieldEmbedding, flatten};
use crate::mlp::{HiddenLayers, MaskGroup, MlpConfig, WeightInit};
use crate::op::ModelBackend;
use crate::pass::Pass;

/// Keys of `[model]` for `type = "finalmlp"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FinalMlpConfig {
    /// Width of each layer of the first stream, at least one. Required.
    pub first_hidden_units: Vec<usize>,
    /// Width of each layer of the second stream, at least one. Required.
    pub second_hidden_units: Vec<usize>,
    /// Heads of the bilinear fusion; they divide the last width of both streams. Default `1`.
    #[serde(default = "one")]
    pub heads: usize,
    /// Hidden widths of the gate before each stream. Default: no gates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate_units: Option<Vec<usize>>,
    /// Categorical fields by whose embeddings, in a table of their own and in the order of the data, the first stream's gate weighs. Default:
    /// none, a learnt vector.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub first_gate_fields: Vec<String>,
    /// The same for the second stream.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub second_gate_fields: Vec<String>,
    /// The activation of streams and gates. Default `"ReLU"`.
    #[serde(default = "crate::mlp::relu")]
    pub activation: ActivationConfig,
    /// Batch normalisation in the streams. Default `false`.
    #[serde(default)]
    pub batch_norm: bool,
    /// Dropout of the first stream, in [0, 1). Default `0.0`.
    #[serde(default)]
    pub first_dropout: f64,
    /// Dropout of the second stream, in [0, 1). Default `0.0`.
    #[serde(default)]
    pub second_dropout: f64,
}

fn one() -> usize {
    1
}

/// `z = fusion(hidden_1(gate_1(e)), hidden_2(gate_2(e)))`.
///
/// # Shapes
/// embeddings [B, F, D], those of the n fields of a gate [B, n, D], numeric fields [B, N] → \[B\].
///
/// # Reference
/// Mao et al., "FinalMLP: an enhanced two-stream MLP model for CTR prediction", arXiv 2304.00902.
#[derive(Module, Debug)]
pub struct FinalMlp<B: Backend> {
    fields: FieldEmbedding<B>,
    first: Stream<B>,
    second: Stream<B>,
    fusion: BilinearFusion<B>,
}

/// One stream.
#[derive(Module, Debug)]
pub struct Stream<B: Backend> {
    gate: Option<FeatureGate<B>>,
    hidden: HiddenLayers<B>,
}

impl FinalMlpConfig {
    fn stream(&self, hidden_units: &[usize], dropout: f64) -> MlpConfig {
        let (hidden_units, activation) = (hidden_units.to_vec(), self.activation.clone());
        MlpConfig { hidden_units, activation, batch_norm: self.batch_norm, dropout, init: WeightInit::Xavier }
    }
}

impl Architecture for FinalMlpConfig {
    type Model<B: Backend> = FinalMlp<B>;

    fn tables(&self, shape: InputShape) -> Vec<(&'static str, usize)> {
        let gates = self.named_fields().into_iter().map(|named| named.table);
        [EMBEDDING].into_iter().chain(gates).map(|table| (table, shape.embedding_dim)).collect()
    }

    fn named_fields(&self) -> Vec<NamedFields<'_>> {
        let [first, second] = [&self.first_gate_fields, &self.second_gate_fields];
        let all = [("first_gate_fields", "first_gate", first), ("second_gate_fields", "second_gate", second)];
        let named = all.into_iter().filter(|(_, _, fields)| !fields.is_empty());
        named.map(|(key, table, fields)| NamedFields { key, table, fields }).collect()
    }

    fn check(&self, _shape: InputShape) -> Result<(), ModelError> {
        for (key, widths) in
            [("first_hidden_units", &self.first_hidden_units), ("second_hidden_units", &self.second_hidden_units)]
        {
            check::some_widths(key, widths)?;
            check::divides("heads", self.heads, key, widths.last().copied().unwrap_or(1))?;
        }
        check::widths("gate_units", self.gate_units.as_deref().unwrap_or_default())?;
        if let (None, Some(NamedFields { key, fields, .. })) = (&self.gate_units, self.named_fields().first()) {
            return Err(ModelError::new(key, format!("{fields:?}"), "no such key, unless there is `model.gate_units`"));
        }
        for named in self.named_fields() {
            check::each_once(named)?;
        }
        check::dropout("first_dropout", self.first_dropout)?;
        check::dropout("second_dropout", self.second_dropout)
    }

    fn init<B: ModelBackend>(&self, shape: InputShape, init: Initializer<'_, B>) -> FinalMlp<B> {
        let width = shape.embedded();
        let first = self.stream(&self.first_hidden_units, self.first_dropout);
        let second = self.stream(&self.second_hidden_units, self.second_dropout);
        let outputs = [&first, &second].map(|stream| stream.output_width(width));
        let stream = |name: &str, config: &MlpConfig, gate_fields: &[String], masks: MaskGroup| Stream {
            gate: self.gate_units.as_ref().map(|units| {
                let (name, config) =
                    (format!("{name}.gate"), MlpConfig { batch_norm: false, ..self.stream(units, 0.0) });
                match gate_fields.len() {
                    0 => FeatureGate::learnt(&name, &config, [shape.embedding_dim, width], init),
                    n => FeatureGate::of_embeddings(&name, &config, [n * shape.embedding_dim, width], init),
                }
            }),
            hidden: config.init_hidden(&format!("{name}.hidden"), width, masks, init),
        };
        FinalMlp {
            fields: FieldEmbedding::new("fields", shape.numeric, shape.embedding_dim, init),
            first: stream("first", &first, &self.first_gate_fields, MaskGroup(0)),
            second: stream("second", &second, &self.second_gate_fields, MaskGroup(1)),
            fusion: BilinearFusion::new("fusion", outputs, self.heads, init),
        }
    }
}

impl<B: ModelBackend> CtrModel<B> for FinalMlp<B> {
    fn forward(&self, input: ModelInput<B>, pass: Pass) -> Tensor<B, 1> {
        let (embeddings, mut of_gates, numeric) = input.split_first();
        let fields = flatten(self.fields.forward(embeddings, numeric)); // [B, C]
        let [x, y] = [&self.first, &self.second].map(|stream| {
            let gated = match &stream.gate {
                Some(gate) => {
                    let context = if gate.is_learnt() { None } else { of_gates.next().map(flatten) };
                    gate.forward(fields.clone(), context, pass)
                }
                None => fields.clone(),
            };
            stream.hidden.forward(gated, pass)
        });
        self.fusion.forward(x, y)
    }
}
