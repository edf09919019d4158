//! Optimisers: one for the dense parameters, and row optimisers for the embedding tables.
mod adam;
mod config;
mod dense;
pub mod row;

pub use adam::AdamStep;
pub(crate) use adam::AdamStepF32;
pub use config::{AdagradConfig, AdamConfig, AdamWConfig, FtrlConfig, OptimizerConfig, RowOptimizerConfig, SgdConfig};
pub use dense::{DenseOptimizer, TensorClip};

/// What an update needs to know of the training step it belongs to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UpdateStep {
    /// The number of the step, counted from 1 over the whole run.
    pub number: u64,
    /// The factor that the schedule puts on every learning rate.
    pub rate_scale: f64,
    /// The factor that clipping puts on every gradient.
    pub grad_scale: f64,
}

/// The factor that brings a gradient of this norm down to at most `max_norm`: `min(1, max_norm/(norm + 1e-6))`, as PyTorch's
/// `clip_grad_norm_`.
#[must_use]
pub fn clip_scale(norm: f64, max_norm: f64) -> f64 {
    (max_norm / (norm + 1e-6)).min(1.0)
}
