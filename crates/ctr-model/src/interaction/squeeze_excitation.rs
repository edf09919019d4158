//! Weights of fields from the fields themselves.
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use smelu::{Activation, ActivationConfig};

use crate::init::Initializer;
use crate::linear::matmul;
use crate::op::ModelBackend;

/// `a_f·e_f` with `a = g(g(z·W_1)·W_2)` and `z_f` the mean of `e_f`.
///
/// # Shapes
/// [B, F, D] → [B, F, D]; `W_1`: [F, R], `W_2`: [R, F].
///
/// # Reference
/// Huang, Zhang & Zhang, "FiBiNET", arXiv 1905.09433, section 3.2 ("SENET layer").
#[derive(Module, Debug)]
pub struct SqueezeExcitation<B: Backend> {
    squeeze: Param<Tensor<B, 2>>,
    excite: Param<Tensor<B, 2>>,
    squeeze_activation: Activation<B>,
    excite_activation: Activation<B>,
}

impl<B: Backend> SqueezeExcitation<B> {
    /// Weights for `fields` fields, squeezed to `units`, named under `name`.
    #[must_use]
    pub fn new(
        name: &str,
        fields: usize,
        units: usize,
        activation: &ActivationConfig,
        init: Initializer<'_, B>,
    ) -> Self {
        Self {
            squeeze: init.xavier_normal(&format!("{name}.squeeze"), fields, units),
            excite: init.xavier_normal(&format!("{name}.excite"), units, fields),
            squeeze_activation: activation.init(units, init.device),
            excite_activation: activation.init(fields, init.device),
        }
    }
}

impl<B: ModelBackend> SqueezeExcitation<B> {
    /// The weighted fields; [B, F, D] → [B, F, D].
    #[must_use]
    pub fn forward(&self, fields: Tensor<B, 3>) -> Tensor<B, 3> {
        let means = fields.clone().mean_dim(2).squeeze_dim::<2>(2); // [B, F]
        let squeezed = self.squeeze_activation.forward(matmul(means, self.squeeze.val())); // [B, R]
        let weights = self.excite_activation.forward(matmul(squeezed, self.excite.val())); // [B, F]
        fields * weights.unsqueeze_dim(2)
    }
}
