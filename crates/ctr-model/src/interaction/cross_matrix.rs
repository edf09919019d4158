//! The cross network of DCN-V2: a matrix of weights a layer, whole or of low rank.
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use crate::init::Initializer;
use crate::linear::{Linear, matmul};
use crate::op::ModelBackend;

/// `x_{l+1} = x_0 ⊙ (x_l·W_l + b_l) + x_l`; of low rank, `W_l = V_l·U_l` with `V_l`: [C, R] and `U_l`: [R, C].
///
/// # Shapes
/// [B, C] → [B, C].
///
/// # Reference
/// Wang et al., "DCN V2: improved deep & cross network and practical lessons for web-scale learning to rank systems", arXiv 2008.13535,
/// equations 1 and 2.
#[derive(Module, Debug)]
pub struct MatrixCrossNetwork<B: Backend> {
    layers: Vec<MatrixCrossLayer<B>>,
}

/// `x_0 ⊙ (x·W + b)`.
#[derive(Module, Debug)]
pub struct MatrixCrossLayer<B: Backend> {
    /// V, [C, R]; none where W is whole.
    down: Option<Param<Tensor<B, 2>>>,
    /// W or U with b: [C, C] or [R, C], \[C\].
    linear: Linear<B>,
}

impl<B: Backend> MatrixCrossNetwork<B> {
    /// `layers` layers of width `width`, of rank `rank` where one is given, named under `name`.
    #[must_use]
    pub fn new(name: &str, width: usize, layers: usize, rank: Option<usize>, init: Initializer<'_, B>) -> Self {
        let layer = |index| {
            let name = format!("{name}.layers.{index}");
            let down = rank.map(|rank| init.xavier_normal(&format!("{name}.down"), width, rank));
            MatrixCrossLayer {
                down,
                linear: Linear::new(&format!("{name}.linear"), rank.unwrap_or(width), width, init),
            }
        };
        Self { layers: (0..layers).map(layer).collect() }
    }
}

impl<B: ModelBackend> MatrixCrossNetwork<B> {
    /// The output of the last layer; [B, C] → [B, C].
    #[must_use]
    pub fn forward(&self, x0: &Tensor<B, 2>) -> Tensor<B, 2> {
        self.layers.iter().fold(x0.clone(), |x, layer| {
            let low = match &layer.down {
                Some(down) => matmul(x.clone(), down.val()), // [B, R]
                None => x.clone(),
            };
            x0.clone() * layer.linear.forward(low) + x
        })
    }
}
