//! Stochastic gradient descent.
use super::RowOptimizer;

/// w ← w − lr·g. No state.
#[derive(Clone, Copy, Debug)]
pub struct Sgd {
    /// The learning rate.
    pub learning_rate: f32,
}

impl RowOptimizer for Sgd {
    fn state_len(_width: usize) -> usize {
        0
    }

    #[inline(always)]
    fn update(&self, row: &mut [f32], _state: &mut [f32], grad: &[f32]) {
        for (w, g) in row.iter_mut().zip(grad) {
            *w -= self.learning_rate * g;
        }
    }
}
