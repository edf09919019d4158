//! All pairs of fields.
use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor, TensorData};

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

    /// A place for each pair, as an index for `Tensor::select`; \[P\].
    #[must_use]
    pub fn places<B: Backend>(&self, place: impl Fn(usize, usize) -> usize, device: &B::Device) -> Tensor<B, 1, Int> {
        let places: Vec<i64> = self.pairs.iter().map(|&(i, j)| place(i, j) as i64).collect();
        let count = places.len();
        Tensor::from_data(TensorData::new(places, [count]), device)
    }

    /// The first and the second field of each pair; [B, F, D] → [B, P, D] twice.
    #[must_use]
    pub fn select<B: Backend>(&self, fields: Tensor<B, 3>) -> [Tensor<B, 3>; 2] {
        let device = fields.device();
        let first = self.places::<B>(|i, _| i, &device);
        let second = self.places::<B>(|_, j| j, &device);
        [fields.clone().select(1, first), fields.select(1, second)]
    }
}
