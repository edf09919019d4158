//! Dropout as a module.
use burn::module::Module;
use burn::tensor::{Tensor, TensorPrimitive};

use crate::op::ModelBackend;
use crate::pass::{DropoutKey, Pass};

/// Inverted dropout: in training an element is set to 0 with the given probability, else divided by that of being kept; `[…]` → `[…]`.
///
/// # Reference
/// Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 15 (2014).
#[derive(Module, Clone, Debug)]
pub struct Dropout {
    probability: f64,
    layer: u32,
}

impl Dropout {
    /// Dropout with masks of its own: `layer` must differ between the dropout layers of a model.
    #[must_use]
    pub fn new(probability: f64, layer: u32) -> Self {
        Self { probability, layer }
    }

    /// Which mask there is in this pass, and the probability of being dropped.
    pub(crate) fn mask(&self, pass: Pass) -> Option<(DropoutKey, f64)> {
        match pass {
            Pass::Train { dropout_seed, step } if self.probability > 0.0 => {
                Some((DropoutKey { seed: dropout_seed, step, layer: self.layer }, self.probability))
            }
            _ => None,
        }
    }

    /// Applies the layer; the shape stays.
    #[must_use]
    pub fn forward<B: ModelBackend, const D: usize>(&self, x: Tensor<B, D>, pass: Pass) -> Tensor<B, D> {
        match self.mask(pass) {
            Some((key, probability)) => {
                let x = x.into_primitive().tensor();
                Tensor::from_primitive(TensorPrimitive::Float(B::dropout(x, key, probability)))
            }
            None => x,
        }
    }
}
