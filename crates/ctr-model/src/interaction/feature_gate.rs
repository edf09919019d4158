//! Weights of the inputs of a stream.
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::activation::sigmoid;
use burn::tensor::backend::Backend;

use crate::init::Initializer;
use crate::linear::Linear;
use crate::mlp::{HiddenLayers, MaskGroup, MlpConfig};
use crate::op::ModelBackend;
use crate::pass::Pass;

/// `x ⊙ 2σ(hidden(c)·W + b)` with a learnt context c, the same for every example.
///
/// # Shapes
/// [B, C] → [B, C]; c: [1, D].
///
/// # Reference
/// Mao et al., "FinalMLP: an enhanced two-stream MLP model for CTR prediction", arXiv 2304.00902, equations 5 to 7, with the paper's
/// global gate.
#[derive(Module, Debug)]
pub struct FeatureGate<B: Backend> {
    /// c, [1, D].
    context: Param<Tensor<B, 2>>,
    hidden: HiddenLayers<B>,
    output: Linear<B>,
}

impl<B: ModelBackend> FeatureGate<B> {
    /// A gate of `width` inputs from a context of width `dim`, named under `name`.
    #[must_use]
    pub fn new(name: &str, config: &MlpConfig, [dim, width]: [usize; 2], init: Initializer<'_, B>) -> Self {
        Self {
            context: Param::from_tensor(Tensor::zeros([1, dim], init.device)),
            hidden: config.init_hidden(&format!("{name}.hidden"), dim, MaskGroup(0), init),
            output: Linear::new(&format!("{name}.output"), config.output_width(dim), width, init),
        }
    }

    /// The weighted inputs; [B, C] → [B, C].
    #[must_use]
    pub fn forward(&self, x: Tensor<B, 2>, pass: Pass) -> Tensor<B, 2> {
        let hidden = self.hidden.forward(self.context.val(), pass); // [1, H]
        x * (sigmoid(self.output.forward(hidden)) * 2.0)
    }
}
