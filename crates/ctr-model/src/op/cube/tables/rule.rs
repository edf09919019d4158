//! An update in the form in which a kernel is compiled for it, and the numbers that it is launched with.
use crate::embedding::{UpdateRule, UpdateScope};
use crate::optim::{RowOptimizerConfig, UpdateStep};

/// Where the numbers of a step stand among the constants of a kernel.
pub(super) mod constant {
    pub(crate) const L2: usize = 0;
    pub(crate) const CLIP_VALUE: usize = 1;
    pub(crate) const CLIP_NORM: usize = 2;
    pub(crate) const SCALE: usize = 3;
    pub(crate) const KEEP: usize = 4;
    pub(crate) const LARGEST_RMS: usize = 5;
    pub(crate) const WIDTH: usize = 6;
    pub(crate) const RATE: usize = 7;
    // The others mean something else for each optimiser.
    pub(crate) const EPSILON: usize = 8;
    pub(crate) const MOMENTUM: usize = 9;
    pub(crate) const BETA1: usize = 9;
    pub(crate) const ONE_MINUS_BETA1: usize = 10;
    pub(crate) const BETA2: usize = 11;
    pub(crate) const ONE_MINUS_BETA2: usize = 12;
    pub(crate) const SECOND_SCALE: usize = 13;
    pub(crate) const BETA: usize = 9;
    pub(crate) const L1: usize = 10;
    pub(crate) const FTRL_L2: usize = 11;
    pub(crate) const COUNT: usize = 14;
}

/// What a kernel is compiled for.
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a part that a kernel is compiled with or without, in any combination"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Rule {
    pub(super) optimizer: Optimizer,
    /// Weights of a row.
    pub(super) width: usize,
    /// Weights and state of a row.
    pub(super) stride: usize,
    /// Whether all rows of a range are updated, instead of the touched ones.
    pub(super) all: bool,
    pub(super) l2: bool,
    pub(super) clip_value: bool,
    pub(super) clip_norm: bool,
    pub(super) scale: bool,
    pub(super) decay: bool,
    pub(super) limit_step: bool,
}

/// The optimiser of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Optimizer {
    Sgd,
    Momentum,
    Nesterov,
    Adagrad,
    RowwiseAdagrad,
    Adam,
    RowwiseAdam,
    Ftrl,
}

impl Optimizer {
    /// Whether a row has one number of state for all its weights.
    fn is_rowwise(self) -> bool {
        matches!(self, Self::RowwiseAdagrad | Self::RowwiseAdam)
    }
}

impl Rule {
    /// The rule of a step for rows of `width` weights, and its constants.
    pub(super) fn at(
        rule: &UpdateRule,
        step: UpdateStep,
        width: usize,
        stride: usize,
    ) -> (Self, [f32; constant::COUNT]) {
        let gradient = rule.gradient();
        let mut constants = [0.0; constant::COUNT];
        let learning_rate = rule.optimizer.learning_rate() * step.rate_scale;
        constants[constant::L2] = gradient.l2;
        constants[constant::CLIP_VALUE] = gradient.value.unwrap_or_default();
        constants[constant::CLIP_NORM] = gradient.norm.unwrap_or_default();
        constants[constant::SCALE] = step.grad_scale as f32;
        constants[constant::KEEP] = (1.0 - learning_rate * rule.weight_decay) as f32;
        constants[constant::LARGEST_RMS] = rule.clip.update_rms.map_or(0.0, |limit| (limit * learning_rate) as f32);
        constants[constant::WIDTH] = width as f32;
        let optimizer = optimizer(&rule.optimizer, step, &mut constants);
        let compiled = Self {
            optimizer,
            width,
            stride,
            all: rule.scope == UpdateScope::AllRows,
            l2: gradient.l2 != 0.0,
            clip_value: gradient.value.is_some(),
            clip_norm: gradient.norm.is_some(),
            scale: constants[constant::SCALE] != 1.0,
            decay: constants[constant::KEEP] != 1.0,
            limit_step: rule.clip.update_rms.is_some(),
        };
        (compiled, constants)
    }

    /// The same rule without what is done after the gradient is known.
    pub(super) fn gradient_only(self) -> Self {
        Self { optimizer: Optimizer::Sgd, scale: false, decay: false, limit_step: false, ..self }
    }

    /// Whether the gradient of an item is something else than the sum over its lookups.
    pub(super) fn changes_sums(&self) -> bool {
        self.all || self.l2 || self.clip_value || self.clip_norm || self.scale
    }

    /// Whether a row takes part as a whole.
    pub(super) fn needs_whole_rows(&self) -> bool {
        self.clip_norm || self.scale || self.optimizer.is_rowwise()
    }
}

/// The optimiser at one step; its numbers go into the constants.
fn optimizer(config: &RowOptimizerConfig, step: UpdateStep, constants: &mut [f32; constant::COUNT]) -> Optimizer {
    constants[constant::RATE] = (config.learning_rate() * step.rate_scale) as f32;
    match config {
        RowOptimizerConfig::Sgd(config) => {
            constants[constant::MOMENTUM] = config.momentum as f32;
            match (config.momentum == 0.0, config.nesterov) {
                (true, _) => Optimizer::Sgd,
                (false, false) => Optimizer::Momentum,
                (false, true) => Optimizer::Nesterov,
            }
        }
        RowOptimizerConfig::Adagrad(config) => {
            constants[constant::EPSILON] = config.epsilon as f32;
            Optimizer::Adagrad
        }
        RowOptimizerConfig::RowwiseAdagrad(config) => {
            constants[constant::EPSILON] = config.epsilon as f32;
            Optimizer::RowwiseAdagrad
        }
        RowOptimizerConfig::LazyAdam(adam) | RowOptimizerConfig::RowwiseAdam(adam) => {
            // Clipping has scaled the gradient already.
            let step = adam.at(UpdateStep { grad_scale: 1.0, ..step }).to_f32();
            let [step_size, beta1, one_minus_beta1, beta2, one_minus_beta2, epsilon, second_scale] = step.constants();
            constants[constant::RATE] = step_size;
            constants[constant::BETA1] = beta1;
            constants[constant::ONE_MINUS_BETA1] = one_minus_beta1;
            constants[constant::BETA2] = beta2;
            constants[constant::ONE_MINUS_BETA2] = one_minus_beta2;
            constants[constant::EPSILON] = epsilon;
            constants[constant::SECOND_SCALE] = second_scale;
            if matches!(config, RowOptimizerConfig::LazyAdam(_)) { Optimizer::Adam } else { Optimizer::RowwiseAdam }
        }
        RowOptimizerConfig::Ftrl(config) => {
            constants[constant::BETA] = config.beta as f32;
            constants[constant::L1] = config.l1 as f32;
            constants[constant::FTRL_L2] = config.l2 as f32;
            Optimizer::Ftrl
        }
    }
}
