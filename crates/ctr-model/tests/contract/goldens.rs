//! Every model against values from PyTorch (`scripts/reference/model_goldens.py`): logits, loss, every gradient by name, and ten steps of
//! Adam, to 1e-5 of the largest element of each. On NdArray AFN alone is held to twice that: it divides by rows close to 0, where
//! a last bit of NdArray's coarser logarithms and exponentials counts most (measured: 1.25e-5).
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ctr_model::ModelBackend;
use ctr_model::model::{InputShape, ModelConfig};
use ctr_model::optim::AdamConfig;
use ctr_model::parameters::{self, NamedParameter};
use serde::Deserialize;

use crate::learner::{Batch, Learner};
use crate::values::{assert_close, assert_close_to_scale};

const SHAPE: InputShape = InputShape { categorical: 3, numeric: 1, embedding_dim: 4 };
const BATCH: usize = 5;
const ROWS: u64 = 7;
const L2: f64 = 0.01;

#[derive(Deserialize)]
struct Golden {
    name: String,
    model: ModelConfig,
    logits: Vec<f32>,
    losses: Vec<f32>,
    gradients: BTreeMap<String, Vec<f32>>,
    leaves: Vec<Vec<f32>>,
    parameters: BTreeMap<String, Vec<f32>>,
    tables: BTreeMap<String, Vec<f32>>,
}

/// `SplitMix64` from the FNV-1a hash of a name, the upper 24 bits.
fn words(name: &str, count: usize) -> Vec<u32> {
    let fnv = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
    let mut state = name.bytes().fold(0xCBF2_9CE4_8422_2325, fnv);
    let mut next = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 40) as u32
    };
    (0..count).map(|_| next()).collect()
}

/// Numbers in [−0.5, 0.5) that are the same on both sides.
fn uniform(name: &str, count: usize) -> Vec<f32> {
    words(name, count).into_iter().map(|word| word as f32 / 16_777_216.0 - 0.5).collect()
}

fn batch() -> Batch {
    Batch {
        ids: words("ids", BATCH * SHAPE.categorical).into_iter().map(|word| u64::from(word) % ROWS).collect(),
        numeric: uniform("numeric", BATCH * SHAPE.numeric),
        labels: words("labels", BATCH).into_iter().map(|word| (word % 2) as f32).collect(),
    }
}

/// The model with the parameters that both sides start from.
fn learner<B: ModelBackend>(golden: &Golden) -> Learner<B> {
    let adam = AdamConfig { learning_rate: 0.01, epsilon: 1e-3, ..AdamConfig::default() };
    let mut learner = Learner::<B>::new(&golden.model, SHAPE, ROWS, adam, L2, 1);
    let initial: Vec<NamedParameter> = parameters::collect(&learner.model)
        .into_iter()
        .map(|parameter| {
            let statistic = parameters::is_statistic(&parameter.name);
            let values = if statistic { parameter.values } else { uniform(&parameter.name, parameter.values.len()) };
            NamedParameter { values, ..parameter }
        })
        .collect();
    learner.model = parameters::load(learner.model, &initial).unwrap();
    for table in learner.tables.tables_mut() {
        let weights = uniform(&format!("tables.{}", table.name()), table.rows() * table.width());
        table.set_weights(&weights).unwrap();
    }
    learner
}

fn equals_pytorch<B: ModelBackend>(tolerance: impl Fn(&str) -> f32) {
    let goldens: Vec<Golden> = serde_json::from_str(include_str!("goldens.json")).unwrap();
    let differ = |golden: &&Golden| {
        catch_unwind(AssertUnwindSafe(|| assert_equals_pytorch::<B>(golden, tolerance(&golden.name)))).is_err()
    };
    let names: Vec<&str> = goldens.iter().filter(differ).map(|golden| golden.name.as_str()).collect();
    assert!(names.is_empty(), "{names:?}");
}

fn assert_equals_pytorch<B: ModelBackend>(golden: &Golden, tolerance: f32) {
    let what = |part: &str| format!("{}: {part}", golden.name);
    let mut learner = learner::<B>(golden);
    let steps: Vec<_> = golden.losses.iter().map(|_| learner.step(&batch())).collect();
    assert_close(&what("logits"), &steps[0].logits, &golden.logits, tolerance);
    let losses: Vec<f32> = steps.iter().map(|step| step.loss).collect();
    assert_close(&what("losses"), &losses, &golden.losses, tolerance);
    let names: Vec<&String> = steps[0].gradients.iter().map(|(name, _)| name).collect();
    let mut expected: Vec<&String> = golden.gradients.keys().collect();
    expected.sort_by_key(|name| names.iter().position(|found| found == name));
    assert_eq!(names, expected, "{}", golden.name);
    let largest = golden.gradients.values().flatten().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    for (name, gradient) in &steps[0].gradients {
        let gradient = gradient.as_ref().unwrap_or_else(|| panic!("{}: `{name}` has no gradient", golden.name));
        // The gradient of a bias before batch norm is 0 but for rounding, which is relative to what was added up.
        let normed = before_batch_norm(golden, name);
        let least = if normed { largest } else { 0.01 * largest };
        assert_close_to_scale(&what(name), gradient, &golden.gradients[name], tolerance, least);
    }
    assert_eq!(steps[0].leaves.len(), golden.leaves.len(), "{}", golden.name);
    for (gradient, expected) in steps[0].leaves.iter().zip(&golden.leaves) {
        assert_close(&what("gathered rows"), gradient, expected, tolerance);
    }
    for parameter in parameters::collect(&learner.model) {
        let (name, expected) = (&parameter.name, &golden.parameters[&parameter.name]);
        // Such a bias walks with that rounding, step by step.
        let least = if before_batch_norm(golden, name) { golden.losses.len() as f32 } else { 1e-3 };
        assert_close_to_scale(&what(name), &parameter.values, expected, tolerance, least);
    }
    for table in learner.tables.tables() {
        assert_close(&what(table.name()), &table.weights(), &golden.tables[table.name()], tolerance);
    }
}

/// Whether a parameter is a bias that a batch norm takes away again.
fn before_batch_norm(golden: &Golden, name: &str) -> bool {
    name.strip_suffix("linear.bias").is_some_and(|layer| golden.gradients.contains_key(&format!("{layer}norm.gamma")))
}

#[test]
fn every_model_equals_pytorch_on_flex() {
    equals_pytorch::<burn::backend::Flex>(|_| 1e-5);
}

#[test]
fn every_model_equals_pytorch_on_ndarray() {
    equals_pytorch::<burn::backend::NdArray>(|name| if name.starts_with("afn") { 2e-5 } else { 1e-5 });
}

#[test]
fn every_model_of_the_registry_has_a_golden() {
    let goldens: Vec<Golden> = serde_json::from_str(include_str!("goldens.json")).unwrap();
    for info in ModelConfig::ALL {
        assert!(goldens.iter().any(|golden| golden.model.name() == info.name), "{}", info.name);
    }
}
