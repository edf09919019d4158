//! DCN-V2.
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use smelu::ActivationConfig;

use super::cross_head::{CrossHead, CrossStructure};
use super::{Architecture, CtrModel, EMBEDDING, InputShape, ModelError, ModelInput, check};
use crate::init::Initializer;
use crate::interaction::{CrossMixtureConfig, MatrixCrossNetwork, MixtureCrossNetwork, concatenate};
use crate::op::ModelBackend;
use crate::pass::Pass;

super::keys::with_perceptron! {
    /// Keys of `[model]` for `type = "dcn_v2"`.
    DcnV2Config(empty = "`[]` leaves the cross network alone") {
        /// Layers of the cross network, ≥ 1. Required.
        cross_layers: usize,
        /// Where the hidden layers stand. Default `"parallel"`.
        #[serde(default)]
        structure: CrossStructure,
        /// Rank of the cross network's matrices, ≥ 1. Default: whole matrices.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        low_rank: Option<usize>,
        /// Experts of rank `low_rank` in each cross layer, ≥ 2. Default: none, one matrix a layer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        experts: Option<usize>,
        /// Activation inside the experts. Default: tanh.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expert_activation: Option<ActivationConfig>,
    }
}

/// Parallel: `z = w·[cross(x_0); hidden(x_0)] + b`; stacked: `z = w·hidden(cross(x_0)) + b`; `x_0 = [e_1; …; e_F; x_1; …; x_N]`.
///
/// # Shapes
/// embeddings [B, F, D], numeric fields [B, N] → \[B\].
///
/// # Reference
/// Wang et al., "DCN V2: improved deep & cross network and practical lessons for web-scale learning to rank systems", arXiv 2008.13535.
#[derive(Module, Debug)]
pub struct DcnV2<B: Backend> {
    cross: AnyCrossNetwork<B>,
    head: CrossHead<B>,
}

/// A cross network of either kind.
#[derive(Module, Debug)]
pub enum AnyCrossNetwork<B: Backend> {
    /// One matrix a layer.
    Matrix(MatrixCrossNetwork<B>),
    /// A mixture of experts a layer.
    Mixture(MixtureCrossNetwork<B>),
}

impl Architecture for DcnV2Config {
    type Model<B: Backend> = DcnV2<B>;

    fn tables(&self, shape: InputShape) -> Vec<(&'static str, usize)> {
        vec![(EMBEDDING, shape.embedding_dim)]
    }

    fn check(&self, _shape: InputShape) -> Result<(), ModelError> {
        check::layers("cross_layers", self.cross_layers)?;
        if let Some(rank) = self.low_rank {
            check::width("low_rank", rank)?;
        }
        match self.experts {
            Some(experts) if self.low_rank.is_none() => {
                return Err(ModelError::new(
                    "experts",
                    experts,
                    "no such key, or `low_rank` beside it: the rank of an expert",
                ));
            }
            Some(experts) => check::whole("experts", experts, &(2..=1 << 10))?,
            None if self.expert_activation.is_some() => {
                let expected =
                    "no such key, or `experts` beside it: a cross network without experts is linear in its weights";
                return Err(ModelError::new("expert_activation", "given", expected));
            }
            None => {}
        }
        check::perceptron(&self.mlp())
    }

    fn init<B: ModelBackend>(&self, shape: InputShape, init: Initializer<'_, B>) -> DcnV2<B> {
        let (width, layers) = (shape.concatenated(), self.cross_layers);
        let cross = match (self.experts, self.low_rank) {
            (Some(experts), Some(rank)) => {
                let config =
                    CrossMixtureConfig { width, layers, rank, experts, activation: self.expert_activation.clone() };
                AnyCrossNetwork::Mixture(config.init("cross", init))
            }
            (_, rank) => AnyCrossNetwork::Matrix(MatrixCrossNetwork::new("cross", width, layers, rank, init)),
        };
        DcnV2 { cross, head: CrossHead::new(&self.mlp(), width, self.structure, init) }
    }
}

impl<B: ModelBackend> CtrModel<B> for DcnV2<B> {
    fn forward(&self, input: ModelInput<B>, pass: Pass) -> Tensor<B, 1> {
        let ([embeddings], numeric) = input.split();
        let x0 = concatenate(embeddings, numeric); // [B, C]
        let crossed = match &self.cross {
            AnyCrossNetwork::Matrix(cross) => cross.forward(&x0),
            AnyCrossNetwork::Mixture(cross) => cross.forward(&x0),
        };
        self.head.forward(x0, crossed, pass)
    }
}
