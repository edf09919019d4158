//! Wide & Deep.
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::{Architecture, CtrModel, EMBEDDING, InputShape, LINEAR, ModelError, ModelInput, check};
use crate::init::Initializer;
use crate::interaction::{FirstOrder, concatenate};
use crate::mlp::Mlp;
use crate::op::ModelBackend;
use crate::pass::Pass;

super::keys::with_perceptron! {
    /// Keys of `[model]` for `type = "wide_deep"`: those of the perceptron.
    WideDeepConfig(empty = "`[]` leaves one linear layer") {}
}

/// `z = Σ_f w_f + MLP([e_1; …; e_F; x_1; …; x_N])`.
///
/// # Shapes
/// embeddings [B, F, D], weights [B, F, 1], numeric fields [B, N] → \[B\].
///
/// # Reference
/// Cheng et al., "Wide & deep learning for recommender systems", arXiv 1606.07792, equation 3; one optimiser for both parts, as in the
/// BARS benchmark.
#[derive(Module, Debug)]
pub struct WideDeep<B: Backend> {
    linear: FirstOrder<B>,
    mlp: Mlp<B>,
}

impl Architecture for WideDeepConfig {
    type Model<B: Backend> = WideDeep<B>;

    fn tables(&self, shape: InputShape) -> Vec<(&'static str, usize)> {
        vec![(EMBEDDING, shape.embedding_dim), (LINEAR, 1)]
    }

    fn check(&self, _shape: InputShape) -> Result<(), ModelError> {
        check::perceptron(&self.mlp())
    }

    fn init<B: ModelBackend>(&self, shape: InputShape, init: Initializer<'_, B>) -> WideDeep<B> {
        WideDeep {
            linear: FirstOrder::without_bias("linear", shape.numeric, init),
            mlp: self.mlp().init("mlp", shape.concatenated(), init),
        }
    }
}

impl<B: ModelBackend> CtrModel<B> for WideDeep<B> {
    fn forward(&self, input: ModelInput<B>, pass: Pass) -> Tensor<B, 1> {
        let ([embeddings, weights], numeric) = input.split();
        let wide = self.linear.forward(weights, numeric.clone()); // [B]
        wide + self.mlp.forward(concatenate(embeddings, numeric), pass)
    }
}
