//! 50 steps beside PyTorch: the same initial weights and batches give the same losses (`scripts/reference/dnn_steps.py`). And the step whose
//! loss is no number.
use burn::backend::{Flex, NdArray};
use ctr_data::config::Transform;
use ctr_data::{Bags, CategoricalField, HostBatch, NumericField, RowLayout, RowPlanner, Schema};
use ctr_model::ModelBackend;
use ctr_model::parameters::{self, NamedParameter};
use serde::Deserialize;

use crate::config::{Overrides, Plan};
use crate::diagnosis::{Cause, diagnose};
use crate::learner::Learner;

#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod accelerator;
mod replicas;

const CARDINALITIES: [u32; 4] = [7, 40, 300, 1000];
const NUMERIC: usize = 2;
const WIDTH: usize = 8;
const WIDTHS: [usize; 4] = [CARDINALITIES.len() * WIDTH + NUMERIC, 64, 32, 1];
const BATCH: usize = 256;

const DATA_AND_OPTIMIZER: &str = r#"
[data.dataset]
name = "steps"
fields = [{ name = "field", type = "categorical" }]
source = { format = "synthetic", seed = 0, rows = { train = 1, valid = 1, test = 1 }, categorical = [{ name = "field", cardinality = 2 }] }
[optimizer]
type = "adam"
learning_rate = 2e-3
epsilon = 1e-8
"#;

const MODEL: &str = r#"
type = "dnn"
hidden_units = [64, 32]
activation = "SmeLU(beta=0.5)"
batch_norm = true
"#;

#[derive(Deserialize)]
struct Losses {
    single: Vec<f64>,
    double: Vec<f64>,
}

/// `SplitMix64` by position: number i of stream s.
struct Numbers(u64);

impl Numbers {
    fn stream(stream: u64) -> Self {
        Self(stream << 32)
    }

    fn next(&mut self) -> u64 {
        self.0 += 1;
        let z = self.0.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    fn weights(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.unit() / 4.0).collect()
    }
}

fn batch(step: u64, layout: &RowLayout) -> HostBatch {
    let mut numbers = Numbers::stream(1000 + step);
    let mut categorical = vec![0; BATCH * CARDINALITIES.len()];
    for (field, cardinality) in CARDINALITIES.into_iter().enumerate() {
        for id in categorical[field..].iter_mut().step_by(CARDINALITIES.len()) {
            *id = (numbers.next() % u64::from(cardinality)) as u32;
        }
    }
    let numeric: Vec<f32> = (0..BATCH * NUMERIC).map(|_| numbers.unit()).collect();
    let examples = categorical.chunks_exact(CARDINALITIES.len()).zip(numeric.chunks_exact(NUMERIC));
    let labels = examples.map(|(ids, x)| {
        let odd = |field: usize| u64::from(ids[field] % 2);
        let chance = 20 + 40 * odd(0) + 20 * (odd(1) ^ odd(2)) + if x[0] > 0.0 { 15 } else { 0 };
        f32::from(numbers.next() % 100 < chance)
    });
    let labels: Vec<f32> = labels.collect();
    let bags = Bags::default();
    let plan = RowPlanner::new().plan(&categorical, &bags, layout).unwrap();
    HostBatch { index: 0, examples: (0..BATCH as u64).collect(), labels, numeric, categorical, bags, plan }
}

fn schema() -> Schema {
    let categorical = CARDINALITIES.iter().map(|&cardinality| {
        let name = format!("c{cardinality}");
        CategoricalField { table: name.clone(), name, cardinality: u64::from(cardinality), multi_hot: None }
    });
    let numeric = (0..NUMERIC).map(|number| NumericField {
        name: format!("n{number}"),
        fill: None,
        transform: Transform::None,
        mean: 0.0,
        scale: 1.0,
    });
    Schema { label: "label".to_owned(), categorical: categorical.collect(), numeric: numeric.collect() }
}

/// A learner with the tables `[model]`, `[embedding]` and `[training]` of its config.
fn learner_of<B: ModelBackend>(schema: &Schema, model: &str, embedding: &str, training: &str) -> Learner<B> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("steps.toml");
    let config = format!(
        "{DATA_AND_OPTIMIZER}\n[model]\n{model}\n[embedding]\ndim = {WIDTH}\n{embedding}\n[training]\n{training}\n"
    );
    std::fs::write(&path, config).unwrap();
    let plan = Plan::load(&path, &Overrides::default()).unwrap();
    Learner::<B>::new(&plan, schema, B::Device::default()).unwrap()
}

/// A learner with the initial weights of the reference.
fn learner<B: ModelBackend>(schema: &Schema) -> Learner<B> {
    let mut learner = learner_of::<B>(schema, MODEL, "", "");
    let linear = ["mlp.layers.0.linear.weight", "mlp.layers.1.linear.weight", "mlp.output.weight"];
    let given = parameters::collect(&learner.model).into_iter().map(|parameter| {
        match linear.iter().position(|name| *name == parameter.name) {
            Some(layer) => {
                let shape = [WIDTHS[layer], WIDTHS[layer + 1]];
                let values = Numbers::stream(10 + layer as u64).weights(shape[0] * shape[1]);
                NamedParameter { shape: shape.to_vec(), values, ..parameter }
            }
            None => parameter,
        }
    });
    let given: Vec<_> = given.collect();
    learner.model = parameters::load(learner.model, &given).unwrap();
    let rows: u32 = CARDINALITIES.iter().sum();
    learner.tables.host_mut().tables_mut()[0].set_weights(&Numbers::stream(1).weights(rows as usize * WIDTH)).unwrap();
    learner
}

fn losses_equal_those_of_pytorch<B: ModelBackend>() {
    let expected: Losses = serde_json::from_str(include_str!("dnn_steps.json")).unwrap();
    let mut learner = learner::<B>(&schema());
    for (step, (single, double)) in expected.single.iter().zip(&expected.double).enumerate() {
        let batch = batch(step as u64, &learner.layout);
        let loss;
        (learner, loss) = learner.step(&batch);
        for (precision, expected) in [("single", single), ("double", double)] {
            let error = (loss - expected).abs() / expected;
            assert!(error <= 1e-5, "step {step}: {loss}, PyTorch in {precision} precision {expected}, error {error:e}");
        }
    }
    assert_eq!(expected.single.len(), 50);
    assert!(expected.single[49] < 0.9 * expected.single[0], "the model has learnt something");
}

#[test]
fn losses_on_flex_equal_those_of_pytorch() {
    losses_equal_those_of_pytorch::<Flex>();
}

#[test]
fn losses_on_ndarray_equal_those_of_pytorch() {
    losses_equal_those_of_pytorch::<NdArray>();
}

/// The bits of all that an update changes.
fn trained(learner: &Learner<Flex>) -> Vec<u32> {
    let dense = parameters::collect(&learner.model).into_iter();
    let dense =
        dense.filter(|parameter| !parameters::is_statistic(&parameter.name)).flat_map(|parameter| parameter.values);
    dense.chain(learner.tables().tables()[0].weights()).map(f32::to_bits).collect()
}

#[test]
fn a_loss_that_is_no_number_updates_nothing_and_its_cause_is_named() {
    let fresh = || learner::<Flex>(&schema());
    let good = batch(0, &fresh().layout);

    let mut numeric = good.clone();
    numeric.numeric[3 * NUMERIC + 1] = f32::NAN;
    let cause = Cause::Numeric { rows: vec![3] };
    let mut cases = vec![(fresh(), numeric, cause)];

    let mut row = fresh();
    row.tables.host_mut().tables_mut()[0].set_row(2, &[f32::NAN; WIDTH]).unwrap();
    let rows = (0..BATCH).filter(|example| good.categorical[example * CARDINALITIES.len()] == 2);
    let rows = rows.map(|example| example as u64).collect();
    cases.push((row, good.clone(), Cause::EmbeddingRow { table: "embedding".to_owned(), row: 2, rows }));

    let mut dense = fresh();
    let mut parameters = parameters::collect(&dense.model);
    let weight = parameters.iter_mut().find(|parameter| parameter.name == "mlp.output.weight").unwrap();
    weight.values[5] = f32::INFINITY;
    dense.model = parameters::load(dense.model, &parameters).unwrap();
    cases.push((dense, good, Cause::Parameter { name: "mlp.output.weight".to_owned(), element: 5 }));

    for (before, batch, cause) in cases {
        let bits = trained(&before);
        let (after, loss) = before.step(&batch);
        assert!(!loss.is_finite(), "{cause}: {loss}");
        assert_eq!(after.steps, 0, "{cause}");
        assert!(trained(&after) == bits, "{cause}: the step has changed a parameter");
        assert_eq!(diagnose(&after, &batch), cause);
    }
}
