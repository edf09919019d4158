//! The multi-layer perceptron of CTR models.
use burn::module::Module;
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorPrimitive};
use serde::{Deserialize, Serialize};
use smelu::{Activation, ActivationConfig};

use crate::init::Initializer;
use crate::linear::Linear;
use crate::norm::BatchNorm;
use crate::op::{HiddenTail, ModelBackend};
use crate::pass::{DropoutKey, Pass};
use crate::probe::{self, Site};

/// The hidden layers of a perceptron.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MlpConfig {
    /// Width of each hidden layer, in units, from input to output. Required; `[]` leaves one linear layer.
    pub hidden_units: Vec<usize>,
    /// Activation after each hidden layer. Default `"ReLU"`.
    #[serde(default = "relu")]
    pub activation: ActivationConfig,
    /// Batch normalisation between each hidden linear layer and its activation. Default `false`.
    #[serde(default)]
    pub batch_norm: bool,
    /// Probability that a hidden unit is dropped in a training step, in [0, 1). Default `0.0`.
    #[serde(default)]
    pub dropout: f64,
}

fn relu() -> ActivationConfig {
    ActivationConfig::Relu
}

/// Hidden layers (linear → batch norm → activation → dropout), then a linear layer to one logit; [B, I] → \[B\].
#[derive(Module, Debug)]
pub struct Mlp<B: Backend> {
    layers: Vec<MlpLayer<B>>,
    output: Linear<B>,
}

/// linear → batch norm → activation → dropout; [B, I] → [B, O].
#[derive(Module, Debug)]
pub struct MlpLayer<B: Backend> {
    linear: Linear<B>,
    norm: Option<BatchNorm<B>>,
    activation: Activation<B>,
    dropout: f64,
    index: u32,
}

impl MlpConfig {
    /// A perceptron of `inputs` inputs whose parameters are named under `name`.
    #[must_use]
    pub fn init<B: ModelBackend>(&self, name: &str, inputs: usize, init: Initializer<'_, B>) -> Mlp<B> {
        let mut width = inputs;
        let mut layers = Vec::with_capacity(self.hidden_units.len());
        for (index, &units) in self.hidden_units.iter().enumerate() {
            layers.push(MlpLayer {
                linear: Linear::new(&format!("{name}.layers.{index}.linear"), width, units, init),
                norm: self.batch_norm.then(|| BatchNorm::new(units, init)),
                activation: self.activation.init(units, init.device),
                dropout: self.dropout,
                index: index as u32,
            });
            width = units;
        }
        Mlp { layers, output: Linear::new(&format!("{name}.output"), width, 1, init) }
    }
}

impl<B: ModelBackend> Mlp<B> {
    /// Logits of a batch; [B, I] → \[B\].
    #[must_use]
    pub fn forward(&self, x: Tensor<B, 2>, pass: Pass) -> Tensor<B, 1> {
        let hidden = self.layers.iter().fold(x, |x, layer| layer.forward(x, pass)); // [B, H]
        self.output.forward(hidden).squeeze_dim(1) // [B]
    }
}

impl<B: ModelBackend> MlpLayer<B> {
    fn forward(&self, x: Tensor<B, 2>, pass: Pass) -> Tensor<B, 2> {
        let dropout = self.mask(pass);
        // The fused tail has no pre-activation to show.
        let Some(curve) = self.activation.config().fixed_curve().filter(|_| !probe::is_watched()) else {
            return self.forward_in_steps(x, pass, dropout);
        };
        let x = self.linear.product(x); // [B, O]
        let bias = self.linear.bias.val();
        let norm = self.norm.as_ref().map(|norm| norm.tensors(&x, Some(bias.clone()), pass));
        let tail = HiddenTail { bias: bias.into_primitive().tensor(), norm, curve, dropout };
        Tensor::from_primitive(TensorPrimitive::Float(B::hidden_tail(x.into_primitive().tensor(), tail)))
    }

    /// The layer with an activation that learns, or one that is watched.
    fn forward_in_steps(&self, x: Tensor<B, 2>, pass: Pass, dropout: Option<(DropoutKey, f64)>) -> Tensor<B, 2> {
        let x = self.linear.forward(x); // [B, O]
        let x = match &self.norm {
            Some(norm) => norm.forward(x, pass),
            None => x,
        };
        probe::show(self.index, Site::PreActivation, &x);
        let x = self.activation.forward(x);
        probe::show(self.index, Site::Activation, &x);
        match dropout {
            Some((key, probability)) => {
                let x = x.into_primitive().tensor();
                Tensor::from_primitive(TensorPrimitive::Float(B::dropout(x, key, probability)))
            }
            None => x,
        }
    }

    fn mask(&self, pass: Pass) -> Option<(DropoutKey, f64)> {
        match pass {
            Pass::Train { dropout_seed, step } if self.dropout > 0.0 => {
                Some((DropoutKey { seed: dropout_seed, step, layer: self.index }, self.dropout))
            }
            _ => None,
        }
    }
}
