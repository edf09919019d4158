//! Fields that attend to each other.
use burn::module::{Module, Param};
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorPrimitive};
use smelu::{Activation, ActivationConfig};

use crate::dropout::Dropout;
use crate::init::Initializer;
use crate::layer_norm::LayerNorm;
use crate::linear::matmul;
use crate::op::{Attention, ModelBackend};
use crate::pass::Pass;

/// The size and the options of a [`SelfAttention`] layer.
#[derive(Clone, Debug, PartialEq)]
pub struct SelfAttentionConfig {
    /// Width of a field at the output, all heads together, A.
    pub units: usize,
    /// Heads, H; they divide A.
    pub heads: usize,
    /// Whether scores are divided by √(A/H).
    pub scale: bool,
    /// Whether the input is added to the output, by a matrix where their widths differ.
    pub residual: bool,
    /// Layer norm before the activation.
    pub layer_norm: bool,
    /// The activation.
    pub activation: ActivationConfig,
}

/// `g(softmax(Q·Kᵀ)·V + x·R)` for each head, with `Q = x·W_q`, `K = x·W_k` and `V = x·W_v`.
///
/// # Shapes
/// [B, F, D] → [B, F, A].
///
/// # Reference
/// Song et al., "AutoInt: automatic feature interaction learning via self-attentive neural networks", arXiv 1810.11921, equations 5 to 8;
/// scale and layer norm as in the BARS benchmark.
#[derive(Module, Debug)]
pub struct SelfAttention<B: Backend> {
    query: Param<Tensor<B, 2>>,
    key: Param<Tensor<B, 2>>,
    value: Param<Tensor<B, 2>>,
    projection: Option<Param<Tensor<B, 2>>>,
    norm: Option<LayerNorm<B>>,
    activation: Activation<B>,
    dropout: Dropout,
    heads: usize,
    scale: f64,
    residual: bool,
}

impl SelfAttentionConfig {
    /// A layer for fields of width `dim` whose parameters are named under `name`; `dropout` is that of the attention weights.
    #[must_use]
    pub fn init<B: Backend>(
        &self,
        name: &str,
        dim: usize,
        dropout: Dropout,
        init: Initializer<'_, B>,
    ) -> SelfAttention<B> {
        let matrix = |part: &str| init.xavier_normal(&format!("{name}.{part}"), dim, self.units);
        let width = self.units as f64 / self.heads as f64;
        SelfAttention {
            query: matrix("query"),
            key: matrix("key"),
            value: matrix("value"),
            projection: (self.residual && dim != self.units).then(|| matrix("projection")),
            norm: self.layer_norm.then(|| LayerNorm::new(self.units, init)),
            activation: self.activation.init(self.units, init.device),
            dropout,
            heads: self.heads,
            scale: if self.scale { 1.0 / width.sqrt() } else { 1.0 },
            residual: self.residual,
        }
    }
}

impl<B: ModelBackend> SelfAttention<B> {
    /// The fields after attention; [B, F, D] → [B, F, A].
    #[must_use]
    pub fn forward(&self, fields: Tensor<B, 3>, pass: Pass) -> Tensor<B, 3> {
        let [batch, count, dim] = fields.dims();
        let rows = fields.reshape([batch * count, dim]); // [B·F, D]
        let matrices = Tensor::cat([&self.query, &self.key, &self.value].map(Param::val).to_vec(), 1); // [D, 3·A]
        let units = matrices.dims()[1] / 3;
        let projected = matmul(rows.clone(), matrices).into_primitive().tensor(); // [B·F, 3·A]
        let dropout = self.dropout.mask(pass);
        let attention = Attention { fields: count, heads: self.heads, scale: self.scale, dropout };
        let mut out = Tensor::from_primitive(TensorPrimitive::Float(B::attend(projected, attention))); // [B·F, A]
        if self.residual {
            out = out + self.projection.as_ref().map_or(rows.clone(), |matrix| matmul(rows.clone(), matrix.val()));
        }
        let out = match &self.norm {
            Some(norm) => norm.forward(out),
            None => out,
        };
        self.activation.forward(out).reshape([batch, count, units])
    }
}
