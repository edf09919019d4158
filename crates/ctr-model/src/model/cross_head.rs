//! What follows a cross network: hidden layers beside or above it, and the logit.
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};

use crate::init::Initializer;
use crate::linear::Linear;
use crate::mlp::{HiddenLayers, MaskGroup, MlpConfig};
use crate::op::ModelBackend;
use crate::pass::Pass;

/// Where the hidden layers stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CrossStructure {
    /// Beside the cross network, on the same input.
    #[default]
    Parallel,
    /// On the output of the cross network.
    Stacked,
}

/// Parallel: `z = w·[crossed; hidden(x_0)] + b`; stacked: `z = w·hidden(crossed) + b`; without hidden layers both are
/// `z = w·crossed + b`.
///
/// # Shapes
/// `x_0` and crossed [B, C] → \[B\].
#[derive(Module, Debug)]
pub struct CrossHead<B: Backend> {
    deep: Option<HiddenLayers<B>>,
    output: Linear<B>,
    stacked: bool,
}

impl<B: ModelBackend> CrossHead<B> {
    pub(super) fn new(mlp: &MlpConfig, width: usize, structure: CrossStructure, init: Initializer<'_, B>) -> Self {
        let stacked = structure == CrossStructure::Stacked;
        let deep = (!mlp.hidden_units.is_empty()).then(|| mlp.init_hidden("head.deep", width, MaskGroup(0), init));
        let hidden = mlp.hidden_units.last().copied().unwrap_or(0);
        let inputs = if stacked { mlp.output_width(width) } else { width + hidden };
        Self { deep, output: Linear::new("head.output", inputs, 1, init), stacked }
    }

    pub(super) fn forward(&self, x0: Tensor<B, 2>, crossed: Tensor<B, 2>, pass: Pass) -> Tensor<B, 1> {
        let joined = match &self.deep {
            Some(deep) if self.stacked => deep.forward(crossed, pass), // [B, H]
            Some(deep) => Tensor::cat(vec![crossed, deep.forward(x0, pass)], 1), // [B, C + H]
            None => crossed,
        };
        self.output.forward(joined).squeeze_dim(1)
    }
}
