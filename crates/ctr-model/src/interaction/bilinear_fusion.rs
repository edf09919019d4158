//! The logit of two streams.
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use crate::init::{Initializer, xavier_std};
use crate::linear::{Linear, matmul};
use crate::op::ModelBackend;

/// `z = ⟨w_x, x⟩ + b_x + ⟨w_y, y⟩ + b_y + Σ_h x_hᵀ·W_h·y_h`, x and y cut into H heads.
///
/// # Shapes
/// [B, X], [B, Y] → \[B\]; `W_h`: [X/H, Y/H].
///
/// # Reference
/// Mao et al., "FinalMLP: an enhanced two-stream MLP model for CTR prediction", arXiv 2304.00902, equations 8 and 9.
#[derive(Module, Debug)]
pub struct BilinearFusion<B: Backend> {
    first: Linear<B>,
    second: Linear<B>,
    /// W, [H, X/H, Y/H].
    weight: Param<Tensor<B, 3>>,
}

impl<B: Backend> BilinearFusion<B> {
    /// Streams of widths `[X, Y]` in `heads` heads, which divide both, named under `name`.
    #[must_use]
    pub fn new(name: &str, [x, y]: [usize; 2], heads: usize, init: Initializer<'_, B>) -> Self {
        let shape = [heads, x / heads, y / heads];
        Self {
            first: Linear::new(&format!("{name}.first"), x, 1, init),
            second: Linear::new(&format!("{name}.second"), y, 1, init),
            weight: init.normal(&format!("{name}.weight"), shape, xavier_std(shape.iter().product(), 1)),
        }
    }
}

impl<B: ModelBackend> BilinearFusion<B> {
    /// The logits; [B, X], [B, Y] → \[B\].
    #[must_use]
    pub fn forward(&self, x: Tensor<B, 2>, y: Tensor<B, 2>) -> Tensor<B, 1> {
        let weight = self.weight.val();
        let (batch, [heads, x_width, y_width]) = (x.dims()[0], weight.dims());
        let linear = self.first.forward(x.clone()) + self.second.forward(y.clone()); // [B, 1]
        let x = x.reshape([batch, heads, x_width]).swap_dims(0, 1); // [H, B, X/H]
        let y = y.reshape([batch, heads, y_width]).swap_dims(0, 1); // [H, B, Y/H]
        let products = (matmul(x, weight) * y).sum_dim(2).sum_dim(0); // [1, B, 1]
        (linear + products.reshape([batch, 1])).squeeze_dim(1)
    }
}
