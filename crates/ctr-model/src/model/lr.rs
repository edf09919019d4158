//! Logistic regression.
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};

use super::{Architecture, CtrModel, InputShape, LINEAR, ModelError, ModelInput};
use crate::init::Initializer;
use crate::interaction::FirstOrder;
use crate::op::ModelBackend;
use crate::pass::Pass;

/// Keys of `[model]` for `type = "lr"`: none besides `type`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LrConfig {}

/// `z = b + Σ_f w_f[id_f] + Σ_n v_n·x_n`.
///
/// # Shapes
/// weights of the ids [B, F, 1], numeric fields [B, N] → \[B\].
///
/// # Reference
/// Richardson, Dominowska & Ragno, "Predicting clicks: estimating the click-through rate for new ads", WWW 2007.
#[derive(Module, Debug)]
pub struct Lr<B: Backend> {
    linear: FirstOrder<B>,
}

impl Architecture for LrConfig {
    type Model<B: Backend> = Lr<B>;

    fn tables(&self, _shape: InputShape) -> Vec<(&'static str, usize)> {
        vec![(LINEAR, 1)]
    }

    fn check(&self, _shape: InputShape) -> Result<(), ModelError> {
        Ok(())
    }

    fn init<B: ModelBackend>(&self, shape: InputShape, init: Initializer<'_, B>) -> Lr<B> {
        Lr { linear: FirstOrder::with_bias("linear", shape.numeric, init) }
    }
}

impl<B: ModelBackend> CtrModel<B> for Lr<B> {
    fn forward(&self, input: ModelInput<B>, _pass: Pass) -> Tensor<B, 1> {
        let ([weights], numeric) = input.split(); // [B, F, 1]
        self.linear.forward(weights, numeric)
    }
}
