//! How the rows of a table are updated.
use crate::optim::RowOptimizerConfig;
use crate::optim::row::square_sum;

/// How tables are updated.
///
/// A row's gradient is G = clip(g + λw), where g is the sum over its lookups; then w ← w·(1 − lr·`weight_decay`), and the optimiser steps
/// with `grad_scale`·G, its step limited by `clip.update_rms`.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdateRule {
    /// Which rows a step updates.
    pub scope: UpdateScope,
    /// The optimiser of a row.
    pub optimizer: RowOptimizerConfig,
    /// λ of the penalty (λ/2)·‖w‖² on the rows that are updated.
    pub l2: f64,
    /// Decoupled weight decay of the rows that are updated. Without effect on FTRL, whose weights are a function of its state.
    pub weight_decay: f64,
    /// Limits.
    pub clip: RowClip,
}

/// Which rows a step updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateScope {
    /// All rows of a table: what a framework with dense gradients computes, and what the BARS protocol asks for. A step costs a pass over
    /// the table.
    AllRows,
    /// The rows that the batch looked up. A step's cost does not depend on the size of the table.
    TouchedRows,
}

/// Limits on the gradient and on the step of each row, in this order; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RowClip {
    /// Largest magnitude of an element of the gradient.
    pub value: Option<f64>,
    /// Largest L2 norm of a row's gradient; larger ones are scaled down to it.
    pub norm: Option<f64>,
    /// Largest root mean square of a row's step divided by the learning rate, d: Δw ← Δw/max(1, RMS(Δw/lr)/d).
    ///
    /// Source: Shazeer & Stern, "Adafactor: adaptive learning rates with sublinear memory cost", arXiv 1804.04235, section 6, per row.
    pub update_rms: Option<f64>,
}

impl UpdateRule {
    /// `optimizer` on the rows of a batch, without regularisation or limits.
    #[must_use]
    pub fn sparse(optimizer: RowOptimizerConfig) -> Self {
        let (scope, clip) = (UpdateScope::TouchedRows, RowClip::default());
        Self { scope, optimizer, l2: 0.0, weight_decay: 0.0, clip }
    }

    /// `optimizer` on all rows, without regularisation or limits.
    #[must_use]
    pub fn dense(optimizer: RowOptimizerConfig) -> Self {
        Self { scope: UpdateScope::AllRows, ..Self::sparse(optimizer) }
    }

    /// Numbers of optimiser state that a row of `width` elements needs.
    #[must_use]
    pub fn state_len(&self, width: usize) -> usize {
        self.optimizer.state_len(width)
    }

    pub(crate) fn gradient(&self) -> GradientRule {
        GradientRule {
            l2: self.l2 as f32,
            value: self.clip.value.map(|limit| limit as f32),
            norm: self.clip.norm.map(|limit| limit as f32),
        }
    }
}

/// What makes a row's gradient G of the sum over its lookups.
#[derive(Clone, Copy)]
pub(crate) struct GradientRule {
    pub(crate) l2: f32,
    pub(crate) value: Option<f32>,
    pub(crate) norm: Option<f32>,
}

impl GradientRule {
    /// Whether G is the sum itself.
    pub(crate) fn is_identity(self) -> bool {
        self.l2 == 0.0 && self.value.is_none() && self.norm.is_none()
    }

    /// G of a row; a row without lookups has no sum.
    #[inline(always)]
    pub(super) fn total(self, total: &mut [f32], weights: &[f32], grad: Option<&[f32]>) {
        match grad {
            Some(grad) if self.l2 == 0.0 => total.copy_from_slice(grad),
            Some(grad) => {
                for ((total, w), g) in total.iter_mut().zip(weights).zip(grad) {
                    *total = g + self.l2 * w;
                }
            }
            None => {
                for (total, w) in total.iter_mut().zip(weights) {
                    *total = self.l2 * w;
                }
            }
        }
        if let Some(limit) = self.value {
            for total in total.iter_mut() {
                *total = total.clamp(-limit, limit);
            }
        }
        if let Some(limit) = self.norm {
            let norm = square_sum(total).sqrt();
            if norm > limit {
                let scale = limit / norm;
                for total in total.iter_mut() {
                    *total *= scale;
                }
            }
        }
    }
}
