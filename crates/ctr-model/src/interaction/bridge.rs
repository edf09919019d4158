//! What two streams of a model tell each other between layers.
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};
use smelu::{Activation, ActivationConfig};

use crate::init::Initializer;
use crate::linear::Linear;
use crate::op::ModelBackend;

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
        let joint = kind == BridgeKind::Concatenation;
        Self {
            joint: joint.then(|| Linear::new(&format!("{name}.joint"), 2 * width, width, init)),
            activation: joint.then(|| activation.init(width, init.device)),
            product: kind == BridgeKind::HadamardProduct,
        }
    }
}

impl<B: ModelBackend> Bridge<B> {
    /// The joined streams; [B, C], [B, C] → [B, C].
    #[must_use]
    pub fn forward(&self, x: Tensor<B, 2>, y: Tensor<B, 2>) -> Tensor<B, 2> {
        match (&self.joint, &self.activation) {
            (Some(joint), Some(activation)) => activation.forward(joint.forward(Tensor::cat(vec![x, y], 1))),
            _ if self.product => x * y,
            _ => x + y,
        }
    }
}
