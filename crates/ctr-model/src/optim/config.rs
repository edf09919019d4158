//! Optimisers: the tables `[optimizer]` and `[embedding.optimizer]`.

use serde::{Deserialize, Serialize};

use super::{AdamStep, UpdateStep};

/// Optimiser of the dense parameters (and, in dense embedding mode, of the tables), told apart by the key `type`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum OptimizerConfig {
    /// `type = "adam"`.
    Adam(AdamConfig),
    /// `type = "adamw"`: Adam with decoupled weight decay.
    #[serde(rename = "adamw")]
    AdamW(AdamWConfig),
    /// `type = "adagrad"`: one accumulator per parameter.
    Adagrad(AdagradConfig),
    /// `type = "sgd"`: with or without momentum.
    Sgd(SgdConfig),
}

impl OptimizerConfig {
    /// The learning rate before the schedule's factor.
    #[must_use]
    pub fn learning_rate(&self) -> f64 {
        match self {
            Self::Adam(config) => config.learning_rate,
            Self::AdamW(config) => config.learning_rate,
            Self::Adagrad(config) => config.learning_rate,
            Self::Sgd(config) => config.learning_rate,
        }
    }

    /// Decoupled weight decay λ: parameters are multiplied by 1 − lr·λ before each step.
    #[must_use]
    pub fn weight_decay(&self) -> f64 {
        match self {
            Self::AdamW(config) => config.weight_decay,
            _ => 0.0,
        }
    }

    /// The row optimiser that does the same to each row of a table, weight decay apart.
    #[must_use]
    pub fn for_rows(&self) -> RowOptimizerConfig {
        match self {
            Self::Adam(config) => RowOptimizerConfig::LazyAdam(config.clone()),
            Self::AdamW(config) => RowOptimizerConfig::LazyAdam(config.adam()),
            Self::Adagrad(config) => RowOptimizerConfig::Adagrad(config.clone()),
            Self::Sgd(config) => RowOptimizerConfig::Sgd(config.clone()),
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
    /// `type = "sgd"`: no state, or one number per element with momentum.
    Sgd(SgdConfig),
    /// `type = "adagrad"`: one accumulator per element.
    Adagrad(AdagradConfig),
    /// `type = "rowwise_adagrad"`: one accumulator per row, of the mean squared gradient.
    RowwiseAdagrad(AdagradConfig),
    /// `type = "lazy_adam"`: two moments per element, which advance only when their row is touched.
    LazyAdam(AdamConfig),
    /// `type = "rowwise_adam"`: a first moment per element and one second moment per row.
    RowwiseAdam(AdamConfig),
    /// `type = "ftrl"`: FTRL-proximal, two numbers per element.
    Ftrl(FtrlConfig),
}

impl RowOptimizerConfig {
    /// The learning rate before the schedule's factor.
    #[must_use]
    pub fn learning_rate(&self) -> f64 {
        match self {
            Self::Sgd(config) => config.learning_rate,
            Self::Adagrad(config) | Self::RowwiseAdagrad(config) => config.learning_rate,
            Self::LazyAdam(config) | Self::RowwiseAdam(config) => config.learning_rate,
            Self::Ftrl(config) => config.learning_rate,
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

/// Adam with decoupled weight decay (Loshchilov & Hutter, "Decoupled weight decay regularization", arXiv 1711.05101, algorithm 2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdamWConfig {
    /// Step size, > 0. Default `1e-3`.
    pub learning_rate: f64,
    /// Decay of the first moment, in [0, 1). Default `0.9`.
    pub beta1: f64,
    /// Decay of the second moment, in [0, 1). Default `0.999`.
    pub beta2: f64,
    /// Added to the root of the second moment, > 0. Default `1e-8`.
    pub epsilon: f64,
    /// λ: each step first multiplies a parameter by 1 − `learning_rate`·λ, ≥ 0. Default `0.01`.
    pub weight_decay: f64,
}

impl AdamWConfig {
    /// Adam with the same constants.
    #[must_use]
    pub fn adam(&self) -> AdamConfig {
        let Self { learning_rate, beta1, beta2, epsilon, .. } = *self;
        AdamConfig { learning_rate, beta1, beta2, epsilon }
    }
}

impl Default for AdamWConfig {
    fn default() -> Self {
        let AdamConfig { learning_rate, beta1, beta2, epsilon } = AdamConfig::default();
        Self { learning_rate, beta1, beta2, epsilon, weight_decay: 0.01 }
    }
}

/// Stochastic gradient descent, with or without momentum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SgdConfig {
    /// Step size, > 0. Default `0.01`.
    pub learning_rate: f64,
    /// μ of v ← μv + g, w ← w − lr·v, in [0, 1). Default `0.0`: no momentum, no state.
    pub momentum: f64,
    /// Nesterov's form, w ← w − lr·(g + μv). Default `false`.
    pub nesterov: bool,
}

impl Default for SgdConfig {
    fn default() -> Self {
        Self { learning_rate: 0.01, momentum: 0.0, nesterov: false }
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

/// FTRL-proximal (McMahan et al., 2013, algorithm 1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FtrlConfig {
    /// α of the per-element rate α/(β + √Σg²), > 0. Default `0.05`.
    pub learning_rate: f64,
    /// β, ≥ 0. Default `1.0`.
    pub beta: f64,
    /// λ₁ of the penalty λ₁·‖w‖₁, ≥ 0: weights below it are exactly 0. Default `0.0`.
    pub l1: f64,
    /// λ₂ of the penalty λ₂/2·‖w‖², ≥ 0. Default `0.0`.
    pub l2: f64,
}

impl Default for FtrlConfig {
    fn default() -> Self {
        Self { learning_rate: 0.05, beta: 1.0, l1: 0.0, l2: 0.0 }
    }
}
