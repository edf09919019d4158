//! A mean of vectors whose weights depend on them.
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use smelu::{Activation, ActivationConfig};

use crate::dropout::Dropout;
use crate::init::Initializer;
use crate::linear::{Linear, matmul};
use crate::op::ModelBackend;
use crate::pass::Pass;
use crate::quotient::softmax;

/// `Σ_k a_k·p_k` with `a = softmax over k of ⟨h, g(p_k·W + b)⟩`.
///
/// # Shapes
/// [B, K, D] → [B, D]; W: [D, A], h: [A, 1].
///
/// # Reference
/// Xiao et al., "Attentional factorization machines: learning the weight of feature interactions via attention networks",
/// arXiv 1708.04617, equations 4 and 5.
#[derive(Module, Debug)]
pub struct AttentionPooling<B: Backend> {
    hidden: Linear<B>,
    activation: Activation<B>,
    score: Param<Tensor<B, 2>>,
    dropout: Dropout,
}

impl<B: Backend> AttentionPooling<B> {
    /// An attention network of `units` units on vectors of width `dim`, named under `name`.
    #[must_use]
    pub fn new(
        name: &str,
        [dim, units]: [usize; 2],
        activation: &ActivationConfig,
        dropout: Dropout,
        init: Initializer<'_, B>,
    ) -> Self {
        Self {
            hidden: Linear::new(&format!("{name}.hidden"), dim, units, init),
            activation: activation.init(units, init.device),
            score: init.xavier_normal(&format!("{name}.score"), units, 1),
            dropout,
        }
    }
}

impl<B: ModelBackend> AttentionPooling<B> {
    /// The pooled vectors; [B, K, D] → [B, D].
    #[must_use]
    pub fn forward(&self, vectors: Tensor<B, 3>, pass: Pass) -> Tensor<B, 2> {
        let [batch, count, dim] = vectors.dims();
        let rows = vectors.clone().reshape([batch * count, dim]);
        let hidden = self.activation.forward(self.hidden.forward(rows)); // [B·K, A]
        let scores = matmul(hidden, self.score.val()).reshape([batch, count]);
        let weights = self.dropout.forward(softmax(scores, 1), pass); // [B, K]
        (vectors * weights.unsqueeze_dim(2)).sum_dim(1).squeeze_dim(1)
    }
}
