//! Ranges: every number of a config is in its range before a plan exists.
//!
//! Training computes in f32, so a number must keep its range there: `1e-60` is positive as f64 and zero as f32. Upper
//! bounds are far beyond any use; they turn a slip of the keyboard into a message instead of an allocation that fails.

use std::fmt::Display;
use std::ops::RangeInclusive;

use ctr_data::config::{Dim, FieldConfig};
use ctr_model::model::ModelError;

use super::block_shuffle::BlockShuffleConfig;
use super::document::{Node, Segment, Value, key_path};
use super::error::ConfigError;
use super::model::{InputShape, ModelConfig};
use super::optimizer::{AdagradConfig, AdamConfig, OptimizerConfig, RowOptimizerConfig, SgdConfig};
use super::raw::{CheckpointConfig, EmbeddingConfig, LoaderConfig, PerturbConfig, RunConfig, TrainingConfig};
use crate::residence::Residence;
use crate::schedule::{Course, ScheduleConfig};

pub(super) const BATCH: RangeInclusive<usize> = 1..=1 << 20;
pub(super) const THREADS: RangeInclusive<usize> = 1..=1024;
const WORKERS: RangeInclusive<usize> = 1..=64;
/// Rows of a window of blocks: more than these are as good as all.
const BLOCK_ROWS: usize = u32::MAX as usize;
const EPOCHS: RangeInclusive<usize> = 1..=1_000_000;
const WIDTH: RangeInclusive<usize> = 1..=1 << 20;

/// Checks values and says where a wrong one stands.
pub(super) struct Checker<'a> {
    root: &'a Node,
    table: Vec<Segment>,
}

type Checked = Result<(), ConfigError>;

impl<'a> Checker<'a> {
    pub(super) fn new(root: &'a Node) -> Self {
        Self { root, table: Vec::new() }
    }

    /// A checker of the keys of a table below.
    pub(super) fn table(&self, key: &str) -> Self {
        Self { root: self.root, table: self.way(key) }
    }

    fn way(&self, key: &str) -> Vec<Segment> {
        self.table.iter().cloned().chain([Segment::from(key)]).collect()
    }

    /// Whether the key is written out rather than left to its default.
    pub(super) fn is_given(&self, key: &str) -> bool {
        self.root.get(&self.way(key)).is_some()
    }

    /// The error that `key` is `value`.
    pub(super) fn invalid(&self, key: &str, value: impl Display, expected: impl Into<String>) -> ConfigError {
        let way = self.way(key);
        let origin = self.root.origin(&way).clone();
        ConfigError::Invalid { origin, key: key_path(&way), value: value.to_string(), expected: expected.into() }
    }

    pub(super) fn whole(&self, key: &str, value: usize, range: &RangeInclusive<usize>) -> Checked {
        if range.contains(&value) {
            return Ok(());
        }
        Err(self.invalid(key, value, format!("a whole number from {} to {}", range.start(), range.end())))
    }

    fn number(&self, key: &str, value: f64, expected: &str, holds: impl Fn(f32) -> bool) -> Checked {
        let single = value as f32;
        if value.is_finite() && single.is_finite() && holds(single) {
            return Ok(());
        }
        Err(self.invalid(key, format!("{value:?}"), expected))
    }

    fn positive(&self, key: &str, value: f64) -> Checked {
        self.number(key, value, "a finite number > 0 (also as f32)", |value| value > 0.0)
    }

    pub(super) fn finite(&self, key: &str, value: f64) -> Checked {
        self.number(key, value, "a finite number (also as f32)", |_| true)
    }

    pub(super) fn not_negative(&self, key: &str, value: f64) -> Checked {
        self.number(key, value, "a finite number ≥ 0 (also as f32)", |value| value >= 0.0)
    }

    fn fraction(&self, key: &str, value: f64) -> Checked {
        self.number(key, value, "a number in [0, 1) (also as f32)", |value| (0.0..1.0).contains(&value))
    }

    pub(super) fn seed(&self, key: &str, value: u64) -> Checked {
        if i64::try_from(value).is_ok() { Ok(()) } else { Err(self.invalid(key, value, "a whole number below 2^63")) }
    }

    pub(super) fn name(&self, key: &str, name: &str) -> Checked {
        let plain = |c: char| !c.is_control() && !matches!(c, '/' | '\\');
        if !name.is_empty() && !name.starts_with('.') && name.chars().all(plain) {
            return Ok(());
        }
        let expected =
            "a name for a folder: not empty, not beginning with a dot, without `/`, `\\` and control characters";
        Err(self.invalid(key, format!("{name:?}"), expected))
    }

    /// The keys of the model, for data of this shape.
    pub(super) fn model(&self, model: &ModelConfig, shape: InputShape) -> Checked {
        model.check(shape).map_err(|error| self.model_error(error))
    }

    /// The fields that keys of the model name.
    pub(super) fn model_fields(&self, model: &ModelConfig, fields: &[FieldConfig]) -> Checked {
        let categorical = fields.iter().filter_map(|field| match field {
            FieldConfig::Categorical(field) => field.names.first().map(String::as_str),
            FieldConfig::Numeric(_) => None,
        });
        model.check_names(&categorical.collect::<Vec<_>>()).map_err(|error| self.model_error(error))
    }

    fn model_error(&self, error: ModelError) -> ConfigError {
        let index = error.index.map(Segment::Index);
        let way: Vec<Segment> = self.way(error.key).into_iter().chain(index).collect();
        let (origin, key) = (self.root.origin(&way).clone(), key_path(&way));
        ConfigError::Invalid { origin, key, value: error.value, expected: error.expected }
    }

    pub(super) fn embedding(&self, embedding: &EmbeddingConfig) -> Checked {
        if let Dim::Fixed(width) = embedding.dim {
            self.whole("dim", width, &WIDTH)?;
        }
        self.not_negative("init_std", embedding.init_std)?;
        self.not_negative("l2", embedding.l2)?;
        self.not_negative("weight_decay", embedding.weight_decay)?;
        for (key, limit) in [
            ("gradient_clip_value", embedding.gradient_clip_value),
            ("gradient_clip_norm", embedding.gradient_clip_norm),
            ("update_clip_rms", embedding.update_clip_rms),
        ] {
            if let Some(limit) = limit {
                self.positive(key, limit)?;
            }
        }
        if let Some(schedule) = &embedding.schedule {
            self.table("schedule").schedule(schedule)?;
        }
        let optimizer = self.table("optimizer");
        match &embedding.optimizer {
            None => Ok(()),
            Some(RowOptimizerConfig::Sgd(config)) => optimizer.sgd(config),
            Some(RowOptimizerConfig::Adagrad(config) | RowOptimizerConfig::RowwiseAdagrad(config)) => {
                optimizer.adagrad(config)
            }
            Some(RowOptimizerConfig::LazyAdam(config) | RowOptimizerConfig::RowwiseAdam(config)) => {
                optimizer.adam(config)
            }
            Some(RowOptimizerConfig::Ftrl(config)) => {
                optimizer.positive("learning_rate", config.learning_rate)?;
                optimizer.not_negative("beta", config.beta)?;
                optimizer.not_negative("l1", config.l1)?;
                optimizer.not_negative("l2", config.l2)
            }
        }
    }

    /// Whether there can be tables on a device.
    pub(super) fn residence(&self, config: &RunConfig) -> Checked {
        let expected = match (config.embedding.residence, config.training.async_workers) {
            (Residence::Device, _) if !config.device.backend.has_numbered_devices() => {
                format!(
                    "\"auto\" or \"host\", because `device = \"{}\"` computes in the host's memory; or another `device`",
                    config.device
                )
            }
            (Residence::Device, Some(_)) => {
                "\"auto\" or \"host\", because the workers of `training.async_workers` share tables in the host's memory".to_owned()
            }
            _ => return Ok(()),
        };
        Err(self.invalid("residence", "\"device\"", expected))
    }

    pub(super) fn optimizer(&self, optimizer: &OptimizerConfig) -> Checked {
        match optimizer {
            OptimizerConfig::Adam(config) => self.adam(config),
            OptimizerConfig::AdamW(config) => {
                self.adam(&config.adam())?;
                self.not_negative("weight_decay", config.weight_decay)
            }
            OptimizerConfig::Adagrad(config) => self.adagrad(config),
            OptimizerConfig::Sgd(config) => self.sgd(config),
        }
    }

    fn adam(&self, config: &AdamConfig) -> Checked {
        self.positive("learning_rate", config.learning_rate)?;
        self.fraction("beta1", config.beta1)?;
        self.fraction("beta2", config.beta2)?;
        self.positive("epsilon", config.epsilon)
    }

    fn sgd(&self, config: &SgdConfig) -> Checked {
        self.positive("learning_rate", config.learning_rate)?;
        self.fraction("momentum", config.momentum)?;
        if config.nesterov && config.momentum == 0.0 {
            return Err(self.invalid("nesterov", true, "false, or `momentum` > 0 beside it"));
        }
        Ok(())
    }

    fn adagrad(&self, config: &AdagradConfig) -> Checked {
        self.positive("learning_rate", config.learning_rate)?;
        self.positive("epsilon", config.epsilon)
    }

    pub(super) fn training(&self, training: &TrainingConfig) -> Checked {
        self.whole("batch_size", training.batch_size, &BATCH)?;
        if let Some(window) = training.shuffle_window {
            self.whole("shuffle_window", window, &(1..=usize::MAX))?;
        }
        if let Some(BlockShuffleConfig { block, window }) = training.block_shuffle {
            let table = self.table("block_shuffle");
            table.whole("block", block, &(1..=BLOCK_ROWS))?;
            table.whole("window", window, &(1..=BLOCK_ROWS / block))?;
            if let Some(rows) = training.shuffle_window {
                return Err(self.invalid("shuffle_window", rows, "no such key beside the table `block_shuffle`"));
            }
        }
        self.whole("replicas", training.replicas, &WORKERS)?;
        if let Some(workers) = training.async_workers {
            self.whole("async_workers", workers, &WORKERS)?;
            if training.replicas > 1 {
                return Err(self.invalid("async_workers", workers, "no such key beside `replicas`"));
            }
        }
        self.whole("epochs", training.epochs, &EPOCHS)?;
        for (key, limit) in [
            ("tensor_clip_value", training.tensor_clip_value),
            ("tensor_clip_norm", training.tensor_clip_norm),
            ("gradient_clip_norm", training.gradient_clip_norm),
        ] {
            if let Some(limit) = limit {
                self.positive(key, limit)?;
            }
        }
        if let Some(limit) = training.update_clip_rms {
            self.positive("update_clip_rms", limit)?;
        }
        self.not_negative("min_delta", training.min_delta)?;
        if let Some(schedule) = &training.schedule {
            self.table("schedule").schedule(schedule)?;
        }
        if let Some(reduce) = &training.reduce_lr_on_plateau {
            let table = self.table("reduce_lr_on_plateau");
            table.number("factor", reduce.factor, "a number in (0, 1) (also as f32)", |factor| {
                factor > 0.0 && factor < 1.0
            })?;
            table.not_negative("min_lr", reduce.min_lr)?;
        }
        Ok(())
    }

    pub(super) fn perturb(&self, perturb: &PerturbConfig, replicas: usize) -> Checked {
        let Some(order) = perturb.reduction_order else { return Ok(()) };
        self.seed("reduction_order", order)?;
        let dropout = self.root.get(&["model".into(), "dropout".into()]).map(|node| &node.value);
        let drops = match dropout {
            Some(Value::Float(rate)) => *rate > 0.0,
            Some(Value::Integer(rate)) => *rate > 0,
            _ => false,
        };
        if drops {
            let expected = "absent, because `model.dropout` is above 0: its masks would fall on other rows, which is no matter of rounding";
            return Err(self.invalid("reduction_order", order, expected));
        }
        if replicas > 1 {
            let expected = "absent, because `training.replicas` is above 1: examples would change their replica, which is no matter of rounding";
            return Err(self.invalid("reduction_order", order, expected));
        }
        Ok(())
    }

    pub(super) fn loader(&self, loader: &LoaderConfig) -> Checked {
        self.whole("threads", loader.threads, &(0..=*THREADS.end()))?;
        self.whole("prefetch", loader.prefetch, &(1..=1 << 16))
    }

    pub(super) fn checkpoint(&self, checkpoint: &CheckpointConfig) -> Checked {
        self.not_negative("every_minutes", checkpoint.every_minutes)?;
        self.whole("keep_last", checkpoint.keep_last, &(1..=1 << 20))
    }

    fn schedule(&self, schedule: &ScheduleConfig) -> Checked {
        self.closed_fraction("warmup_factor", schedule.warmup_factor)?;
        let course = self.table("course");
        match &schedule.course {
            Course::Constant(_) => Ok(()),
            Course::Linear(decay) | Course::Cosine(decay) => {
                course.closed_fraction("end_factor", decay.end_factor)?;
                if decay.steps == Some(0) {
                    return Err(course.invalid(
                        "steps",
                        0,
                        "at least 1, or no such key for all steps after the warm-up",
                    ));
                }
                Ok(())
            }
            Course::Step(step) | Course::Exponential(step) => {
                course.factor(step.factor)?;
                if step.every == 0 { Err(course.invalid("every", 0, "at least 1")) } else { Ok(()) }
            }
            Course::MultiStep(steps) => {
                course.factor(steps.factor)?;
                if steps.milestones.is_sorted_by(|a, b| a < b) {
                    return Ok(());
                }
                Err(course.invalid("milestones", format!("{:?}", steps.milestones), "numbers that ascend"))
            }
        }
    }

    pub(super) fn closed_fraction(&self, key: &str, value: f64) -> Checked {
        self.number(key, value, "a number in [0, 1]", |value| (0.0..=1.0).contains(&value))
    }

    fn factor(&self, value: f64) -> Checked {
        self.number("factor", value, "a number in (0, 1] (also as f32)", |value| value > 0.0 && value <= 1.0)
    }
}
