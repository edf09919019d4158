//! Adagrad with one accumulator per element.
use super::RowOptimizer;

/// a ← a + g²; w ← w − lr·g/(√a + ε).
///
/// Source: Duchi, Hazan & Singer, "Adaptive subgradient methods for online learning and stochastic optimization", JMLR 12, 2011; ε outside
/// the root, as PyTorch.
#[derive(Clone, Copy, Debug)]
pub struct Adagrad {
    /// The learning rate.
    pub learning_rate: f32,
    /// ε.
    pub epsilon: f32,
}

impl RowOptimizer for Adagrad {
    fn state_len(width: usize) -> usize {
        width
    }

    #[inline(always)]
    fn update(&self, row: &mut [f32], state: &mut [f32], grad: &[f32]) {
        for ((w, a), g) in row.iter_mut().zip(state).zip(grad) {
            *a += g * g;
            *w -= self.learning_rate * g / (a.sqrt() + self.epsilon);
        }
    }
}
