//! Ten steps of every optimiser against `scripts/reference/optimizers.py`.
use std::collections::BTreeMap;

use burn::backend::flex::FlexDevice;
use burn::backend::{Autodiff, Flex};
use burn::module::{Module, Param};
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use ctr_model::embedding::{EmbeddingTables, TableSpec, UpdateRule};
use ctr_model::optim::{DenseOptimizer, OptimizerConfig, RowOptimizerConfig, UpdateStep};
use ctr_model::parameters;
use serde::Deserialize;

use crate::embedding::Plan;
use crate::values::{assert_close, elements};

#[derive(Deserialize)]
struct Golden {
    rows: usize,
    width: usize,
    start: Vec<f32>,
    lookups: Vec<Vec<u64>>,
    lookup_grads: Vec<Vec<f32>>,
    dense_grads: Vec<Vec<f32>>,
    sparse: Vec<Run<RowOptimizerConfig>>,
    dense: Vec<Run<OptimizerConfig>>,
}

#[derive(Deserialize)]
struct Run<O> {
    optimizer: O,
    end: Vec<f32>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../data/optimizers.json")).unwrap()
}

fn step(index: usize) -> UpdateStep {
    UpdateStep { number: index as u64 + 1, rate_scale: 1.0, grad_scale: 1.0 }
}

fn tables(golden: &Golden, rule: UpdateRule) -> EmbeddingTables {
    let spec = TableSpec::new("t", golden.width, 0.0);
    let mut tables = EmbeddingTables::new(&[spec], golden.rows as u64, rule, 0).unwrap();
    tables.tables_mut()[0].set_weights(&golden.start).unwrap();
    tables
}

fn train(golden: &Golden, tables: &mut EmbeddingTables, lookups: &[Vec<u64>], grads: &[Vec<f32>]) -> Vec<f32> {
    for (index, (lookups, grads)) in lookups.iter().zip(grads).enumerate() {
        let plan = Plan::new(lookups);
        let grads = TensorData::new(grads.clone(), [lookups.len(), 1, golden.width]);
        let grads = Tensor::<Flex, 3>::from_data(grads, &FlexDevice);
        let grads = tables.reduce(vec![Some(grads)], plan.lookups());
        tables.update(&grads, plan.lookups(), step(index));
    }
    tables.tables()[0].weights()
}

#[test]
fn row_optimisers_equal_their_published_rules() {
    let golden = golden();
    assert_eq!(golden.sparse.len(), 8);
    for run in &golden.sparse {
        let mut tables = tables(&golden, UpdateRule::sparse(run.optimizer.clone()));
        let weights = train(&golden, &mut tables, &golden.lookups, &golden.lookup_grads);
        assert_close(&format!("{:?}", run.optimizer), &weights, &run.end, 2e-6);
        let untouched = (golden.rows - 1) * golden.width..;
        assert_eq!(weights[untouched.clone()], golden.start[untouched]);
    }
}

#[test]
fn tables_in_dense_mode_equal_pytorch_on_a_dense_parameter() {
    let golden = golden();
    let all: Vec<Vec<u64>> = golden.dense_grads.iter().map(|_| (0..golden.rows as u64).collect()).collect();
    for run in &golden.dense {
        let optimizer = &run.optimizer;
        let rule = UpdateRule { weight_decay: optimizer.weight_decay(), ..UpdateRule::dense(optimizer.for_rows()) };
        let weights = train(&golden, &mut tables(&golden, rule), &all, &golden.dense_grads);
        assert_close(&format!("{optimizer:?}"), &weights, &run.end, 2e-6);
    }
}

#[derive(Module, Debug)]
struct One<B: Backend> {
    weight: Param<Tensor<B, 2>>,
}

type A = Autodiff<Flex>;

fn dense_run(golden: &Golden, config: &OptimizerConfig, interrupted: bool) -> (Vec<f32>, BTreeMap<String, Vec<f32>>) {
    let shape = [golden.rows, golden.width];
    let start = TensorData::new(golden.start.clone(), shape);
    let mut module = One::<A> { weight: Param::from_tensor(Tensor::from_data(start, &FlexDevice)) };
    let mut optimizer = DenseOptimizer::<Flex>::new(config.clone());
    for (index, grads) in golden.dense_grads.iter().enumerate() {
        if interrupted && index == 4 {
            let state = optimizer.state();
            optimizer = DenseOptimizer::new(config.clone());
            optimizer.set_state(&state, &parameters::collect(&module), &FlexDevice).unwrap();
        }
        // The gradient of Σ w·g is g.
        let grads = Tensor::<A, 2>::from_data(TensorData::new(grads.clone(), shape), &FlexDevice);
        let gradients = (module.weight.val() * grads).sum().backward();
        module = optimizer.step(module, gradients, step(index));
    }
    let state = optimizer.state().into_iter().map(|state| (state.name, state.values)).collect();
    (elements(module.weight.val()), state)
}

#[test]
fn dense_optimisers_equal_pytorch() {
    let golden = golden();
    assert_eq!(golden.dense.len(), 6);
    for run in &golden.dense {
        let (weights, _) = dense_run(&golden, &run.optimizer, false);
        assert_close(&format!("{:?}", run.optimizer), &weights, &run.end, 2e-6);
    }
}

#[test]
fn a_step_is_scaled_down_to_its_largest_size() {
    let golden = golden();
    let shape = [golden.rows, golden.width];
    let after = |config: &OptimizerConfig, limit: Option<f64>| {
        let start = TensorData::new(golden.start.clone(), shape);
        let module = One::<A> { weight: Param::from_tensor(Tensor::from_data(start, &FlexDevice)) };
        let grads = Tensor::<A, 2>::from_data(TensorData::new(golden.dense_grads[0].clone(), shape), &FlexDevice);
        let gradients = (module.weight.val() * grads).sum().backward();
        let mut optimizer = DenseOptimizer::<Flex>::new(config.clone()).with_update_clip(limit);
        elements(optimizer.step(module, gradients, step(0)).weight.val())
    };
    for run in &golden.dense {
        let change = |values: &[f32]| -> Vec<f64> {
            values.iter().zip(&golden.start).map(|(after, before)| f64::from(after - before)).collect()
        };
        let size = |change: &[f64]| (change.iter().map(|c| c * c).sum::<f64>() / change.len() as f64).sqrt();
        let free = after(&run.optimizer, None);
        let rate = run.optimizer.learning_rate();
        let in_rates = size(&change(&free)) / rate;
        assert_eq!(after(&run.optimizer, Some(1.1 * in_rates)), free, "{:?}", run.optimizer);
        let half: Vec<f64> = change(&after(&run.optimizer, Some(0.5 * in_rates)));
        for (half, whole) in half.iter().zip(change(&free)) {
            assert!((half - 0.5 * whole).abs() < 1e-6, "{:?}: {half} {whole}", run.optimizer);
        }
    }
}

#[test]
fn dense_optimisers_go_on_from_their_saved_state() {
    let golden = golden();
    for run in &golden.dense {
        assert_eq!(dense_run(&golden, &run.optimizer, true), dense_run(&golden, &run.optimizer, false));
    }
}
