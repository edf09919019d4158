//! FinalMLP.
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};
use smelu::ActivationConfig;

use super::{Architecture, CtrModel, EMBEDDING, InputShape, ModelError, ModelInput, check};
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
    /// Hidden widths of the gate before each stream, whose context is a learnt vector. Default: no gates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate_units: Option<Vec<usize>>,
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
/// embeddings [B, F, D], numeric fields [B, N] → \[B\].
///
/// # Reference
/// Mao et al., "FinalMLP: an enhanced two-stream MLP model for CTR prediction", arXiv 2304.00902; gates on a learnt vector, not on the
/// embeddings of chosen fields.
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
        vec![(EMBEDDING, shape.embedding_dim)]
    }

    fn check(&self, _shape: InputShape) -> Result<(), ModelError> {
        for (key, widths) in
            [("first_hidden_units", &self.first_hidden_units), ("second_hidden_units", &self.second_hidden_units)]
        {
            check::some_widths(key, widths)?;
            check::divides("heads", self.heads, key, widths.last().copied().unwrap_or(1))?;
        }
        check::widths("gate_units", self.gate_units.as_deref().unwrap_or_default())?;
        check::dropout("first_dropout", self.first_dropout)?;
        check::dropout("second_dropout", self.second_dropout)
    }

    fn init<B: ModelBackend>(&self, shape: InputShape, init: Initializer<'_, B>) -> FinalMlp<B> {
        let width = shape.embedded();
        let first = self.stream(&self.first_hidden_units, self.first_dropout);
        let second = self.stream(&self.second_hidden_units, self.second_dropout);
        let outputs = [&first, &second].map(|stream| stream.output_width(width));
        let stream = |name: &str, config: &MlpConfig, masks: MaskGroup| Stream {
            gate: self.gate_units.as_ref().map(|units| {
                let config = MlpConfig { batch_norm: false, ..self.stream(units, 0.0) };
                FeatureGate::new(&format!("{name}.gate"), &config, [shape.embedding_dim, width], init)
            }),
            hidden: config.init_hidden(&format!("{name}.hidden"), width, masks, init),
        };
        FinalMlp {
            fields: FieldEmbedding::new("fields", shape.numeric, shape.embedding_dim, init),
            first: stream("first", &first, MaskGroup(0)),
            second: stream("second", &second, MaskGroup(1)),
            fusion: BilinearFusion::new("fusion", outputs, self.heads, init),
        }
    }
}

impl<B: ModelBackend> CtrModel<B> for FinalMlp<B> {
    fn forward(&self, input: ModelInput<B>, pass: Pass) -> Tensor<B, 1> {
        let ([embeddings], numeric) = input.split();
        let fields = flatten(self.fields.forward(embeddings, numeric)); // [B, C]
        let [x, y] = [&self.first, &self.second].map(|stream| {
            let gated = match &stream.gate {
                Some(gate) => gate.forward(fields.clone(), pass),
                None => fields.clone(),
            };
            stream.hidden.forward(gated, pass)
        });
        self.fusion.forward(x, y)
    }
}
