//! Products of powers of fields, with learnt exponents.
use burn::module::{Module, Param};
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorPrimitive};

use crate::init::Initializer;
use crate::linear::matmul;
use crate::norm::BatchNorm;
use crate::op::ModelBackend;
use crate::pass::Pass;

/// The least magnitude that enters the logarithm.
const LEAST: f32 = 1e-5;

/// `y_k = norm(exp(Σ_f w_{f,k}·norm(ln max(|e_f|, 1e-5))))`, element by element: the product of `|e_f|` to the powers `w_{f,k}`.
///
/// Both batch norms are over batch and columns together, one mean and variance for each field and each neuron.
///
/// # Shapes
/// [B, F, D] → [B, D·K].
///
/// # Reference
/// Cheng, Shen & Huang, "Adaptive factorization network: learning adaptive-order feature interactions", arXiv 1909.03276, equation 6;
/// the bound of 1e-5 as in the BARS benchmark.
#[derive(Module, Debug)]
pub struct Logarithmic<B: Backend> {
    /// w, [F, K].
    weight: Param<Tensor<B, 2>>,
    log_norm: BatchNorm<B>,
    exp_norm: BatchNorm<B>,
}

impl<B: Backend> Logarithmic<B> {
    /// `neurons` products of `fields` fields, named under `name`.
    #[must_use]
    pub fn new(name: &str, fields: usize, neurons: usize, init: Initializer<'_, B>) -> Self {
        Self {
            weight: init.xavier_normal(&format!("{name}.weight"), fields, neurons),
            log_norm: BatchNorm::new(fields, init),
            exp_norm: BatchNorm::new(neurons, init),
        }
    }
}

impl<B: ModelBackend> Logarithmic<B> {
    /// The products; [B, F, D] → [B, D·K].
    #[must_use]
    pub fn forward(&self, fields: Tensor<B, 3>, pass: Pass) -> Tensor<B, 2> {
        let [batch, count, dim] = fields.dims();
        let columns = fields.swap_dims(1, 2).reshape([batch * dim, count]); // [B·D, F]
        let magnitudes = columns.abs().clamp_min(LEAST).into_primitive().tensor();
        let logs = Tensor::from_primitive(TensorPrimitive::Float(B::ln(magnitudes)));
        let logs = self.log_norm.forward(logs, pass);
        let sums = matmul(logs, self.weight.val()).into_primitive().tensor(); // [B·D, K]
        let products = Tensor::from_primitive(TensorPrimitive::Float(B::exp(sums)));
        let products = self.exp_norm.forward(products, pass); // [B·D, K]
        let neurons = products.dims()[1];
        products.reshape([batch, dim * neurons])
    }
}
