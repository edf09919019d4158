//! Fields of several widths brought to one.
use burn::module::{Module, Param};
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorPrimitive};

use crate::init::Initializer;
use crate::op::ModelBackend;
use crate::precision::Precision;

/// `e_f·P_f` for each field narrower than D, the widest; `e_f` itself for the others. A linear map without bias.
///
/// P starts from N(0, 1/`D_f`), so that a projected row has the variance of the row.
///
/// # Shapes
/// rows one after another [B, 1, Σ`D_f`], `P_f` [`D_f`, D] → [B, F, D].
///
/// # Reference
/// Ginart et al., "Mixed dimension embeddings with application to memory-efficient recommendation systems", arXiv 1909.11810, section 3.
#[derive(Module, Debug)]
pub struct FieldProjections<B: Backend> {
    /// `P_f`; none for a field of the full width.
    maps: Vec<Option<Param<Tensor<B, 2>>>>,
    width: usize,
}

impl<B: Backend> FieldProjections<B> {
    /// Maps for fields of these widths to the widest, named under `name`.
    #[must_use]
    pub fn new(name: &str, widths: &[usize], init: Initializer<'_, B>) -> Self {
        let width = widths.iter().copied().max().unwrap_or(1);
        let map = |(field, &own): (usize, &usize)| {
            let std = 1.0 / (own as f64).sqrt();
            (own < width).then(|| init.normal(&format!("{name}.maps.{field}"), [own, width], std))
        };
        Self { maps: widths.iter().enumerate().map(map).collect(), width }
    }
}

impl<B: ModelBackend> FieldProjections<B> {
    /// The rows of all fields in one width; [B, 1, Σ`D_f`] → [B, F, D].
    #[must_use]
    pub fn forward(&self, rows: Tensor<B, 3>) -> Tensor<B, 3> {
        let [batch, _, total] = rows.dims();
        let rows = rows.reshape([batch, total]);
        let mut start = 0;
        let fields = self.maps.iter().map(|map| {
            let map = map.as_ref().map(Param::val);
            let end = start + map.as_ref().map_or(self.width, |map| map.dims()[0]);
            let row = rows.clone().slice([0..batch, start..end]); // [B, D_f]
            start = end;
            let row = match map {
                Some(map) => {
                    let [row, map] = [row, map].map(|tensor| tensor.into_primitive().tensor());
                    Tensor::from_primitive(TensorPrimitive::Float(B::product(row, map, Precision::F32)))
                }
                None => row,
            };
            row.unsqueeze_dim::<3>(1) // [B, 1, D]
        });
        Tensor::cat(fields.collect(), 1)
    }
}
