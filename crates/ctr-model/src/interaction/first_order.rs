//! The linear ("wide") term.
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use crate::init::Initializer;
use crate::linear::matmul;
use crate::op::ModelBackend;

/// `b + Σ_f w_f[id_f] + Σ_n v_n·x_n`; the weights w are the rows of a table of width 1.
///
/// # Shapes
/// weights of the ids [B, F, 1], numeric fields [B, N] → \[B\].
#[derive(Module, Debug)]
pub struct FirstOrder<B: Backend> {
    /// b, \[1\].
    bias: Option<Param<Tensor<B, 1>>>,
    /// v, [N, 1].
    numeric: Option<Param<Tensor<B, 2>>>,
}

impl<B: ModelBackend> FirstOrder<B> {
    /// With a bias, for models without another one.
    #[must_use]
    pub fn with_bias(name: &str, numeric: usize, init: Initializer<'_, B>) -> Self {
        Self { bias: Some(init.constant(1, 0.0)), ..Self::without_bias(name, numeric, init) }
    }

    /// Without a bias, beside a perceptron whose output layer has one.
    #[must_use]
    pub fn without_bias(name: &str, numeric: usize, init: Initializer<'_, B>) -> Self {
        let weights = || init.xavier_normal(&format!("{name}.numeric"), numeric, 1);
        Self { bias: None, numeric: (numeric > 0).then(weights) }
    }

    /// The term of each row; [B, F, 1], [B, N] → \[B\].
    #[must_use]
    pub fn forward(&self, weights: Tensor<B, 3>, numeric: Option<Tensor<B, 2>>) -> Tensor<B, 1> {
        let [batch, fields, _] = weights.dims();
        let device = weights.device();
        let terms = [
            self.bias.as_ref().map(|bias| bias.val().expand([batch])),
            (fields > 0).then(|| weights.sum_dim(1).reshape([batch])),
            numeric.zip(self.numeric.as_ref()).map(|(x, weight)| matmul(x, weight.val()).reshape([batch])),
        ];
        let sum = terms.into_iter().flatten().reduce(|sum, term| sum + term);
        sum.unwrap_or_else(|| Tensor::zeros([batch], &device))
    }
}
