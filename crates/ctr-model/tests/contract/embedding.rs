//! Tables against a plain scalar replay.
use burn::backend::flex::FlexDevice;
use burn::tensor::Tensor;
use ctr_model::embedding::{EmbeddingTables, Lookups, RowClip, TableSpec, UpdateRule, UpdateScope, segment_sum};
use ctr_model::optim::{AdagradConfig, AdamConfig, FtrlConfig, RowOptimizerConfig, SgdConfig, UpdateStep};
use proptest::prelude::*;

use crate::values::{assert_close, elements, normals};

type B = burn::backend::Flex;

/// The factors of a schedule and of clipping.
const RATE_SCALE: f64 = 0.75;
const GRAD_SCALE: f64 = 0.5;

/// A row plan made the plain way.
pub(crate) struct Plan {
    rows: Vec<u64>,
    inverse: Vec<u32>,
    offsets: Vec<u32>,
    order: Vec<u32>,
}

impl Plan {
    pub(crate) fn new(lookups: &[u64]) -> Self {
        let mut rows = lookups.to_vec();
        rows.sort_unstable();
        rows.dedup();
        let inverse: Vec<u32> = lookups.iter().map(|row| rows.binary_search(row).unwrap() as u32).collect();
        let mut order: Vec<u32> = (0..lookups.len() as u32).collect();
        order.sort_by_key(|&n| inverse[n as usize]);
        let offsets = (0..=rows.len() as u32)
            .map(|unique| order.partition_point(|&n| inverse[n as usize] < unique) as u32)
            .collect();
        Self { rows, inverse, offsets, order }
    }

    pub(crate) fn lookups(&self) -> Lookups<'_> {
        let Self { rows, inverse, offsets, order } = self;
        Lookups { rows, inverse, offsets, order, bags: &[], factors: &[] }
    }
}

fn specs() -> Vec<TableSpec> {
    [("embedding", 4), ("linear", 1)].map(|(name, width)| TableSpec::new(name, width, 0.1)).to_vec()
}

pub(crate) fn rules() -> Vec<UpdateRule> {
    let adagrad = AdagradConfig { learning_rate: 0.1, epsilon: 1e-6 };
    let sgd = |momentum| SgdConfig { learning_rate: 0.1, momentum, nesterov: false };
    let clip = RowClip { value: Some(0.8), norm: Some(1.2), update_rms: Some(0.6) };
    vec![
        UpdateRule::sparse(RowOptimizerConfig::Sgd(sgd(0.0))),
        UpdateRule { l2: 0.01, ..UpdateRule::sparse(RowOptimizerConfig::Adagrad(adagrad.clone())) },
        UpdateRule { clip, ..UpdateRule::sparse(RowOptimizerConfig::RowwiseAdagrad(adagrad.clone())) },
        UpdateRule { l2: 0.02, ..UpdateRule::sparse(RowOptimizerConfig::LazyAdam(AdamConfig::default())) },
        UpdateRule { weight_decay: 0.3, clip, ..UpdateRule::sparse(RowOptimizerConfig::Sgd(sgd(0.9))) },
        UpdateRule {
            clip: RowClip { norm: Some(0.3), ..RowClip::default() },
            l2: 0.1,
            ..UpdateRule::sparse(RowOptimizerConfig::RowwiseAdam(AdamConfig {
                learning_rate: 0.05,
                ..AdamConfig::default()
            }))
        },
        UpdateRule {
            clip: RowClip { value: Some(0.5), ..RowClip::default() },
            ..UpdateRule::sparse(RowOptimizerConfig::Sgd(SgdConfig { nesterov: true, ..sgd(0.5) }))
        },
        UpdateRule::sparse(RowOptimizerConfig::Ftrl(FtrlConfig { l1: 0.01, l2: 0.1, ..FtrlConfig::default() })),
        UpdateRule { l2: 0.1, ..UpdateRule::dense(RowOptimizerConfig::LazyAdam(AdamConfig::default())) },
        UpdateRule { weight_decay: 0.2, ..UpdateRule::dense(RowOptimizerConfig::Adagrad(adagrad)) },
    ]
}

/// G of a row, in f64.
fn row_gradient(rule: &UpdateRule, weights: &[f64], sum: &[f64]) -> Vec<f64> {
    let mut g: Vec<f64> = sum.iter().zip(weights).map(|(g, w)| g + rule.l2 * w).collect();
    if let Some(limit) = rule.clip.value {
        for g in &mut g {
            *g = g.max(-limit).min(limit);
        }
    }
    if let Some(limit) = rule.clip.norm {
        let norm = g.iter().map(|g| g * g).sum::<f64>().sqrt();
        for g in &mut g {
            *g *= (limit / norm).min(1.0);
        }
    }
    g
}

/// The published rules in f64, one number at a time; `state` grows as the rule needs it. Gradients are halved by the caller's `grad_scale`.
fn replay(rule: &UpdateRule, weights: &mut [f64], state: &mut Vec<f64>, sum: &[f64], t: i32) {
    let g: Vec<f64> = row_gradient(rule, weights, sum).iter().map(|g| GRAD_SCALE * g).collect();
    let (n, rate) = (g.len(), rule.optimizer.learning_rate() * RATE_SCALE);
    for w in weights.iter_mut() {
        *w -= rate * rule.weight_decay * *w;
    }
    let before = weights.to_vec();
    let mean_square = g.iter().map(|g| g * g).sum::<f64>() / n as f64;
    state.resize(2 * n, 0.0);
    for i in 0..n {
        match &rule.optimizer {
            RowOptimizerConfig::Sgd(config) => {
                state[i] = config.momentum * state[i] + g[i];
                let ahead = if config.nesterov { g[i] + config.momentum * state[i] } else { state[i] };
                weights[i] -= rate * ahead;
            }
            RowOptimizerConfig::Adagrad(config) => {
                state[i] += g[i] * g[i];
                weights[i] -= rate * g[i] / (state[i].sqrt() + config.epsilon);
            }
            RowOptimizerConfig::RowwiseAdagrad(config) => {
                state[0] += if i == 0 { mean_square } else { 0.0 };
                weights[i] -= rate * g[i] / (state[0].sqrt() + config.epsilon);
            }
            RowOptimizerConfig::LazyAdam(config) | RowOptimizerConfig::RowwiseAdam(config) => {
                let by_row = matches!(rule.optimizer, RowOptimizerConfig::RowwiseAdam(_));
                state[i] = config.beta1 * state[i] + (1.0 - config.beta1) * g[i];
                let second = if by_row { n } else { n + i };
                if !by_row || i == 0 {
                    let square = if by_row { mean_square } else { g[i] * g[i] };
                    state[second] = config.beta2 * state[second] + (1.0 - config.beta2) * square;
                }
                let first = state[i] / (1.0 - config.beta1.powi(t));
                let second = state[second] / (1.0 - config.beta2.powi(t));
                weights[i] -= rate * first / (second.sqrt() + config.epsilon);
            }
            RowOptimizerConfig::Ftrl(config) => {
                let (z, squares) = (state[i], state[n + i]);
                let root = (squares + g[i] * g[i]).sqrt();
                let z = z + g[i] - (root - squares.sqrt()) / rate * weights[i];
                weights[i] = if z.abs() > config.l1 {
                    -(z - z.signum() * config.l1) / ((config.beta + root) / rate + config.l2)
                } else {
                    0.0
                };
                (state[i], state[n + i]) = (z, root * root);
            }
        }
    }
    if let Some(limit) = rule.clip.update_rms {
        let changes: Vec<f64> = weights.iter().zip(&before).map(|(w, before)| w - before).collect();
        let rms = (changes.iter().map(|c| c * c).sum::<f64>() / n as f64).sqrt() / rate;
        for i in 0..n {
            weights[i] = before[i] + changes[i] / (rms / limit).max(1.0);
        }
    }
}

/// Steps on tables of `rows` rows, [B, F] lookups each; returns all weights.
fn train(rule: &UpdateRule, rows: u64, steps: &[Vec<u64>]) -> EmbeddingTables {
    let mut tables = EmbeddingTables::new(&specs(), rows, rule.clone(), 7).unwrap();
    for (index, lookups) in steps.iter().enumerate() {
        let plan = Plan::new(lookups);
        let batch = lookups.len() / 2;
        let gathered = tables.gather::<B>(plan.lookups(), batch, &FlexDevice);
        let grads: Vec<Option<Tensor<B, 3>>> =
            gathered.iter().enumerate().map(|(table, leaf)| Some(gradient(leaf, (index * 2 + table) as u64))).collect();
        let grads = tables.reduce(grads, plan.lookups());
        let step = UpdateStep { number: index as u64 + 1, rate_scale: RATE_SCALE, grad_scale: GRAD_SCALE };
        tables.update(&grads, plan.lookups(), step);
    }
    tables
}

/// A gradient that depends on nothing but the seed.
fn gradient(leaf: &Tensor<B, 3>, seed: u64) -> Tensor<B, 3> {
    let [batch, fields, width] = leaf.dims();
    let values = normals(1000 + seed, batch * fields * width);
    Tensor::from_data(burn::tensor::TensorData::new(values, [batch, fields, width]), &FlexDevice)
}

fn steps(rows: u64) -> impl Strategy<Value = Vec<Vec<u64>>> {
    prop::collection::vec(prop::collection::vec(0..rows, 2..40), 1..4).prop_map(|steps| {
        steps
            .into_iter()
            .map(|mut step| {
                step.truncate(step.len() / 2 * 2);
                step
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn every_rule_equals_its_scalar_replay(steps in steps(23)) {
        for rule in rules() {
            let tables = train(&rule, 23, &steps);
            let initial = EmbeddingTables::new(&specs(), 23, rule.clone(), 7).unwrap();
            for (index, table) in tables.tables().iter().enumerate() {
                for row in 0..23 {
                    let mut weights: Vec<f64> = initial.tables()[index].row(row).iter().map(|&w| f64::from(w)).collect();
                    let mut state = Vec::new();
                    let mut touched = false;
                    for (step, lookups) in steps.iter().enumerate() {
                        let all = normals(1000 + (step * 2 + index) as u64, lookups.len() * table.width());
                        let mut grad = vec![0.0; table.width()];
                        let mut hit = false;
                        for (n, _) in lookups.iter().enumerate().filter(|(_, looked)| **looked == row as u64) {
                            hit = true;
                            for (sum, g) in grad.iter_mut().zip(&all[n * table.width()..]) {
                                *sum += f64::from(*g);
                            }
                        }
                        touched |= hit;
                        if hit || rule.scope == UpdateScope::AllRows {
                            replay(&rule, &mut weights, &mut state, &grad, step as i32 + 1);
                        }
                    }
                    let expected: Vec<f32> = weights.iter().map(|&w| w as f32).collect();
                    if !touched && rule.scope == UpdateScope::TouchedRows {
                        prop_assert_eq!(table.row(row), initial.tables()[index].row(row));
                    }
                    assert_close("row", &table.row(row), &expected, 2e-4);
                }
            }
        }
    }
}

#[test]
fn gathered_rows_are_those_of_the_table() {
    let tables = EmbeddingTables::new(&specs(), 10, rules().remove(0), 1).unwrap();
    let lookups = [3, 9, 3, 0, 9, 9];
    let plan = Plan::new(&lookups);
    let gathered = tables.gather::<B>(plan.lookups(), 3, &FlexDevice);
    assert_eq!(gathered[0].dims(), [3, 2, 4]);
    let expected: Vec<f32> =
        lookups.iter().flat_map(|&row| tables.tables()[0].row(row as usize).into_owned()).collect();
    assert_eq!(elements(gathered[0].clone()), expected);
}

#[test]
fn segmented_sums_add_lookups_in_their_order() {
    // Values whose sum depends on the order: 1e8 absorbs a 1 added to it.
    let plan = Plan::new(&[5, 2, 5, 5]);
    let sums = segment_sum(&[1e8, 7.0, -1e8, 1.0], 1, plan.lookups());
    assert_eq!(sums, [7.0, 1.0]);
}

#[test]
fn norm_is_that_of_the_gradient_with_its_l2_term() {
    for rule in rules() {
        let tables = EmbeddingTables::new(&specs(), 700, rule.clone(), 3).unwrap();
        let plan = Plan::new(&[600, 5, 5, 699]);
        let gathered = tables.gather::<B>(plan.lookups(), 2, &FlexDevice);
        let grads: Vec<_> = gathered.iter().map(|leaf| Some(leaf.clone() * 10.0)).collect();
        let grads = tables.reduce(grads, plan.lookups());
        let count = |row: u64| [600, 5, 5, 699].iter().filter(|&&looked| looked == row).count() as f64;
        let mut expected = 0.0;
        for table in tables.tables() {
            for row in 0..700_u64 {
                if count(row) > 0.0 || rule.scope == UpdateScope::AllRows {
                    let weights: Vec<f64> = table.row(row as usize).iter().map(|&w| f64::from(w)).collect();
                    let sum: Vec<f64> = weights.iter().map(|w| 10.0 * count(row) * w).collect();
                    expected += row_gradient(&rule, &weights, &sum).iter().map(|g| g * g).sum::<f64>();
                }
            }
        }
        let actual = tables.squared_norm(&grads, plan.lookups());
        assert!((actual - expected).abs() <= 1e-5 * expected, "{rule:?}: {actual} {expected}");
    }
}

#[test]
fn updates_do_not_depend_on_the_number_of_threads() {
    let lookups: Vec<u64> = normals(5, 20_000).iter().map(|v| ((v.abs() * 3000.0) as u64).min(9999)).collect();
    for rule in rules() {
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| train(&rule, 10_000, &[lookups[..10_000].to_vec(), lookups[10_000..].to_vec()]))
        };
        let one = run(1);
        let four = run(4);
        for (a, b) in one.tables().iter().zip(four.tables()) {
            assert!(a.weights() == b.weights() && a.state() == b.state(), "{rule:?}");
        }
    }
}
