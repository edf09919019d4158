//! Learning-rate schedules: the factor on the learning rate as a function of the step.
use serde::{Deserialize, Serialize};

use crate::config::Plan;

/// Keys of `[training.schedule]` and `[embedding.schedule]`: a linear warm-up, then a course.
///
/// With k the number of the step from 0, W = `warmup_steps` and p = k − W the progress after the warm-up, the learning rate is multiplied by
/// `warmup_factor` + (1 − `warmup_factor`)·(k + 1)/(W + 1) for k < W, and from there on by the course's factor at p. A schedule has no state: a
/// resumed run goes on where it stopped. `[training.reduce_lr_on_plateau]` multiplies on top of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScheduleConfig {
    /// Steps of linear warm-up, ≥ 0. Default `0`.
    pub warmup_steps: u64,
    /// The factor that the warm-up starts from, in [0, 1]. Default `0.0`.
    pub warmup_factor: f64,
    /// The course after the warm-up. Default `{ type = "constant" }`.
    pub course: Course,
}

impl Default for ScheduleConfig {
    fn default() -> Self {
        Self { warmup_steps: 0, warmup_factor: 0.0, course: Course::Constant(ConstantConfig {}) }
    }
}

/// The course of the learning rate after the warm-up, told apart by the key `type`. The length T of a decay that names no `steps` is what the
/// warm-up leaves of all steps that `training.epochs` allows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Course {
    /// `type = "constant"`: 1.
    Constant(ConstantConfig),
    /// `type = "linear"`: from 1 to `end_factor` in a straight line over T steps, then constant.
    Linear(DecayConfig),
    /// `type = "cosine"`: `end_factor` + (1 − `end_factor`)·(1 + cos(πp/T))/2 over T steps, then constant (Loshchilov & Hutter, "SGDR: stochastic
    /// gradient descent with warm restarts", arXiv 1608.03983, equation 5, without restarts).
    Cosine(DecayConfig),
    /// `type = "step"`: `factor`^⌊p/`every`⌋.
    Step(StepConfig),
    /// `type = "multi_step"`: `factor` to the number of `milestones` ≤ p.
    MultiStep(MultiStepConfig),
    /// `type = "exponential"`: `factor`^(p/`every`).
    Exponential(StepConfig),
}

/// Keys of a constant course: none besides `type`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConstantConfig {}

/// Keys of a linear or cosine decay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DecayConfig {
    /// T, ≥ 1. Default: all steps after the warm-up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
    /// The factor at the end, in [0, 1]. Default `0.0`.
    pub end_factor: f64,
}

impl Default for DecayConfig {
    fn default() -> Self {
        Self { steps: None, end_factor: 0.0 }
    }
}

/// Keys of a step or exponential decay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepConfig {
    /// What the learning rate is multiplied by, in (0, 1]. Default `0.1`.
    #[serde(default = "tenth")]
    pub factor: f64,
    /// After how many units, ≥ 1. Required.
    pub every: u64,
    /// What `every` counts. Default `"step"`.
    #[serde(default)]
    pub unit: Unit,
}

/// Keys of a decay at chosen places.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MultiStepConfig {
    /// What the learning rate is multiplied by, in (0, 1]. Default `0.1`.
    #[serde(default = "tenth")]
    pub factor: f64,
    /// After how many units, ascending. Required.
    pub milestones: Vec<u64>,
    /// What `milestones` count. Default `"step"`.
    #[serde(default)]
    pub unit: Unit,
}

/// What a length counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Training steps.
    #[default]
    Step,
    /// Passes over the training data.
    Epoch,
}

const fn tenth() -> f64 {
    0.1
}

/// How many steps a run has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Horizon {
    /// Steps of an epoch.
    pub per_epoch: u64,
    /// Steps of all epochs that `training.epochs` allows.
    pub total: u64,
}

impl Horizon {
    /// That of a plan over `rows` training rows.
    #[must_use]
    pub fn of(plan: &Plan, rows: usize) -> Self {
        let per_epoch = rows.div_ceil(plan.training.batch_size) as u64;
        Self { per_epoch, total: per_epoch * plan.training.epochs as u64 }
    }
}

impl ScheduleConfig {
    /// The factor on the learning rate at step `step`, counted from 0.
    #[must_use]
    pub fn factor(&self, step: u64, horizon: Horizon) -> f64 {
        let warmup = self.warmup_steps;
        if step < warmup {
            let risen = (step + 1) as f64 / (warmup as f64 + 1.0);
            return self.warmup_factor + (1.0 - self.warmup_factor) * risen;
        }
        self.course.factor(step - warmup, horizon.total.saturating_sub(warmup).max(1), horizon.per_epoch)
    }
}

impl Course {
    fn factor(&self, progress: u64, left: u64, per_epoch: u64) -> f64 {
        let length = |unit: Unit, units: u64| match unit {
            Unit::Step => units,
            Unit::Epoch => units.saturating_mul(per_epoch),
        };
        let fraction = |steps: Option<u64>| (progress as f64 / steps.unwrap_or(left) as f64).min(1.0);
        let toward = |end: f64, remaining: f64| end + (1.0 - end) * remaining;
        match self {
            Self::Constant(_) => 1.0,
            Self::Linear(decay) => toward(decay.end_factor, 1.0 - fraction(decay.steps)),
            Self::Cosine(decay) => {
                let angle = std::f64::consts::PI * fraction(decay.steps);
                toward(decay.end_factor, f64::midpoint(1.0, libm::cos(angle)))
            }
            Self::Step(step) => libm::pow(step.factor, (progress / length(step.unit, step.every).max(1)) as f64),
            Self::MultiStep(steps) => {
                let passed = steps.milestones.iter().filter(|&&at| length(steps.unit, at) <= progress).count();
                libm::pow(steps.factor, passed as f64)
            }
            Self::Exponential(step) => {
                libm::pow(step.factor, progress as f64 / length(step.unit, step.every).max(1) as f64)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HORIZON: Horizon = Horizon { per_epoch: 10, total: 30 };

    fn schedule(text: &str) -> ScheduleConfig {
        toml::from_str(text).unwrap()
    }

    /// The values of PyTorch's schedulers of the same names, from `scripts/reference/schedules.py`.
    #[test]
    fn factors_equal_those_of_pytorch() {
        let text = include_str!("../tests/data/schedules.json");
        let cases: Vec<serde_json::Value> = serde_json::from_str(text).unwrap();
        assert_eq!(cases.len(), 6);
        for case in cases {
            let schedule: ScheduleConfig = serde_json::from_value(case["schedule"].clone()).unwrap();
            for (step, expected) in case["factors"].as_array().unwrap().iter().enumerate() {
                let (factor, expected) = (schedule.factor(step as u64, HORIZON), expected.as_f64().unwrap());
                assert!((factor - expected).abs() < 1e-9, "{schedule:?} at {step}: {factor} against {expected}");
            }
        }
    }

    #[test]
    fn a_warm_up_rises_in_a_straight_line_and_delays_the_course() {
        let schedule = schedule("warmup_steps = 4\nwarmup_factor = 0.5\ncourse = { type = \"linear\" }");
        let factors: Vec<f64> = (0..6).map(|step| schedule.factor(step, HORIZON)).collect();
        for (factor, expected) in factors.iter().zip([0.6, 0.7, 0.8, 0.9, 1.0, 1.0 - 1.0 / 26.0]) {
            assert!((factor - expected).abs() < 1e-12, "{factors:?}");
        }
    }

    #[test]
    fn a_decay_ends_at_its_end_factor_and_stays_there() {
        for name in ["linear", "cosine"] {
            let schedule = schedule(&format!("course = {{ type = \"{name}\", end_factor = 0.1, steps = 7 }}"));
            for step in [7, 8, 1000] {
                assert!((schedule.factor(step, HORIZON) - 0.1).abs() < 1e-12, "{name}");
            }
        }
    }

    #[test]
    fn lengths_in_epochs_are_those_in_steps_times_the_steps_of_an_epoch() {
        for (course, key) in [("step", "every = "), ("exponential", "every = "), ("multi_step", "milestones = [")] {
            let end = if course == "multi_step" { "]" } else { "" };
            let text = |n: u64, unit: &str| {
                format!("course = {{ type = \"{course}\", factor = 0.5, {key}{n}{end}, unit = \"{unit}\" }}")
            };
            let (epochs, steps) = (schedule(&text(2, "epoch")), schedule(&text(20, "step")));
            for step in 0..50 {
                assert_eq!(epochs.factor(step, HORIZON), steps.factor(step, HORIZON), "{course} {step}");
            }
            assert!(steps.factor(20, HORIZON) == 0.5 && steps.factor(19, HORIZON) > 0.5);
        }
    }

    #[test]
    fn lengths_beyond_any_run_are_no_trouble() {
        let schedule = schedule("course = { type = \"step\", every = 18446744073709551615, unit = \"epoch\" }");
        assert_eq!(schedule.factor(u64::MAX, HORIZON), 0.1);
        let none = Horizon { per_epoch: 0, total: 0 };
        for course in ["linear", "cosine"] {
            let factor = self::schedule(&format!("course = {{ type = \"{course}\" }}")).factor(0, none);
            assert!(factor == 1.0, "{course} {factor}");
        }
    }
}
