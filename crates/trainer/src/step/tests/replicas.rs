//! A batch on several replicas gives what it gives on one.
use burn::backend::flex::FlexDevice;
use burn::backend::{Flex, NdArray};
use ctr_data::{HostBatch, RowPlanner};
use ctr_model::ModelBackend;
use ctr_model::embedding::EmbeddingTable;
use ctr_model::parameters;

use super::{BATCH, CARDINALITIES, NUMERIC, WIDTH, batch, learner_of, schema};
use crate::diagnosis::{Cause, diagnose};
use crate::learner::Learner;
use crate::repro::replica_seed;
use crate::step::replicas::devices;

const STEPS: u64 = 5;

/// Losses and parameters differ by this much at most: sums are taken in other orders.
const TOLERANCE: f64 = 2e-5;

/// Without batch norm and dropout nothing depends on which rows stand beside a row.
const MODELS: [&str; 3] = [
    "type = \"dnn\"\nhidden_units = [64, 32]\nactivation = \"SmeLU(beta=0.5)\"\n",
    "type = \"dnn\"\nhidden_units = [32, 16]\nactivation = \"SmeLU(beta=0.5@unit)\"\n[ensemble]\nmembers = 2\n",
    "type = \"deepfm\"\nhidden_units = [32, 16]\nactivation = \"SmeLU(beta=0.5)\"\n",
];

/// Rows beside each other matter, and so do masks.
const COUPLED: &str =
    "type = \"dnn\"\nhidden_units = [64, 32]\nactivation = \"SmeLU(beta=0.5)\"\nbatch_norm = true\ndropout = 0.2\n";

const EMBEDDINGS: [&str; 2] = [
    "init_std = 0.1\n",
    "init_std = 0.1\nmode = \"sparse\"\nl2 = 0.01\noptimizer = { type = \"rowwise_adagrad\", learning_rate = 0.05 }\n",
];

fn learner<B: ModelBackend>(model: &str, embedding: &str, training: &str, replicas: usize) -> Learner<B> {
    learner_of::<B>(&schema(), model, embedding, &format!("{training}replicas = {replicas}\n"))
}

/// The first rows of a batch.
fn head(batch: &HostBatch, rows: usize, learner: &Learner<impl ModelBackend>) -> HostBatch {
    let mut head = batch.clone();
    head.examples.truncate(rows);
    head.labels.truncate(rows);
    head.numeric.truncate(rows * NUMERIC);
    head.categorical.truncate(rows * CARDINALITIES.len());
    head.plan = RowPlanner::new().plan(&head.categorical, &head.bags, &learner.layout).unwrap();
    head
}

fn losses<B: ModelBackend>(mut learner: Learner<B>, rows: usize) -> (Learner<B>, Vec<f64>) {
    let mut losses = Vec::new();
    for step in 0..STEPS {
        let batch = head(&batch(step, &learner.layout), rows, &learner);
        let loss;
        (learner, loss) = learner.step(&batch);
        losses.push(loss);
    }
    (learner, losses)
}

/// Dense parameters and table weights.
fn numbers<B: ModelBackend>(learner: &Learner<B>) -> Vec<f32> {
    let dense = parameters::collect(&learner.model).into_iter().flat_map(|parameter| parameter.values);
    dense.chain(learner.tables().tables().iter().flat_map(EmbeddingTable::weights)).collect()
}

fn several_replicas_train_as_one<B: ModelBackend>() {
    for model in MODELS {
        for embedding in EMBEDDINGS {
            for training in ["", "gradient_clip_norm = 0.05\n"] {
                // Parts of one length, of several, of one and two examples, and fewer examples than replicas.
                for (replicas, rows) in [(2, BATCH), (3, BATCH), (3, 4), (4, 1)] {
                    let (one, expected) = losses(learner::<B>(model, embedding, training, 1), rows);
                    let (several, actual) = losses(learner::<B>(model, embedding, training, replicas), rows);
                    let name = format!("{model}{embedding}{training}{replicas} replicas, {rows} rows");
                    for (actual, expected) in actual.iter().zip(&expected) {
                        assert!((actual - expected).abs() <= TOLERANCE * expected, "{name}: {actual} {expected}");
                    }
                    for (actual, expected) in numbers(&several).into_iter().zip(numbers(&one)) {
                        // A step of Adam is as long as the learning rate whatever a gradient's size, and so is the error of one near zero.
                        let near = f64::from((actual - expected).abs()) <= TOLERANCE + 2e-3 * f64::from(expected.abs());
                        assert!(near, "{name}: {actual} {expected}");
                    }
                }
            }
        }
    }
}

#[test]
fn several_replicas_train_as_one_on_flex() {
    several_replicas_train_as_one::<Flex>();
}

#[test]
fn several_replicas_train_as_one_on_ndarray() {
    several_replicas_train_as_one::<NdArray>();
}

#[test]
fn replicas_repeat_bit_for_bit_and_have_masks_of_their_own() {
    let train = |replicas| {
        let (learner, losses) = losses(learner::<Flex>(COUPLED, EMBEDDINGS[1], "", replicas), BATCH);
        (numbers(&learner).into_iter().map(f32::to_bits).collect::<Vec<_>>(), losses)
    };
    for replicas in [2, 3] {
        assert!(train(replicas) == train(replicas), "{replicas}");
    }
    assert!(train(2).1 != train(1).1);
    let seeds: Vec<u64> = (0..64).map(|replica| replica_seed(7, replica)).collect();
    assert_eq!(seeds[0], 7);
    assert!((0..64).all(|replica| !seeds[..replica].contains(&seeds[replica])), "{seeds:?}");
}

/// Two equal halves of a batch: without dropout their loss is that of one half, with dropout it is not.
#[test]
fn each_replica_drops_units_of_its_own() {
    let loss = |dropout: &str, replicas, is_doubled: bool| {
        let model = format!("type = \"dnn\"\nhidden_units = [64]\ndropout = {dropout}\n");
        let learner = learner::<Flex>(&model, EMBEDDINGS[0], "", replicas);
        let mut half = head(&batch(0, &learner.layout), BATCH / 2, &learner);
        if is_doubled {
            half.examples.extend_from_within(..);
            half.labels.extend_from_within(..);
            half.numeric.extend_from_within(..);
            half.categorical.extend_from_within(..);
            half.plan = RowPlanner::new().plan(&half.categorical, &half.bags, &learner.layout).unwrap();
        }
        learner.step(&half).1
    };
    assert!((loss("0.0", 2, true) - loss("0.0", 1, false)).abs() < 1e-6);
    assert!((loss("0.5", 2, true) - loss("0.5", 1, false)).abs() > 1e-4);
}

/// Running statistics are those of the first replica's rows, whatever the others saw.
#[test]
fn running_statistics_are_those_of_the_first_replica() {
    let model = "type = \"dnn\"\nhidden_units = [8]\nbatch_norm = true\n";
    let statistics = |replicas, rows| {
        let learner = learner::<Flex>(model, EMBEDDINGS[0], "", replicas);
        let batch = head(&batch(0, &learner.layout), rows, &learner);
        let (learner, _) = learner.step(&batch);
        let statistics = parameters::collect(&learner.model).into_iter().filter(|p| parameters::is_statistic(&p.name));
        statistics.flat_map(|parameter| parameter.values).collect::<Vec<f32>>()
    };
    let (of_half, of_two) = (statistics(1, BATCH / 2), statistics(2, BATCH));
    assert_eq!(of_half.len(), 16);
    for (half, two) in of_half.iter().zip(&of_two) {
        assert!((half - two).abs() <= 1e-6, "{half} {two}");
    }
    assert!(of_half != statistics(1, BATCH));
}

#[test]
fn a_loss_of_one_replica_that_is_no_number_updates_nothing() {
    let learner = learner::<Flex>(MODELS[0], EMBEDDINGS[0], "", 3);
    let before = numbers(&learner);
    let mut batch = batch(0, &learner.layout);
    batch.numeric[(BATCH - 1) * NUMERIC] = f32::NAN;
    let (after, loss) = learner.step(&batch);
    assert!(loss.is_nan());
    assert_eq!((numbers(&after), after.steps), (before, 0));
    assert_eq!(diagnose(&after, &batch), Cause::Numeric { rows: vec![BATCH as u64 - 1] });
}

#[test]
fn the_rows_of_a_layer_that_overflows_are_those_of_the_batch() {
    let mut learner = learner::<Flex>(MODELS[0], EMBEDDINGS[0], "", 3);
    let batch = batch(0, &learner.layout);
    // A row of the last field, so that few examples have it.
    let row = batch.plan.rows[batch.plan.rows.len() - 1];
    learner.tables.host_mut().tables_mut()[0].set_row(row as usize, &[3e38; WIDTH]).unwrap();
    let id = row - u64::from(CARDINALITIES[..3].iter().sum::<u32>());
    let ids = batch.categorical.chunks_exact(CARDINALITIES.len());
    let rows = ids.zip(&batch.examples).filter(|(ids, _)| u64::from(ids[3]) == id).map(|(_, &row)| row).collect();
    let (after, loss) = learner.step(&batch);
    assert!(!loss.is_finite(), "{loss}");
    assert_eq!(diagnose(&after, &batch), Cause::Layer { layer: 0, activation: false, rows });
}

#[test]
fn a_device_without_a_number_is_that_of_all_replicas() {
    assert_eq!(devices(&FlexDevice, 3, |_| 1), [FlexDevice; 3]);
    assert_eq!(devices(&FlexDevice, 1, |_| unreachable!("one replica asks for no other device")), [FlexDevice]);
}

#[cfg(feature = "wgpu")]
#[test]
fn wgpu_numbered_devices_follow_each_other_round_and_round() {
    use burn::backend::wgpu::WgpuDevice::{DefaultDevice, DiscreteGpu};
    assert_eq!(devices(&DiscreteGpu(1), 4, |_| 3), [1, 2, 0, 1].map(DiscreteGpu));
    assert_eq!(devices(&DiscreteGpu(0), 2, |_| 1), [DiscreteGpu(0), DiscreteGpu(0)]);
    assert_eq!(devices(&DefaultDevice, 2, |_| 3), [DefaultDevice, DefaultDevice]);
}
