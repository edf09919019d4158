//! EDCN.
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};
use smelu::ActivationConfig;

use super::{Architecture, CtrModel, EMBEDDING, InputShape, ModelError, ModelInput, check};
use crate::init::Initializer;
use crate::interaction::{Bridge, BridgeKind, CrossLayer, FieldEmbedding, Regulation};
use crate::linear::Linear;
use crate::mlp::{HiddenLayers, MaskGroup, MlpConfig, WeightInit};
use crate::op::ModelBackend;
use crate::pass::Pass;

/// Keys of `[model]` for `type = "edcn"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EdcnConfig {
    /// Layers of each stream, ≥ 1. Required.
    pub cross_layers: usize,
    /// How the streams are joined after each layer. Default `"hadamard_product"`.
    #[serde(default)]
    pub bridge: BridgeKind,
    /// Whether each stream weights the fields for itself. Default `true`.
    #[serde(default = "super::keys::yes")]
    pub regulation: bool,
    /// Temperature of those weights, > 0. Default `1.0`.
    #[serde(default = "one")]
    pub temperature: f64,
    /// The activation of the deep stream and of a bridge that has one. Default `"ReLU"`.
    #[serde(default = "crate::mlp::relu")]
    pub activation: ActivationConfig,
    /// Batch normalisation of what each stream gets. Default `false`.
    #[serde(default)]
    pub batch_norm: bool,
    /// Probability that a unit of the deep stream is dropped in a training step, in [0, 1). Default `0.0`.
    #[serde(default)]
    pub dropout: f64,
}

fn one() -> f64 {
    1.0
}

/// A cross stream and a deep stream that share what they found after each layer: `z = w·[cross; deep; bridge] + b`.
///
/// # Shapes
/// embeddings [B, F, D], numeric fields [B, N] → \[B\].
///
/// # Reference
/// Chen et al., "Enhancing explicit and implicit feature interactions via information sharing for parallel deep CTR models", CIKM 2021.
#[derive(Module, Debug)]
pub struct Edcn<B: Backend> {
    fields: FieldEmbedding<B>,
    layers: Vec<EdcnLayer<B>>,
    output: Linear<B>,
}

/// One layer of both streams.
#[derive(Module, Debug)]
pub struct EdcnLayer<B: Backend> {
    regulation: Regulation<B>,
    cross: CrossLayer<B>,
    deep: HiddenLayers<B>,
    bridge: Bridge<B>,
}

impl Architecture for EdcnConfig {
    type Model<B: Backend> = Edcn<B>;

    fn tables(&self, shape: InputShape) -> Vec<(&'static str, usize)> {
        vec![(EMBEDDING, shape.embedding_dim)]
    }

    fn check(&self, _shape: InputShape) -> Result<(), ModelError> {
        check::layers("cross_layers", self.cross_layers)?;
        check::positive("temperature", self.temperature)?;
        check::dropout("dropout", self.dropout)
    }

    fn init<B: ModelBackend>(&self, shape: InputShape, init: Initializer<'_, B>) -> Edcn<B> {
        let width = shape.embedded();
        let activation = self.activation.clone();
        let (hidden_units, dropout) = (vec![width], self.dropout);
        let deep = MlpConfig { hidden_units, activation, batch_norm: false, dropout, init: WeightInit::Xavier };
        let temperature = self.regulation.then_some(self.temperature);
        let layer = |index: usize| {
            let name = format!("layers.{index}");
            EdcnLayer {
                regulation: Regulation::new(shape.fields(), width, temperature, self.batch_norm, init),
                cross: CrossLayer::new(&format!("{name}.cross"), width, init),
                deep: deep.init_hidden(&format!("{name}.deep"), width, MaskGroup(index as u32), init),
                bridge: Bridge::new(&format!("{name}.bridge"), self.bridge, width, &self.activation, init),
            }
        };
        Edcn {
            fields: FieldEmbedding::new("fields", shape.numeric, shape.embedding_dim, init),
            layers: (0..self.cross_layers).map(layer).collect(),
            output: Linear::new("output", 3 * width, 1, init),
        }
    }
}

impl<B: ModelBackend> CtrModel<B> for Edcn<B> {
    fn forward(&self, input: ModelInput<B>, pass: Pass) -> Tensor<B, 1> {
        let ([embeddings], numeric) = input.split();
        let mut shared = self.fields.forward(embeddings, numeric); // [B, F + N, D]
        let shape = shared.dims();
        let mut x0 = None;
        let mut outputs = Vec::new();
        for layer in &self.layers {
            let [cross, deep] = layer.regulation.forward(&shared, pass); // [B, C]
            let first = x0.get_or_insert_with(|| cross.clone()).clone();
            let cross = layer.cross.forward(first, cross.clone()) + cross;
            let deep = layer.deep.forward(deep, pass);
            let bridge = layer.bridge.forward(cross.clone(), deep.clone());
            shared = bridge.clone().reshape(shape);
            outputs = vec![cross, deep, bridge];
        }
        self.output.forward(Tensor::cat(outputs, 1)).squeeze_dim(1)
    }
}
