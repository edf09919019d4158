//! The multi-layer perceptron of CTR models.
use burn::module::Module;
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorPrimitive};
use serde::{Deserialize, Serialize};
use smelu::op::Curve;
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
    /// How the weights start: `"xavier"` or `"auto"`. Default `"xavier"`.
    #[serde(default)]
    pub init: WeightInit,
}

/// How the weights of a perceptron start; biases start at 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeightInit {
    /// N(0, 2/(inputs + outputs)), whatever the activation.
    #[default]
    Xavier,
    /// N(0, gain²/inputs), where the gain is that of the activation in front of the layer
    /// ([`ActivationConfig::gain`], forward; √2 for ReLU) and 1 for the first layer, whose inputs pass none: the mean
    /// square of pre-activations stays the same from layer to layer (He et al. 2015, arXiv 1502.01852).
    Auto,
}

pub(crate) fn relu() -> ActivationConfig {
    ActivationConfig::Relu
}

/// Hidden layers (linear → batch norm → activation → dropout), then a linear layer to one logit; [B, I] → \[B\].
#[derive(Module, Debug)]
pub struct Mlp<B: Backend> {
    layers: Vec<MlpLayer<B>>,
    output: Linear<B>,
}

/// The hidden layers alone; [B, I] → [B, H], with H the width of the last one.
#[derive(Module, Debug)]
pub struct HiddenLayers<B: Backend> {
    layers: Vec<MlpLayer<B>>,
}

/// The dropout masks of one perceptron among those of a model: each perceptron of a model takes a number of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaskGroup(pub u32);

impl MaskGroup {
    /// The number of layer `index`'s mask in the model.
    #[must_use]
    pub fn layer(self, index: usize) -> u32 {
        self.0 * MlpConfig::MAX_LAYERS as u32 + index as u32
    }
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
    /// Hidden layers of a perceptron at most.
    pub const MAX_LAYERS: usize = 256;

    /// The perceptron of a model with only one, of `inputs` inputs; its parameters are named under `name`.
    #[must_use]
    pub fn init<B: ModelBackend>(&self, name: &str, inputs: usize, init: Initializer<'_, B>) -> Mlp<B> {
        self.init_masked(name, inputs, MaskGroup(0), init)
    }

    /// One of several perceptrons of a model.
    #[must_use]
    pub fn init_masked<B: ModelBackend>(
        &self,
        name: &str,
        inputs: usize,
        masks: MaskGroup,
        init: Initializer<'_, B>,
    ) -> Mlp<B> {
        let HiddenLayers { layers } = self.init_hidden(name, inputs, masks, init);
        let output = self.linear(&format!("{name}.output"), layers.is_empty(), [self.output_width(inputs), 1], init);
        Mlp { layers, output }
    }

    /// The hidden layers alone.
    #[must_use]
    pub fn init_hidden<B: ModelBackend>(
        &self,
        name: &str,
        inputs: usize,
        masks: MaskGroup,
        init: Initializer<'_, B>,
    ) -> HiddenLayers<B> {
        let mut width = inputs;
        let mut layers = Vec::with_capacity(self.hidden_units.len());
        for (index, &units) in self.hidden_units.iter().enumerate() {
            layers.push(MlpLayer {
                linear: self.linear(&format!("{name}.layers.{index}.linear"), index == 0, [width, units], init),
                norm: self.batch_norm.then(|| BatchNorm::new(units, init)),
                activation: self.activation.init(units, init.device),
                dropout: self.dropout,
                index: masks.layer(index),
            });
            width = units;
        }
        HiddenLayers { layers }
    }

    fn linear<B: ModelBackend>(
        &self,
        name: &str,
        first: bool,
        [inputs, outputs]: [usize; 2],
        init: Initializer<'_, B>,
    ) -> Linear<B> {
        match self.init {
            WeightInit::Xavier => Linear::new(name, inputs, outputs, init),
            WeightInit::Auto => Linear::with_gain(name, inputs, outputs, if first { 1.0 } else { self.gain() }, init),
        }
    }

    /// The width of the last hidden layer, or `inputs` where there is none.
    #[must_use]
    pub fn output_width(&self, inputs: usize) -> usize {
        self.hidden_units.last().copied().unwrap_or(inputs)
    }

    /// The gain of the activation, by which `init = "auto"` scales weights; 0.001 to 1000 for any that is of use.
    #[must_use]
    pub fn gain(&self) -> f64 {
        self.activation.gain().forward
    }
}

impl<B: ModelBackend> Mlp<B> {
    /// Logits of a batch; [B, I] → \[B\].
    #[must_use]
    pub fn forward(&self, x: Tensor<B, 2>, pass: Pass) -> Tensor<B, 1> {
        let hidden = self.layers.iter().fold(x, |x, layer| layer.forward(x, pass)); // [B, H]
        self.output.forward(hidden).squeeze_dim(1) // [B]
    }

    /// The weights of the first hidden layer, [I, O], where there is one that computes in `f32`.
    #[must_use]
    pub fn input_weight(&self) -> Option<Tensor<B, 2>> {
        let linear = &self.layers.first()?.linear;
        linear.precision.is_f32().then(|| linear.weight.val())
    }

    /// Logits of a batch from x·W, the product of its input and the [first layer's weights](Self::input_weight); [B, O] → \[B\].
    #[must_use]
    pub fn forward_from_product(&self, product: Tensor<B, 2>, pass: Pass) -> Tensor<B, 1> {
        let hidden = match self.layers.split_first() {
            Some((first, rest)) => {
                rest.iter().fold(first.forward_from_product(product, pass), |x, layer| layer.forward(x, pass))
            }
            None => product,
        };
        self.output.forward(hidden).squeeze_dim(1) // [B]
    }
}

impl<B: ModelBackend> HiddenLayers<B> {
    /// The output of the last layer; [B, I] → [B, H].
    #[must_use]
    pub fn forward(&self, x: Tensor<B, 2>, pass: Pass) -> Tensor<B, 2> {
        self.layers.iter().fold(x, |x, layer| layer.forward(x, pass))
    }
}

impl<B: ModelBackend> MlpLayer<B> {
    fn forward(&self, x: Tensor<B, 2>, pass: Pass) -> Tensor<B, 2> {
        if self.fused_curve().is_none() {
            return self.forward_in_steps(self.linear.forward(x), pass);
        }
        self.forward_from_product(self.linear.product(x), pass)
    }

    /// The curve of the activation, where the fused tail can be used: it has no pre-activation to show.
    fn fused_curve(&self) -> Option<Curve> {
        self.activation.config().fixed_curve().filter(|_| !probe::is_watched())
    }

    /// What follows the product x·W, [B, O].
    fn forward_from_product(&self, x: Tensor<B, 2>, pass: Pass) -> Tensor<B, 2> {
        let Some(curve) = self.fused_curve() else {
            return self.forward_in_steps(x + self.linear.bias.val().unsqueeze(), pass);
        };
        let bias = self.linear.bias.val();
        let norm = self.norm.as_ref().map(|norm| norm.tensors(&x, Some(bias.clone()), pass));
        let tail = HiddenTail { bias: bias.into_primitive().tensor(), norm, curve, dropout: self.mask(pass) };
        Tensor::from_primitive(TensorPrimitive::Float(B::hidden_tail(x.into_primitive().tensor(), tail)))
    }

    /// What follows x·W + b, [B, O], with an activation that learns, or one that is watched.
    fn forward_in_steps(&self, x: Tensor<B, 2>, pass: Pass) -> Tensor<B, 2> {
        let x = match &self.norm {
            Some(norm) => norm.forward(x, pass),
            None => x,
        };
        probe::show(self.index, Site::PreActivation, &x);
        let x = self.activation.forward(x);
        probe::show(self.index, Site::Activation, &x);
        match self.mask(pass) {
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
