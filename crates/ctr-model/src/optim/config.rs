//! Optimisers: the tables `[optimizer]` and `[embedding.optimizer]`.

use serde::{Deserialize, Serialize};

use super::{AdamStep, UpdateStep};

/// Optimiser of the dense parameters (and, in dense embedding mode, of the tables), told apart by the key `type`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum OptimizerConfig {
    /// `type = "adam"`.
    Adam(AdamConfig),
    /// `type = "sgd"`.
    Sgd(SgdConfig),
}

impl OptimizerConfig {
    /// Learning rate at the first step.
    #[must_use]
    pub fn learning_rate(&self) -> f64 {
        match self {
            Self::Adam(config) => config.learning_rate,
            Self::Sgd(config) => config.learning_rate,
        }
    }
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self::Adam(AdamConfig::default())
    }
}

/// Optimiser of embedding rows in sparse mode: only the rows of a batch are touched. Told apart by the key `type`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RowOptimizerConfig {
    /// `type = "sgd"`: no state.
    Sgd(SgdConfig),
    /// `type = "adagrad"`: one accumulator per element.
    Adagrad(AdagradConfig),
    /// `type = "rowwise_adagrad"`: one accumulator per row, of the mean squared gradient.
    RowwiseAdagrad(AdagradConfig),
    /// `type = "lazy_adam"`: moments advance only when their row is touched.
    LazyAdam(AdamConfig),
}

impl RowOptimizerConfig {
    /// Learning rate at the first step.
    #[must_use]
    pub fn learning_rate(&self) -> f64 {
        match self {
            Self::Sgd(config) => config.learning_rate,
            Self::Adagrad(config) | Self::RowwiseAdagrad(config) => config.learning_rate,
            Self::LazyAdam(config) => config.learning_rate,
        }
    }
}

impl AdamConfig {
    /// The constants of step `step`.
    #[must_use]
    pub fn at(&self, step: UpdateStep) -> AdamStep {
        let t = step.number as f64;
        AdamStep {
            step_size: self.learning_rate * step.rate_scale / (1.0 - libm::pow(self.beta1, t)),
            beta1: self.beta1,
            beta2: self.beta2,
            epsilon: self.epsilon,
            second_scale: 1.0 / (1.0 - libm::pow(self.beta2, t)).sqrt(),
            grad_scale: step.grad_scale,
        }
    }
}

/// Adam (Kingma & Ba, 2015, algorithm 1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdamConfig {
    /// Step size, > 0. Default `1e-3`.
    pub learning_rate: f64,
    /// Decay of the first moment, in [0, 1). Default `0.9`.
    pub beta1: f64,
    /// Decay of the second moment, in [0, 1). Default `0.999`.
    pub beta2: f64,
    /// Added to the root of the second moment, > 0. Default `1e-8`.
    pub epsilon: f64,
}

impl Default for AdamConfig {
    fn default() -> Self {
        Self { learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
    }
}

/// Stochastic gradient descent without momentum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SgdConfig {
    /// Step size, > 0. Default `0.01`.
    pub learning_rate: f64,
}

impl Default for SgdConfig {
    fn default() -> Self {
        Self { learning_rate: 0.01 }
    }
}

/// Adagrad (Duchi, Hazan & Singer, 2011), per element or per row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdagradConfig {
    /// Step size, > 0. Default `0.01`.
    pub learning_rate: f64,
    /// Added to the root of the accumulator, > 0. Default `1e-10`.
    pub epsilon: f64,
}

impl Default for AdagradConfig {
    fn default() -> Self {
        Self { learning_rate: 0.01, epsilon: 1e-10 }
    }
}
