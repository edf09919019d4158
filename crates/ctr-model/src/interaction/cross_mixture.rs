//! The cross network of DCN-V2 with a mixture of low-rank experts.
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use smelu::{Activation, ActivationConfig};

use crate::init::{Initializer, xavier_std};
use crate::linear::matmul;
use crate::op::ModelBackend;
use crate::quotient::softmax;

/// The size of a [`MixtureCrossNetwork`].
#[derive(Clone, Debug, PartialEq)]
pub struct CrossMixtureConfig {
    /// Width of the input, C.
    pub width: usize,
    /// Layers.
    pub layers: usize,
    /// Rank of an expert, R.
    pub rank: usize,
    /// Experts of a layer, K.
    pub experts: usize,
    /// The function g; `None` is tanh.
    pub activation: Option<ActivationConfig>,
}

/// `x_{l+1} = Σ_k softmax(x_l·G_l)_k·(x_0 ⊙ (g(g(x_l·V_{l,k})·C_{l,k})·U_{l,k} + b_l)) + x_l`.
///
/// # Shapes
/// [B, C] → [B, C].
///
/// # Reference
/// Wang et al., "DCN V2", arXiv 2008.13535, equations 3 to 5.
#[derive(Module, Debug)]
pub struct MixtureCrossNetwork<B: Backend> {
    layers: Vec<MixtureCrossLayer<B>>,
}

/// One layer, the product with `x_0` and the residual left to the network.
#[derive(Module, Debug)]
pub struct MixtureCrossLayer<B: Backend> {
    /// V, [K, C, R].
    down: Param<Tensor<B, 3>>,
    /// C, [K, R, R].
    middle: Param<Tensor<B, 3>>,
    /// U, [K, R, C].
    up: Param<Tensor<B, 3>>,
    /// G, [C, K].
    gate: Param<Tensor<B, 2>>,
    /// b, \[C\].
    bias: Param<Tensor<B, 1>>,
    activation: Option<Activation<B>>,
}

impl CrossMixtureConfig {
    /// A network whose parameters are named under `name`.
    #[must_use]
    pub fn init<B: Backend>(&self, name: &str, init: Initializer<'_, B>) -> MixtureCrossNetwork<B> {
        let Self { width, rank, experts, .. } = *self;
        let layer = |index| {
            let stack = |part: &str, [rows, columns]: [usize; 2]| {
                init.normal(
                    &format!("{name}.layers.{index}.{part}"),
                    [experts, rows, columns],
                    xavier_std(rows, columns),
                )
            };
            MixtureCrossLayer {
                down: stack("down", [width, rank]),
                middle: stack("middle", [rank, rank]),
                up: stack("up", [rank, width]),
                gate: init.xavier_normal(&format!("{name}.layers.{index}.gate"), width, experts),
                bias: init.constant(width, 0.0),
                activation: self.activation.as_ref().map(|activation| activation.init(rank, init.device)),
            }
        };
        MixtureCrossNetwork { layers: (0..self.layers).map(layer).collect() }
    }
}

impl<B: ModelBackend> MixtureCrossNetwork<B> {
    /// The output of the last layer; [B, C] → [B, C].
    #[must_use]
    pub fn forward(&self, x0: &Tensor<B, 2>) -> Tensor<B, 2> {
        self.layers.iter().fold(x0.clone(), |x, layer| x0.clone() * layer.forward(x.clone()) + x)
    }
}

impl<B: ModelBackend> MixtureCrossLayer<B> {
    /// The mixture of the experts; [B, C] → [B, C]. The gates sum to 1, so the bias and the product with `x_0` stand outside the sum.
    fn forward(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        let gates = softmax(matmul(x.clone(), self.gate.val()), 1); // [B, K]
        let low = self.bend(matmul(x.unsqueeze_dim::<3>(0), self.down.val())); // [K, B, R]
        let low = self.bend(matmul(low, self.middle.val())); // [K, B, R]
        let experts = matmul(low, self.up.val()); // [K, B, C]
        // In this order: Burn 0.21 gets the strides of `swap_dims(0, 1).unsqueeze_dim(2)` wrong where B is 1.
        let mixed = (experts * gates.unsqueeze_dim::<3>(2).swap_dims(0, 1)).sum_dim(0); // [1, B, C]
        mixed.squeeze_dim::<2>(0) + self.bias.val().unsqueeze()
    }

    fn bend(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        match &self.activation {
            Some(activation) => activation.forward(x),
            None => x.tanh(),
        }
    }
}
