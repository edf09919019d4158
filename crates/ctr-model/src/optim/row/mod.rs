//! Row optimisers: the update of one embedding row from its gradient, with the row's own state beside it.
mod adagrad;
mod adam;
mod ftrl;
mod momentum;
mod rowwise_adagrad;
mod rowwise_adam;
mod sgd;

pub use adagrad::Adagrad;
pub use adam::RowAdam;
pub use ftrl::Ftrl;
pub use momentum::Momentum;
pub use rowwise_adagrad::RowwiseAdagrad;
pub use rowwise_adam::RowwiseAdam;
pub use sgd::Sgd;

use super::{RowOptimizerConfig, UpdateStep};

/// The update of one row. An implementation holds the constants of one step.
pub trait RowOptimizer: Sync {
    /// Numbers of state that a row of `width` elements needs; all start at 0.
    fn state_len(width: usize) -> usize;

    /// Updates `row` and `state` in place; `grad` has the length of `row` and is already clipped.
    fn update(&self, row: &mut [f32], state: &mut [f32], grad: &[f32]);
}

/// Work that can be done with any row optimiser, for code that knows it only from a configuration.
pub(crate) trait WithRowOptimizer {
    type Output;

    fn run<O: RowOptimizer>(self, optimizer: &O) -> Self::Output;
}

impl RowOptimizerConfig {
    /// Numbers of state that a row of `width` elements needs.
    #[must_use]
    pub fn state_len(&self, width: usize) -> usize {
        match self {
            Self::Sgd(config) if config.momentum == 0.0 => Sgd::state_len(width),
            Self::Sgd(_) => Momentum::state_len(width),
            Self::Adagrad(_) => Adagrad::state_len(width),
            Self::RowwiseAdagrad(_) => RowwiseAdagrad::state_len(width),
            Self::LazyAdam(_) => RowAdam::state_len(width),
            Self::RowwiseAdam(_) => RowwiseAdam::state_len(width),
            Self::Ftrl(_) => Ftrl::state_len(width),
        }
    }

    /// Does `work` with the optimiser at one step.
    pub(crate) fn with<W: WithRowOptimizer>(&self, step: UpdateStep, work: W) -> W::Output {
        let learning_rate = (self.learning_rate() * step.rate_scale) as f32;
        match self {
            Self::Sgd(config) if config.momentum == 0.0 => work.run(&Sgd { learning_rate }),
            Self::Sgd(config) => {
                work.run(&Momentum { learning_rate, momentum: config.momentum as f32, nesterov: config.nesterov })
            }
            Self::Adagrad(config) => work.run(&Adagrad { learning_rate, epsilon: config.epsilon as f32 }),
            Self::RowwiseAdagrad(config) => work.run(&RowwiseAdagrad { learning_rate, epsilon: config.epsilon as f32 }),
            Self::LazyAdam(config) => work.run(&RowAdam::new(config, step)),
            Self::RowwiseAdam(config) => work.run(&RowwiseAdam::new(config, step)),
            Self::Ftrl(config) => work.run(&Ftrl {
                alpha: learning_rate,
                beta: config.beta as f32,
                l1: config.l1 as f32,
                l2: config.l2 as f32,
            }),
        }
    }
}

/// The mean of the squares, summed in a fixed order.
#[inline(always)]
fn mean_square(grad: &[f32]) -> f32 {
    square_sum(grad) / grad.len() as f32
}

/// Σ v², summed over eight lanes and then over the lanes: an order that does not depend on the machine's vectors.
#[inline(always)]
pub(crate) fn square_sum(values: &[f32]) -> f32 {
    let (chunks, tail) = values.as_chunks::<8>();
    let mut lanes = [0.0_f32; 8];
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += value * value;
        }
    }
    tail.iter().map(|value| value * value).chain(lanes).sum()
}
