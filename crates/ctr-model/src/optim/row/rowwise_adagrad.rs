//! Adagrad with one accumulator per row.
use super::{RowOptimizer, mean_square};

/// a ← a + mean(g²); w ← w − lr·g/(√a + ε).
///
/// One number of state per row instead of one per element. Source: the exact row-wise Adagrad of Mudigere et al., "Software-hardware
/// co-design for fast and scalable training of deep learning recommendation models", arXiv 2104.05158.
#[derive(Clone, Copy, Debug)]
pub struct RowwiseAdagrad {
    /// The learning rate.
    pub learning_rate: f32,
    /// ε.
    pub epsilon: f32,
}

impl RowOptimizer for RowwiseAdagrad {
    fn state_len(_width: usize) -> usize {
        1
    }

    #[inline(always)]
    fn update(&self, row: &mut [f32], state: &mut [f32], grad: &[f32]) {
        state[0] += mean_square(grad);
        let rate = self.learning_rate / (state[0].sqrt() + self.epsilon);
        for (w, g) in row.iter_mut().zip(grad) {
            *w -= rate * g;
        }
    }
}
