//! Adam: the arithmetic of one step on one number, used by every kernel.

/// The constants of one step of Adam.
///
/// With g the gradient times `grad_scale`:
/// m ← β₁m + (1 − β₁)g; v ← β₂v + (1 − β₂)g²; w ← w − `step_size`·m / (√v·`second_scale` + ε).
///
/// Source: Kingma & Ba, "Adam: a method for stochastic optimization", arXiv 1412.6980, algorithm 1; ε is added after the bias
/// correction, as PyTorch does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamStep {
    /// Learning rate over the bias correction of the first moment, lr/(1 − β₁ᵗ).
    pub step_size: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// ε.
    pub epsilon: f64,
    /// The bias correction of the second moment's root, 1/√(1 − β₂ᵗ).
    pub second_scale: f64,
    /// A factor of every gradient, from clipping.
    pub grad_scale: f64,
}

impl AdamStep {
    pub(crate) fn to_f32(self) -> AdamStepF32 {
        AdamStepF32 {
            step_size: self.step_size as f32,
            beta1: self.beta1 as f32,
            one_minus_beta1: (1.0 - self.beta1) as f32,
            beta2: self.beta2 as f32,
            one_minus_beta2: (1.0 - self.beta2) as f32,
            epsilon: self.epsilon as f32,
            second_scale: self.second_scale as f32,
            grad_scale: self.grad_scale as f32,
        }
    }
}

/// [`AdamStep`] rounded once to the precision of the parameters.
#[derive(Clone, Copy)]
pub(crate) struct AdamStepF32 {
    step_size: f32,
    beta1: f32,
    one_minus_beta1: f32,
    beta2: f32,
    one_minus_beta2: f32,
    epsilon: f32,
    second_scale: f32,
    pub(crate) grad_scale: f32,
}

impl AdamStepF32 {
    /// Step size, β₁, 1 − β₁, β₂, 1 − β₂, ε and the factor of the second moment's root.
    #[cfg_attr(not(any(feature = "cuda", feature = "wgpu")), allow(dead_code, reason = "accelerators need it"))]
    pub(crate) fn constants(self) -> [f32; 7] {
        let Self { step_size, beta1, one_minus_beta1, beta2, one_minus_beta2, epsilon, second_scale, .. } = self;
        [step_size, beta1, one_minus_beta1, beta2, one_minus_beta2, epsilon, second_scale]
    }

    #[inline(always)]
    pub(crate) fn apply(self, parameter: &mut f32, first: &mut f32, second: &mut f32, grad: f32) {
        let grad = grad * self.grad_scale;
        *first = self.beta1 * *first + self.one_minus_beta1 * grad;
        *second = self.beta2 * *second + self.one_minus_beta2 * (grad * grad);
        *parameter -= self.step_size * *first / (second.sqrt() * self.second_scale + self.epsilon);
    }

    #[inline(always)]
    pub(crate) fn advance_first(self, first: &mut f32, grad: f32) {
        *first = self.beta1 * *first + self.one_minus_beta1 * grad;
    }

    /// Advances a second moment by the square of a gradient; returns the rate that the first moment is multiplied by.
    #[inline(always)]
    pub(crate) fn advance_second(self, second: &mut f32, square: f32) -> f32 {
        *second = self.beta2 * *second + self.one_minus_beta2 * square;
        self.step_size / (second.sqrt() * self.second_scale + self.epsilon)
    }
}
