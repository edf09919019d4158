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

/// `x ⊙ 2σ(hidden(c)·W + b)` with a context c: a learnt vector, the same for every example, or embeddings of the example.
///
/// # Shapes
/// [B, C] → [B, C]; c: [1, D] or [B, D].
///
/// # Reference
/// Mao et al., "FinalMLP: an enhanced two-stream MLP model for CTR prediction", arXiv 2304.00902, equations 5 to 7.
#[derive(Module, Debug)]
pub struct FeatureGate<B: Backend> {
    /// The learnt c, [1, D]; `None` where it is given with each batch.
    context: Option<Param<Tensor<B, 2>>>,
    hidden: HiddenLayers<B>,
    output: Linear<B>,
}

impl<B: Backend> FeatureGate<B> {
    /// Whether the context is a learnt vector.
    #[must_use]
    pub fn is_learnt(&self) -> bool {
        self.context.is_some()
    }
}

impl<B: ModelBackend> FeatureGate<B> {
    /// A gate of `width` inputs from a learnt context of width `dim`, named under `name`: the paper's global gate.
    #[must_use]
    pub fn learnt(name: &str, config: &MlpConfig, [dim, width]: [usize; 2], init: Initializer<'_, B>) -> Self {
        let context = Param::from_tensor(Tensor::zeros([1, dim], init.device));
        Self { context: Some(context), ..Self::of_embeddings(name, config, [dim, width], init) }
    }

    /// A gate of `width` inputs from embeddings of the example, `dim` numbers together, named under `name`.
    #[must_use]
    pub fn of_embeddings(name: &str, config: &MlpConfig, [dim, width]: [usize; 2], init: Initializer<'_, B>) -> Self {
        Self {
            context: None,
            hidden: config.init_hidden(&format!("{name}.hidden"), dim, MaskGroup(0), init),
            output: Linear::new(&format!("{name}.output"), config.output_width(dim), width, init),
        }
    }

    /// The weighted inputs; [B, C] → [B, C]. `embeddings` [B, D] are the context of a gate that has not learnt one.
    ///
    /// # Panics
    /// Where neither is there.
    #[must_use]
    pub fn forward(&self, x: Tensor<B, 2>, embeddings: Option<Tensor<B, 2>>, pass: Pass) -> Tensor<B, 2> {
        let learnt = self.context.as_ref().map(Param::val);
        let Some(context) = learnt.or(embeddings) else { panic!("the gate was given no embeddings to weigh by") };
        let hidden = self.hidden.forward(context, pass); // [1, H] or [B, H]
        x * (sigmoid(self.output.forward(hidden)) * 2.0)
    }
}
