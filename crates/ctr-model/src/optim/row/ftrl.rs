//! FTRL-proximal.
use super::RowOptimizer;

/// σ = (√(n + g²) − √n)/α; z ← z + g − σw; n ← n + g²; then w = 0 where |z| ≤ λ₁, else w = −(z − sgn(z)·λ₁)/((β + √n)/α + λ₂).
///
/// Its state is the z of all elements, then the n. The weights are a function of this state, which starts at 0: the first update of a row
/// takes its initial weights for a point that the gradient has moved, and starts from 0, as the paper does. Source: McMahan et al., "Ad
/// click prediction: a view from the trenches", KDD 2013, algorithm 1.
#[derive(Clone, Copy, Debug)]
pub struct Ftrl {
    /// α.
    pub alpha: f32,
    /// β.
    pub beta: f32,
    /// λ₁.
    pub l1: f32,
    /// λ₂.
    pub l2: f32,
}

impl RowOptimizer for Ftrl {
    fn state_len(width: usize) -> usize {
        2 * width
    }

    #[inline(always)]
    fn update(&self, row: &mut [f32], state: &mut [f32], grad: &[f32]) {
        let (linear, squares) = state.split_at_mut(row.len());
        for (((w, z), n), g) in row.iter_mut().zip(linear).zip(squares).zip(grad) {
            let before = n.sqrt();
            *n += g * g;
            let after = n.sqrt();
            *z += g - (after - before) / self.alpha * *w;
            let shrunk = z.abs() - self.l1;
            let curvature = (self.beta + after) / self.alpha + self.l2;
            // A row that has seen no gradient at all, with β = λ₂ = 0, has no curvature either.
            *w = if shrunk > 0.0 && curvature > 0.0 { -z.signum() * shrunk / curvature } else { 0.0 };
        }
    }
}
