//! Hidden units masked by the instance.
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use smelu::{Activation, ActivationConfig};

use crate::dropout::Dropout;
use crate::init::Initializer;
use crate::layer_norm::LayerNorm;
use crate::linear::{Linear, matmul};
use crate::op::ModelBackend;
use crate::pass::Pass;

/// The widths and the options of a [`MaskBlock`].
#[derive(Clone, Debug, PartialEq)]
pub struct MaskBlockConfig {
    /// Width of the embeddings that the mask is made of, C.
    pub embedded: usize,
    /// Width of what is masked, H.
    pub input: usize,
    /// Width of the mask's hidden layer, M.
    pub mask_units: usize,
    /// Width of the output, O.
    pub output: usize,
    /// Layer norm before the activation.
    pub layer_norm: bool,
    /// The activation, of the mask's hidden layer too.
    pub activation: ActivationConfig,
}

/// `g(norm((h ⊙ mask(e))·W))` with `mask(e) = g(e·W_1 + b_1)·W_2 + b_2`.
///
/// # Shapes
/// embeddings [B, C], hidden [B, H] → [B, O].
///
/// # Reference
/// Wang, She & Zhang, "MaskNet: introducing feature-wise multiplication to CTR ranking models by instance-guided mask",
/// arXiv 2102.07619, equations 5 to 10.
#[derive(Module, Debug)]
pub struct MaskBlock<B: Backend> {
    aggregate: Linear<B>,
    aggregate_activation: Activation<B>,
    project: Linear<B>,
    weight: Param<Tensor<B, 2>>,
    norm: Option<LayerNorm<B>>,
    activation: Activation<B>,
    dropout: Dropout,
}

impl MaskBlockConfig {
    /// A block whose parameters are named under `name`.
    #[must_use]
    pub fn init<B: Backend>(&self, name: &str, dropout: Dropout, init: Initializer<'_, B>) -> MaskBlock<B> {
        MaskBlock {
            aggregate: Linear::new(&format!("{name}.aggregate"), self.embedded, self.mask_units, init),
            aggregate_activation: self.activation.init(self.mask_units, init.device),
            project: Linear::new(&format!("{name}.project"), self.mask_units, self.input, init),
            weight: init.xavier_normal(&format!("{name}.weight"), self.input, self.output),
            norm: self.layer_norm.then(|| LayerNorm::new(self.output, init)),
            activation: self.activation.init(self.output, init.device),
            dropout,
        }
    }
}

impl<B: ModelBackend> MaskBlock<B> {
    /// The output of the block; [B, C], [B, H] → [B, O].
    #[must_use]
    pub fn forward(&self, embeddings: Tensor<B, 2>, hidden: Tensor<B, 2>, pass: Pass) -> Tensor<B, 2> {
        let aggregated = self.aggregate_activation.forward(self.aggregate.forward(embeddings)); // [B, M]
        let mask = self.project.forward(aggregated); // [B, H]
        let out = matmul(hidden * mask, self.weight.val()); // [B, O]
        let out = match &self.norm {
            Some(norm) => norm.forward(out),
            None => out,
        };
        self.dropout.forward(self.activation.forward(out), pass)
    }
}
