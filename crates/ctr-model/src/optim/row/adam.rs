//! Adam on rows: every row in dense mode, the touched ones in sparse mode ("lazy Adam").
use super::RowOptimizer;
use crate::optim::{AdamConfig, AdamStepF32, UpdateStep};

/// Adam on one row; its state is the first moments, then the second moments.
///
/// The bias correction counts the steps of the run, not those of the row, as PyTorch's `SparseAdam` and TensorFlow's `LazyAdam` do.
#[derive(Clone, Copy)]
pub struct RowAdam {
    step: AdamStepF32,
}

impl RowAdam {
    /// The optimiser at one step. Clipping is applied by the caller, not here.
    #[must_use]
    pub fn new(config: &AdamConfig, step: UpdateStep) -> Self {
        Self { step: config.at(UpdateStep { grad_scale: 1.0, ..step }).to_f32() }
    }
}

impl RowOptimizer for RowAdam {
    fn state_len(width: usize) -> usize {
        2 * width
    }

    #[inline(always)]
    fn update(&self, row: &mut [f32], state: &mut [f32], grad: &[f32]) {
        let (first, second) = state.split_at_mut(row.len());
        for (((w, m), v), g) in row.iter_mut().zip(first).zip(second).zip(grad) {
            self.step.apply(w, m, v, *g);
        }
    }
}
