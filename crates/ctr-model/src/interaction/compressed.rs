//! The compressed interaction network (CIN).
use burn::module::Module;
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorPrimitive};

use crate::init::Initializer;
use crate::linear::Linear;
use crate::op::ModelBackend;

/// `x_{k,h} = Σ_{i,j} W_{k,h,i,j}·(x_{k−1,i} ⊙ x_{0,j}) + b_{k,h}`, each summed over D.
///
/// # Shapes
/// [B, F, D] → [B, ΣH], with H the feature maps of a layer. The products of a layer are [B, D, H·F] numbers.
///
/// # Reference
/// Lian et al., "xDeepFM: combining explicit and implicit feature interactions for recommender systems", arXiv 1803.05170, equations 6
/// and 8; without an activation, which the paper found best.
#[derive(Module, Debug)]
pub struct CompressedInteraction<B: Backend> {
    layers: Vec<Linear<B>>,
}

impl<B: Backend> CompressedInteraction<B> {
    /// Layers of `units` feature maps on `fields` fields, named under `name`.
    #[must_use]
    pub fn new(name: &str, fields: usize, units: &[usize], init: Initializer<'_, B>) -> Self {
        let mut maps = fields;
        let layer = |(index, &units): (usize, &usize)| {
            let layer = Linear::new(&format!("{name}.layers.{index}"), maps * fields, units, init);
            maps = units;
            layer
        };
        Self { layers: units.iter().enumerate().map(layer).collect() }
    }
}

impl<B: ModelBackend> CompressedInteraction<B> {
    /// The pooled feature maps of all layers; [B, F, D] → [B, ΣH].
    #[must_use]
    pub fn forward(&self, fields: Tensor<B, 3>) -> Tensor<B, 2> {
        let [batch, count, dim] = fields.dims();
        // Each column of the embeddings is mixed by itself: with the columns as rows, a layer is one matrix product.
        let first = fields.swap_dims(1, 2).reshape([batch * dim, count]); // [B·D, F]
        let mut maps = first.clone();
        let mut pooled = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            let [last, first] = [maps, first.clone()].map(|columns| columns.into_primitive().tensor());
            let products = Tensor::from_primitive(TensorPrimitive::Float(B::outer_rows(last, first))); // [B·D, H·F]
            maps = layer.forward(products); // [B·D, H']
            let units = maps.dims()[1];
            pooled.push(maps.clone().reshape([batch, dim, units]).sum_dim(1).squeeze_dim(1)); // [B, H']
        }
        Tensor::cat(pooled, 1)
    }
}
