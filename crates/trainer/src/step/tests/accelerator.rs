//! The same steps on an accelerator as on Flex: first losses, then everything that training changes.
use std::io::{Write, stderr};

use ctr_model::ModelBackend;
use ctr_model::embedding::EmbeddingTable;
use ctr_model::parameters;

use super::{batch, learner_of, schema};
use crate::config::{BackendKind, DeviceSpec};
use crate::device::{WithBackend, with_backend};

/// Losses of a step on two backends differ by this much of their size at most.
const LOSS_TOLERANCE: f64 = 1e-4;

const STEPS: u64 = 5;

/// A deep network, and a factorisation machine beside one, which has two tables. No dropout.
const MODELS: [&str; 2] = [
    r#"
type = "dnn"
hidden_units = [64, 32]
activation = "SmeLU(beta=0.5)"
batch_norm = true
"#,
    r#"
type = "deepfm"
hidden_units = [32, 16]
activation = "SmeLU(beta=0.5)"
"#,
];

/// Whole tables by Adam; rows by an optimiser of their own.
const EMBEDDINGS: [&str; 3] = [
    "init_std = 0.1\n",
    "init_std = 0.1\nmode = \"sparse\"\noptimizer = { type = \"rowwise_adagrad\", learning_rate = 0.05 }\n",
    "init_std = 0.1\nmode = \"sparse\"\nl2 = 0.01\noptimizer = { type = \"lazy_adam\", learning_rate = 0.01 }\n",
];

/// A few steps of a model.
#[derive(Clone, Copy, Debug)]
struct Steps<'a> {
    model: &'a str,
    embedding: &'a str,
    training: &'a str,
    /// Whether the tables are to be in the device's memory, where it has its own.
    placed: bool,
    /// Whether batches are sent there ahead of their step.
    sent: bool,
}

/// What a few steps gave.
#[derive(Debug, PartialEq)]
struct Trained {
    losses: Vec<f64>,
    /// The bits of all dense parameters and table weights.
    bits: Vec<u32>,
}

impl WithBackend for Steps<'_> {
    type Output = Trained;

    fn run<B: ModelBackend>(self, _device: B::Device) -> Trained {
        let mut learner = learner_of::<B>(&schema(), self.model, self.embedding, self.training);
        if self.placed {
            learner.place_tables().unwrap();
        }
        let mut losses = Vec::new();
        // The first batch comes once more at the end, to show what was learnt.
        let layout = learner.layout.clone();
        let batches = (0..STEPS).chain([0]).map(move |step| Ok(batch(step, &layout)));
        for item in learner.transfers(batches) {
            let (batch, sent) = item.unwrap();
            assert_eq!(sent.is_some(), learner.tables.are_placed() && learner.replicas.len() == 1);
            let loss;
            (learner, loss) = learner.step_in_parts(&batch, sent.filter(|_| self.sent), |_| ());
            losses.push(loss);
        }
        learner.fetch_tables().unwrap();
        let dense = parameters::collect(&learner.model).into_iter().flat_map(|parameter| parameter.values);
        let rows = learner.tables().tables().iter().flat_map(EmbeddingTable::weights);
        Trained { losses, bits: dense.chain(rows).map(f32::to_bits).collect() }
    }
}

/// What a few steps give on a device; nothing where it is not there.
fn train(backend: BackendKind, steps: Steps<'_>) -> Option<Trained> {
    let spec = DeviceSpec { backend, index: None };
    match with_backend(spec, steps) {
        Ok(trained) => Some(trained),
        Err(error) => {
            // Not through the printing macros, whose output a test that passes does not show.
            let _ = writeln!(stderr(), "{error}: its tests are skipped");
            None
        }
    }
}

/// The largest difference of two losses, relative to the second.
fn largest_error(losses: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(losses.len(), expected.len());
    losses.iter().zip(expected).map(|(loss, expected)| (loss - expected).abs() / expected).fold(0.0, f64::max)
}

fn five_steps_equal_those_on_flex(backend: BackendKind) {
    for model in MODELS {
        for embedding in EMBEDDINGS {
            for (training, placed) in
                [("", true), ("gradient_clip_norm = 0.05\n", true), ("replicas = 2\n", true), ("", false)]
            {
                let steps = Steps { model, embedding, training, placed, sent: true };
                let Some(trained) = train(backend, steps) else { return };
                let expected = train(BackendKind::Flex, steps).expect("Flex is always there");
                let error = largest_error(&trained.losses, &expected.losses);
                assert!(error <= LOSS_TOLERANCE, "{steps:?}: {error:e}, {trained:?}");
                assert!(expected.losses.last() < expected.losses.first(), "{steps:?}: nothing learnt");
                for sent in [true, false] {
                    let again = train(backend, Steps { sent, ..steps }).expect("it was there");
                    assert!(again == trained, "{steps:?}: another run, batches sent ahead: {sent}, differs");
                }
            }
        }
    }
}

#[cfg(feature = "wgpu")]
#[test]
fn wgpu_five_steps_equal_those_on_flex() {
    five_steps_equal_those_on_flex(BackendKind::Wgpu);
}

#[cfg(feature = "cuda")]
#[test]
fn cuda_five_steps_equal_those_on_flex() {
    five_steps_equal_those_on_flex(BackendKind::Cuda);
}
