//! Stochastic gradient descent with momentum.
use super::RowOptimizer;

/// v ← μv + g; w ← w − lr·v, or w ← w − lr·(g + μv) in Nesterov's form.
///
/// The velocity of a row rests while the row is not touched. Source: Sutskever et al., "On the importance of initialization and momentum in
/// deep learning", ICML 2013, with the learning rate outside the velocity, as PyTorch.
#[derive(Clone, Copy, Debug)]
pub struct Momentum {
    /// The learning rate.
    pub learning_rate: f32,
    /// μ.
    pub momentum: f32,
    /// Whether the step looks ahead along the velocity.
    pub nesterov: bool,
}

impl RowOptimizer for Momentum {
    fn state_len(width: usize) -> usize {
        width
    }

    #[inline(always)]
    fn update(&self, row: &mut [f32], state: &mut [f32], grad: &[f32]) {
        for ((w, v), g) in row.iter_mut().zip(state).zip(grad) {
            *v = self.momentum * *v + g;
            let direction = if self.nesterov { g + self.momentum * *v } else { *v };
            *w -= self.learning_rate * direction;
        }
    }
}
