//! Row optimisers: the update of one embedding row from its gradient, with the row's own state beside it.
mod adagrad;
mod adam;
mod rowwise_adagrad;
mod sgd;

pub use adagrad::Adagrad;
pub use adam::RowAdam;
pub use rowwise_adagrad::RowwiseAdagrad;
pub use sgd::Sgd;

use super::{RowOptimizerConfig, UpdateStep};

/// The update of one row. An implementation holds the constants of one step.
pub trait RowOptimizer: Sync {
    /// Numbers of state that a row of `width` elements needs; all start at 0.
    fn state_len(width: usize) -> usize;

    /// Updates `row` and `state` in place; `grad` has the length of `row` and is already scaled by clipping.
    fn update(&self, row: &mut [f32], state: &mut [f32], grad: &[f32]);
}

impl RowOptimizerConfig {
    /// Numbers of state that a row of `width` elements needs.
    #[must_use]
    pub fn state_len(&self, width: usize) -> usize {
        match self {
            Self::Sgd(_) => Sgd::state_len(width),
            Self::Adagrad(_) => Adagrad::state_len(width),
            Self::RowwiseAdagrad(_) => RowwiseAdagrad::state_len(width),
            Self::LazyAdam(_) => RowAdam::state_len(width),
        }
    }
}

/// A row optimiser at one step, for code that takes a [`RowOptimizer`].
#[derive(Clone, Copy)]
pub(crate) enum AnyRowOptimizer {
    Sgd(Sgd),
    Adagrad(Adagrad),
    RowwiseAdagrad(RowwiseAdagrad),
    Adam(RowAdam),
}

impl AnyRowOptimizer {
    pub(crate) fn new(config: &RowOptimizerConfig, step: UpdateStep) -> Self {
        let rate = |learning_rate: f64| (learning_rate * step.rate_scale) as f32;
        match config {
            RowOptimizerConfig::Sgd(config) => Self::Sgd(Sgd { learning_rate: rate(config.learning_rate) }),
            RowOptimizerConfig::Adagrad(config) => {
                Self::Adagrad(Adagrad { learning_rate: rate(config.learning_rate), epsilon: config.epsilon as f32 })
            }
            RowOptimizerConfig::RowwiseAdagrad(config) => Self::RowwiseAdagrad(RowwiseAdagrad {
                learning_rate: rate(config.learning_rate),
                epsilon: config.epsilon as f32,
            }),
            RowOptimizerConfig::LazyAdam(config) => Self::Adam(RowAdam::new(config, step)),
        }
    }
}
