//! Adam with one second moment per row.
use super::{RowOptimizer, mean_square};
use crate::optim::{AdamConfig, AdamStepF32, UpdateStep};

/// m ← β₁m + (1 − β₁)g; v ← β₂v + (1 − β₂)·mean(g²); w ← w − lr·m̂/(√v̂ + ε), with m per element and v per row.
///
/// Its state is the first moments, then v. The bias correction counts the steps of the run. Source: the partially row-wise Adam of FBGEMM
/// (Khudia et al., "FBGEMM: enabling high-performance low-precision deep learning inference", arXiv 2101.05615, and its table-batched
/// embeddings), which applies the row-wise accumulator of Mudigere et al., arXiv 2104.05158, to Adam.
#[derive(Clone, Copy)]
pub struct RowwiseAdam {
    step: AdamStepF32,
}

impl RowwiseAdam {
    /// The optimiser at one step. Clipping is applied by the caller, not here.
    #[must_use]
    pub fn new(config: &AdamConfig, step: UpdateStep) -> Self {
        Self { step: config.at(UpdateStep { grad_scale: 1.0, ..step }).to_f32() }
    }
}

impl RowOptimizer for RowwiseAdam {
    fn state_len(width: usize) -> usize {
        width + 1
    }

    #[inline(always)]
    fn update(&self, row: &mut [f32], state: &mut [f32], grad: &[f32]) {
        let (first, second) = state.split_at_mut(row.len());
        let rate = self.step.advance_second(&mut second[0], mean_square(grad));
        for ((w, m), g) in row.iter_mut().zip(first).zip(grad) {
            self.step.advance_first(m, *g);
            *w -= rate * *m;
        }
    }
}
