//! Every model on a device beside Flex.
use burn::backend::Flex;
use ctr_model::ModelBackend;
use ctr_model::model::ModelConfig;
use ctr_model::optim::AdamConfig;

use crate::cases::{BOTH, models};
use crate::learner::{Batch, Learner, Step};
use crate::values::{assert_close_to_scale, normals};

const ROWS: u64 = 40;
const BATCH: usize = 33;
const STEPS: u64 = 5;

/// Losses of a step on two backends differ by this much of their size at most.
const LOSS_TOLERANCE: f32 = 1e-4;

/// Logits and gradients of the first step differ by this much of the largest of their tensor at most.
const TENSOR_TOLERANCE: f32 = 1e-4;

/// A gradient that is smaller everywhere than this is what rounding leaves of zero, as that of a bias ahead of batch norm.
const ZERO: f32 = 1e-2;

fn batch(step: u64) -> Batch {
    let id = |value: &f32| (value.abs() * 20.0) as u64 % ROWS;
    Batch {
        ids: normals(3 * step, BATCH * BOTH.categorical).iter().map(id).collect(),
        numeric: normals(3 * step + 1, BATCH * BOTH.numeric),
        labels: normals(3 * step + 2, BATCH).iter().map(|v| f32::from(u8::from(*v > 0.5))).collect(),
    }
}

fn train<B: ModelBackend>(config: &ModelConfig) -> Vec<Step> {
    let adam = AdamConfig { learning_rate: 0.01, ..AdamConfig::default() };
    let mut learner = Learner::<B>::new(config, BOTH, ROWS, adam, 1e-3, 7);
    (0..STEPS).map(|step| learner.step(&batch(step))).collect()
}

/// Everything that the steps computed, as bits.
fn bits(steps: &[Step]) -> Vec<u32> {
    let mut bits = Vec::new();
    for step in steps {
        bits.push(step.loss.to_bits());
        let gradients = step.gradients.iter().filter_map(|(_, gradient)| gradient.as_ref());
        for values in [&step.logits].into_iter().chain(gradients).chain(&step.leaves) {
            bits.extend(values.iter().map(|value| value.to_bits()));
        }
    }
    bits
}

fn first_steps_have_the_same_numbers(config: &ModelConfig, step: &Step, expected: &Step) {
    assert_close_to_scale(&format!("{config:?}: logits"), &step.logits, &expected.logits, TENSOR_TOLERANCE, ZERO);
    assert_eq!(step.gradients.len(), expected.gradients.len(), "{config:?}");
    for ((name, actual), (expected_name, expected)) in step.gradients.iter().zip(&expected.gradients) {
        assert_eq!(name, expected_name);
        let (actual, expected) = (actual.as_ref().unwrap(), expected.as_ref().unwrap());
        assert_close_to_scale(&format!("{config:?}: {name}"), actual, expected, TENSOR_TOLERANCE, ZERO);
    }
    assert_eq!(step.leaves.len(), expected.leaves.len(), "{config:?}");
    for (table, (actual, expected)) in step.leaves.iter().zip(&expected.leaves).enumerate() {
        let name = format!("{config:?}: rows of table {table}");
        assert_close_to_scale(&name, actual, expected, TENSOR_TOLERANCE, ZERO / 10.0);
    }
}

fn every_model_trains_as_on_flex_and_repeats<B: ModelBackend>() {
    for config in models() {
        let (steps, expected) = (train::<B>(&config), train::<Flex>(&config));
        first_steps_have_the_same_numbers(&config, &steps[0], &expected[0]);
        for (index, (step, expected)) in steps.iter().zip(&expected).enumerate() {
            let error = (step.loss - expected.loss).abs() / expected.loss;
            assert!(error <= LOSS_TOLERANCE, "{config:?}, step {index}: {} against {}", step.loss, expected.loss);
        }
        assert!(bits(&steps) == bits(&train::<B>(&config)), "{config:?}: two trainings differ");
    }
}

macro_rules! on_devices {
    ($($feature:literal, $module:ident, $backend:ty;)*) => {$(
        #[cfg(feature = $feature)]
        mod $module {
            #[test]
            fn every_model_trains_as_on_flex_and_repeats() {
                if crate::device::works::<$backend>() {
                    super::every_model_trains_as_on_flex_and_repeats::<$backend>();
                }
            }
        }
    )*};
}

on_devices! {
    "wgpu", wgpu, burn::backend::Wgpu;
    "cuda", cuda, burn::backend::Cuda;
}
