//! GDCN.
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::cross_head::{CrossHead, CrossStructure};
use super::{Architecture, CtrModel, EMBEDDING, InputShape, ModelError, ModelInput, check};
use crate::init::Initializer;
use crate::interaction::{GatedCrossNetwork, concatenate};
use crate::op::ModelBackend;
use crate::pass::Pass;

super::keys::with_perceptron! {
    /// Keys of `[model]` for `type = "gdcn"`.
    GdcnConfig(empty = "`[]` leaves the cross network alone") {
        /// Layers of the gated cross network, ≥ 1. Required.
        cross_layers: usize,
        /// Where the hidden layers stand: GDCN-P is parallel, GDCN-S stacked. Default `"parallel"`.
        #[serde(default)]
        structure: CrossStructure,
    }
}

/// [`DcnV2`](super::DcnV2) with an information gate in each cross layer.
///
/// # Shapes
/// embeddings [B, F, D], numeric fields [B, N] → \[B\].
///
/// # Reference
/// Wang et al., "Towards deeper, lighter and interpretable cross network for CTR prediction", arXiv 2311.04635.
#[derive(Module, Debug)]
pub struct Gdcn<B: Backend> {
    cross: GatedCrossNetwork<B>,
    head: CrossHead<B>,
}

impl Architecture for GdcnConfig {
    type Model<B: Backend> = Gdcn<B>;

    fn tables(&self, shape: InputShape) -> Vec<(&'static str, usize)> {
        vec![(EMBEDDING, shape.embedding_dim)]
    }

    fn check(&self, _shape: InputShape) -> Result<(), ModelError> {
        check::layers("cross_layers", self.cross_layers)?;
        check::perceptron(&self.mlp())
    }

    fn init<B: ModelBackend>(&self, shape: InputShape, init: Initializer<'_, B>) -> Gdcn<B> {
        let width = shape.concatenated();
        Gdcn {
            cross: GatedCrossNetwork::new("cross", width, self.cross_layers, init),
            head: CrossHead::new(&self.mlp(), width, self.structure, init),
        }
    }
}

impl<B: ModelBackend> CtrModel<B> for Gdcn<B> {
    fn forward(&self, input: ModelInput<B>, pass: Pass) -> Tensor<B, 1> {
        let ([embeddings], numeric) = input.split();
        let x0 = concatenate(embeddings, numeric); // [B, C]
        let crossed = self.cross.forward(&x0); // [B, C]
        self.head.forward(x0, crossed, pass)
    }
}
