//! Logistic regression.
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};

use super::{CtrModel, InputShape, ModelInput};
use crate::init::Initializer;
use crate::op::ModelBackend;
use crate::pass::Pass;

/// The table of the weights of feature values, rows of width 1.
pub(super) const TABLE: &str = "linear";

/// Keys of `[model]` for `type = "lr"`: none besides `type`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LrConfig {}

/// `z = b + Σ_f w_f[id_f] + Σ_n v_n·x_n`.
///
/// # Shapes
/// weights of the ids [B, F, 1], numeric fields [B, N] → \[B\].
#[derive(Module, Debug)]
pub struct Lr<B: Backend> {
    /// b, \[1\].
    bias: Param<Tensor<B, 1>>,
    /// v, [N, 1].
    numeric: Option<Param<Tensor<B, 2>>>,
}

pub(super) fn init<B: ModelBackend>(_config: &LrConfig, shape: InputShape, init: Initializer<'_, B>) -> Lr<B> {
    let numeric = (shape.numeric > 0).then(|| init.xavier_normal("numeric", shape.numeric, 1));
    Lr { bias: init.constant(1, 0.0), numeric }
}

impl<B: ModelBackend> CtrModel<B> for Lr<B> {
    fn forward(&self, mut input: ModelInput<B>, _pass: Pass) -> Tensor<B, 1> {
        let weights = input.embeddings.remove(0); // [B, F, 1]
        let [batch, fields, _] = weights.dims();
        let logits = self.bias.val().expand([batch]); // [B]
        let logits = match fields {
            0 => logits,
            _ => logits + weights.sum_dim(1).reshape([batch]),
        };
        match (input.numeric, &self.numeric) {
            (Some(x), Some(weight)) => logits + x.matmul(weight.val()).reshape([batch]),
            _ => logits,
        }
    }
}
