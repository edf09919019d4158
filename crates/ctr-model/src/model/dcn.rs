//! Deep & Cross.
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::cross_head::{CrossHead, CrossStructure};
use super::{Architecture, CtrModel, EMBEDDING, InputShape, ModelError, ModelInput, check};
use crate::init::Initializer;
use crate::interaction::{CrossNetwork, concatenate};
use crate::op::ModelBackend;
use crate::pass::Pass;

super::keys::with_perceptron! {
    /// Keys of `[model]` for `type = "dcn"`.
    DcnConfig(empty = "`[]` leaves the cross network alone") {
        /// Layers of the cross network, ≥ 1. Required.
        cross_layers: usize,
    }
}

/// `z = w·[cross(x_0); hidden(x_0)] + b` with `x_0 = [e_1; …; e_F; x_1; …; x_N]`.
///
/// # Shapes
/// embeddings [B, F, D], numeric fields [B, N] → \[B\].
///
/// # Reference
/// Wang et al., "Deep & cross network for ad click predictions", arXiv 1708.05123.
#[derive(Module, Debug)]
pub struct Dcn<B: Backend> {
    cross: CrossNetwork<B>,
    head: CrossHead<B>,
}

impl Architecture for DcnConfig {
    type Model<B: Backend> = Dcn<B>;

    fn tables(&self, shape: InputShape) -> Vec<(&'static str, usize)> {
        vec![(EMBEDDING, shape.embedding_dim)]
    }

    fn check(&self, _shape: InputShape) -> Result<(), ModelError> {
        check::layers("cross_layers", self.cross_layers)?;
        check::perceptron(&self.mlp())
    }

    fn init<B: ModelBackend>(&self, shape: InputShape, init: Initializer<'_, B>) -> Dcn<B> {
        let width = shape.concatenated();
        Dcn {
            cross: CrossNetwork::new("cross", width, self.cross_layers, init),
            head: CrossHead::new(&self.mlp(), width, CrossStructure::Parallel, init),
        }
    }
}

impl<B: ModelBackend> CtrModel<B> for Dcn<B> {
    fn forward(&self, input: ModelInput<B>, pass: Pass) -> Tensor<B, 1> {
        let ([embeddings], numeric) = input.split();
        let x0 = concatenate(embeddings, numeric); // [B, C]
        let crossed = self.cross.forward(&x0); // [B, C]
        self.head.forward(x0, crossed, pass)
    }
}
