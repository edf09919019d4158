//! Two views of the fields, one for each stream of a model.
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::flatten;
use crate::init::Initializer;
use crate::norm::BatchNorm;
use crate::op::ModelBackend;
use crate::pass::Pass;
use crate::quotient::softmax;

/// `norm(softmax(g/τ)_f·e_f)` for each of two streams with gates g of their own.
///
/// # Shapes
/// [B, F, D] → [B, F·D] twice.
///
/// # Reference
/// Chen et al., "Enhancing explicit and implicit feature interactions via information sharing for parallel deep CTR models", CIKM 2021,
/// section 3.4 ("regulation module").
#[derive(Module, Debug)]
pub struct Regulation<B: Backend> {
    /// g of each stream, \[F\]; none where fields are not regulated.
    gates: Vec<Param<Tensor<B, 1>>>,
    norms: Vec<BatchNorm<B>>,
    temperature: f64,
}

impl<B: Backend> Regulation<B> {
    /// Gates of 1 for `fields` fields, or none without a temperature τ; batch norm over `width` columns, where asked for.
    #[must_use]
    pub fn new(
        fields: usize,
        width: usize,
        temperature: Option<f64>,
        batch_norm: bool,
        init: Initializer<'_, B>,
    ) -> Self {
        let streams = |on: bool| if on { 0..2 } else { 0..0 };
        Self {
            gates: streams(temperature.is_some()).map(|_| init.constant(fields, 1.0)).collect(),
            norms: streams(batch_norm).map(|_| BatchNorm::new(width, init)).collect(),
            temperature: temperature.unwrap_or(1.0),
        }
    }
}

impl<B: ModelBackend> Regulation<B> {
    /// The fields of both streams; [B, F, D] → [B, F·D] twice.
    #[must_use]
    pub fn forward(&self, fields: &Tensor<B, 3>, pass: Pass) -> [Tensor<B, 2>; 2] {
        [0, 1].map(|stream| {
            let fields = fields.clone();
            let gated = match self.gates.get(stream) {
                Some(gate) => fields * softmax(gate.val() / self.temperature, 0).reshape([1, -1, 1]),
                None => fields,
            };
            let flat = flatten(gated);
            match self.norms.get(stream) {
                Some(norm) => norm.forward(flat, pass),
                None => flat,
            }
        })
    }
}
