//! MaskNet.
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};
use smelu::ActivationConfig;

use super::{Architecture, CtrModel, EMBEDDING, InputShape, ModelError, ModelInput, check};
use crate::dropout::Dropout;
use crate::init::Initializer;
use crate::interaction::{FieldEmbedding, MaskBlock, MaskBlockConfig, flatten};
use crate::layer_norm::LayerNorm;
use crate::mlp::{MaskGroup, Mlp, MlpConfig, WeightInit};
use crate::op::ModelBackend;
use crate::pass::Pass;

/// Keys of `[model]` for `type = "masknet"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaskNetConfig {
    /// How the blocks stand to each other. Required.
    pub structure: MaskNetStructure,
    /// Serial: the width of each block, at least one. Parallel: that of each hidden layer on top of the blocks. Required.
    pub hidden_units: Vec<usize>,
    /// Blocks, ≥ 1, and the width of each; required for the parallel structure, refused for the serial one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocks: Option<usize>,
    /// Width of a block, ≥ 1; required for the parallel structure, refused for the serial one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_units: Option<usize>,
    /// Width of a mask's hidden layer over that of the mask, > 0. Default `2.0`.
    #[serde(default = "super::keys::two")]
    pub mask_ratio: f64,
    /// Layer norm of each embedding before it is masked. Default `false`.
    #[serde(default)]
    pub embedding_norm: bool,
    /// Layer norm before the activation of each block. Default `true`.
    #[serde(default = "super::keys::yes")]
    pub layer_norm: bool,
    /// The activation of blocks, masks and hidden layers. Default `"ReLU"`.
    #[serde(default = "crate::mlp::relu")]
    pub activation: ActivationConfig,
    /// Probability that an output of a block or a hidden layer is dropped in a training step, in [0, 1). Default `0.0`.
    #[serde(default)]
    pub dropout: f64,
}

/// How the blocks of a [`MaskNet`] stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaskNetStructure {
    /// Each masks the output of the one before.
    Serial,
    /// All mask the embeddings; a perceptron joins them.
    Parallel,
}

/// Blocks whose inputs are masked by functions of the embeddings, then a perceptron.
///
/// # Shapes
/// embeddings [B, F, D], numeric fields [B, N] → \[B\].
///
/// # Reference
/// Wang, She & Zhang, "MaskNet: introducing feature-wise multiplication to CTR ranking models by instance-guided mask",
/// arXiv 2102.07619.
#[derive(Module, Debug)]
pub struct MaskNet<B: Backend> {
    fields: FieldEmbedding<B>,
    embedding_norm: Option<LayerNorm<B>>,
    blocks: Vec<MaskBlock<B>>,
    mlp: Mlp<B>,
    parallel: bool,
}

impl Architecture for MaskNetConfig {
    type Model<B: Backend> = MaskNet<B>;

    fn tables(&self, shape: InputShape) -> Vec<(&'static str, usize)> {
        vec![(EMBEDDING, shape.embedding_dim)]
    }

    fn check(&self, _shape: InputShape) -> Result<(), ModelError> {
        let parallel = self.structure == MaskNetStructure::Parallel;
        for (key, value) in [("blocks", self.blocks), ("block_units", self.block_units)] {
            check::only_if(parallel, key, value, "`structure` is \"parallel\"")?;
            value.map_or(Ok(()), |value| check::whole(key, value, &(1..=1 << 12)))?;
        }
        let widths = if parallel { check::widths } else { check::some_widths };
        widths("hidden_units", &self.hidden_units)?;
        check::positive("mask_ratio", self.mask_ratio)?;
        check::at_most("mask_ratio", self.mask_ratio, 1e3)?;
        check::dropout("dropout", self.dropout)
    }

    fn init<B: ModelBackend>(&self, shape: InputShape, init: Initializer<'_, B>) -> MaskNet<B> {
        let embedded = shape.embedded();
        let block = |index: usize, input: usize, output: usize| {
            let config = MaskBlockConfig {
                embedded,
                input,
                mask_units: ((input as f64 * self.mask_ratio) as usize).max(1),
                output,
                layer_norm: self.layer_norm,
                activation: self.activation.clone(),
            };
            config.init(&format!("blocks.{index}"), Dropout::new(self.dropout, MaskGroup(1).layer(index)), init)
        };
        let parallel = self.structure == MaskNetStructure::Parallel;
        let (blocks, inputs, hidden_units): (Vec<_>, _, _) = if parallel {
            let (count, units) = (self.blocks.unwrap_or(1), self.block_units.unwrap_or(1));
            let blocks = (0..count).map(|index| block(index, embedded, units));
            (blocks.collect(), count * units, self.hidden_units.clone())
        } else {
            let widths = [&[embedded], self.hidden_units.as_slice()].concat();
            let blocks = widths.windows(2).enumerate().map(|(index, pair)| block(index, pair[0], pair[1]));
            (blocks.collect(), widths[widths.len() - 1], Vec::new())
        };
        let (activation, dropout) = (self.activation.clone(), self.dropout);
        let mlp = MlpConfig { hidden_units, activation, batch_norm: false, dropout, init: WeightInit::Xavier };
        MaskNet {
            fields: FieldEmbedding::new("fields", shape.numeric, shape.embedding_dim, init),
            embedding_norm: self.embedding_norm.then(|| LayerNorm::new(shape.embedding_dim, init)),
            blocks,
            mlp: mlp.init("mlp", inputs, init),
            parallel,
        }
    }
}

impl<B: ModelBackend> CtrModel<B> for MaskNet<B> {
    fn forward(&self, input: ModelInput<B>, pass: Pass) -> Tensor<B, 1> {
        let ([embeddings], numeric) = input.split();
        let fields = self.fields.forward(embeddings, numeric); // [B, F + N, D]
        let first = match &self.embedding_norm {
            Some(norm) => norm.forward(fields.clone()),
            None => fields.clone(),
        };
        let (embeddings, first) = (flatten(fields), flatten(first)); // [B, C]
        let joined = if self.parallel {
            let outputs = self.blocks.iter().map(|block| block.forward(embeddings.clone(), first.clone(), pass));
            Tensor::cat(outputs.collect(), 1)
        } else {
            self.blocks.iter().fold(first, |hidden, block| block.forward(embeddings.clone(), hidden, pass))
        };
        self.mlp.forward(joined, pass)
    }
}
