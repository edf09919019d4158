//! All pairs of fields.
use burn::tensor::{Tensor, TensorPrimitive};

use crate::op::ModelBackend;

/// P = F·(F − 1)/2, the number of pairs i < j.
#[must_use]
pub fn pair_count(fields: usize) -> usize {
    fields * fields.saturating_sub(1) / 2
}

/// The pairs (0, 1), (0, 2), …, (F − 2, F − 1) of F fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pairs {
    pairs: Vec<(usize, usize)>,
}

impl Pairs {
    /// The pairs of `fields` fields.
    #[must_use]
    pub fn new(fields: usize) -> Self {
        Self { pairs: (0..fields).flat_map(|i| (i + 1..fields).map(move |j| (i, j))).collect() }
    }

    /// A place for each pair, for [`pick`]; P of them.
    #[must_use]
    pub fn places(&self, place: impl Fn(usize, usize) -> usize) -> Vec<u32> {
        self.pairs.iter().map(|&(i, j)| place(i, j) as u32).collect()
    }

    /// The first and the second field of each pair; [B, F, D] → [B, P, D] twice.
    #[must_use]
    pub fn select<B: ModelBackend>(&self, fields: Tensor<B, 3>) -> [Tensor<B, 3>; 2] {
        [pick(fields.clone(), &self.places(|i, _| i)), pick(fields, &self.places(|_, j| j))]
    }
}

/// The vectors at `places`, each below K; [B, K, D] → [B, P, D]. Differentiable; see [`ModelBackend::pick`].
#[must_use]
pub fn pick<B: ModelBackend>(vectors: Tensor<B, 3>, places: &[u32]) -> Tensor<B, 3> {
    Tensor::from_primitive(TensorPrimitive::Float(B::pick(vectors.into_primitive().tensor(), places)))
}
