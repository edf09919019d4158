//! What two streams of a model tell each other between layers.
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};
use smelu::{Activation, ActivationConfig};

use crate::init::Initializer;
use crate::linear::{Linear, matmul};
use crate::op::ModelBackend;
use crate::quotient::softmax;

/// How a [`Bridge`] joins its streams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BridgeKind {
    /// `x ⊙ y`.
    #[default]
    HadamardProduct,
    /// `x + y`.
    PointwiseAddition,
    /// `g([x; y]·W + b)`.
    Concatenation,
    /// `a_x·x + a_y·y`, with `[a_x, a_y] = softmax([s(x), s(y)])` and the score `s(v) = g(v·W + b)·p`; W: [C, C], p: \[C\].
    AttentionPooling,
}

/// One vector of two.
///
/// # Shapes
/// [B, C] twice → [B, C].
///
/// # Reference
/// Chen et al., "Enhancing explicit and implicit feature interactions via information sharing for parallel deep CTR models", CIKM 2021,
/// section 3.3 ("bridge module").
#[derive(Module, Debug)]
pub struct Bridge<B: Backend> {
    joint: Option<Linear<B>>,
    attention: Option<Scores<B>>,
    activation: Option<Activation<B>>,
    product: bool,
}

impl<B: Backend> Bridge<B> {
    /// A bridge of streams of width `width`, named under `name`.
    #[must_use]
    pub fn new(
        name: &str,
        kind: BridgeKind,
        width: usize,
        activation: &ActivationConfig,
        init: Initializer<'_, B>,
    ) -> Self {
        let (joint, attention) = (kind == BridgeKind::Concatenation, kind == BridgeKind::AttentionPooling);
        Self {
            joint: joint.then(|| Linear::new(&format!("{name}.joint"), 2 * width, width, init)),
            attention: attention.then(|| Scores {
                hidden: Linear::new(&format!("{name}.attention.hidden"), width, width, init),
                score: init.xavier_normal(&format!("{name}.attention.score"), width, 1),
            }),
            activation: (joint || attention).then(|| activation.init(width, init.device)),
            product: kind == BridgeKind::HadamardProduct,
        }
    }
}

impl<B: ModelBackend> Bridge<B> {
    /// The joined streams; [B, C], [B, C] → [B, C].
    #[must_use]
    pub fn forward(&self, x: Tensor<B, 2>, y: Tensor<B, 2>) -> Tensor<B, 2> {
        match (&self.joint, &self.attention, &self.activation) {
            (Some(joint), _, Some(activation)) => activation.forward(joint.forward(Tensor::cat(vec![x, y], 1))),
            (_, Some(attention), Some(activation)) => {
                let scores = vec![attention.score(&x, activation), attention.score(&y, activation)];
                let shares = softmax(Tensor::cat(scores, 1), 1); // [B, 2]
                x * shares.clone().narrow(1, 0, 1) + y * shares.narrow(1, 1, 1)
            }
            _ if self.product => x * y,
            _ => x + y,
        }
    }
}

/// What an attention pooling scores a stream by.
#[derive(Module, Debug)]
struct Scores<B: Backend> {
    hidden: Linear<B>,
    /// p, [C, 1].
    score: Param<Tensor<B, 2>>,
}

impl<B: ModelBackend> Scores<B> {
    /// [B, C] → [B, 1].
    fn score(&self, stream: &Tensor<B, 2>, activation: &Activation<B>) -> Tensor<B, 2> {
        matmul(activation.forward(self.hidden.forward(stream.clone())), self.score.val())
    }
}
