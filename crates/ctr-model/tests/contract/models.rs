//! One contract for every model.
use burn::backend::Flex;
use burn::backend::flex::FlexDevice;
use ctr_model::init::Initializer;
use ctr_model::model::{InputShape, ModelConfig};
use ctr_model::optim::AdamConfig;
use ctr_model::{Pass, parameters};

use crate::cases::{BOTH, config, keys, models};
use crate::learner::{Batch, Learner};
use crate::values::normals;

const ROWS: u64 = 40;
const TRAIN: Pass = Pass::Train { dropout_seed: 1, step: 0 };
/// The names of all activations but the cascades of more than four regions.
const ACTIVATIONS: [&str; 25] = [
    "SmeLU",
    "LeakySmeLU",
    "MeanFreeSmeLU",
    "gSmeLU",
    "RESCU-smoothstep",
    "RESCU-cosine",
    "RESCU-quintic",
    "Cascade1",
    "Cascade2",
    "Cascade3",
    "Cascade4",
    "LeakyReLU",
    "PReLU",
    "SoftPlus",
    "Swish",
    "GELU",
    "Mish",
    "TanhExp",
    "ELU",
    "CELU",
    "SquarePlus",
    "ReLU",
    "Identity",
    "GELU-tanh",
    "SELU",
];

fn learner(config: &ModelConfig, shape: InputShape, seed: u64) -> Learner<Flex> {
    let adam = AdamConfig { learning_rate: 0.02, ..AdamConfig::default() };
    Learner::new(config, shape, ROWS, adam, 0.0, seed)
}

fn batch(shape: InputShape, rows: usize) -> Batch {
    let id = |value: &f32| (value.abs() * 20.0) as u64 % ROWS;
    Batch {
        ids: normals(3, rows * shape.categorical).iter().map(id).collect(),
        numeric: normals(4, rows * shape.numeric),
        labels: (0..rows).map(|row| f32::from(u8::from(row % 3 == 0))).collect(),
    }
}

#[test]
fn logits_are_finite_and_one_for_each_row() {
    let shapes = [BOTH, InputShape { numeric: 0, ..BOTH }, InputShape { categorical: 0, ..BOTH }];
    for config in models() {
        for shape in shapes {
            let mut learner = learner(&config, shape, 1);
            for rows in [1, 2, 37] {
                let batch = batch(shape, rows);
                for pass in [TRAIN, Pass::Evaluate] {
                    let logits = learner.logits(&batch, pass);
                    assert!(
                        logits.len() == rows && logits.iter().all(|z| z.is_finite()),
                        "{config:?} {shape:?} {rows}"
                    );
                }
                assert!(learner.step(&batch).loss.is_finite(), "{config:?} {shape:?} {rows}");
            }
            assert!(
                learner.logits(&batch(shape, 3), Pass::Evaluate).iter().all(|z| z.is_finite()),
                "{config:?} {shape:?}"
            );
        }
    }
}

#[test]
fn too_few_fields_are_a_model_or_an_error_that_says_so() {
    for config in models() {
        for shape in
            [InputShape { categorical: 1, numeric: 0, ..BOTH }, InputShape { categorical: 0, numeric: 1, ..BOTH }]
        {
            match config.check(shape) {
                Ok(()) => {
                    let logits = learner(&config, shape, 1).logits(&batch(shape, 5), TRAIN);
                    assert!(logits.iter().all(|z| z.is_finite()), "{config:?}");
                }
                Err(error) => {
                    let text = error.to_string();
                    assert!(text.contains("`model.type`") && text.contains("the data set has 1"), "{text}");
                }
            }
        }
    }
}

#[test]
fn same_seed_gives_the_same_bits_and_another_seed_does_not() {
    let batch = batch(BOTH, 9);
    for config in models() {
        let train = |seed| {
            let mut learner = learner(&config, BOTH, seed);
            (0..3).for_each(|_| drop(learner.step(&batch)));
            learner.logits(&batch, TRAIN)
        };
        assert_eq!(train(1), train(1), "{config:?}");
        assert_ne!(train(1), train(2), "{config:?}");
    }
}

#[test]
fn every_dense_parameter_has_a_gradient() {
    for config in models() {
        let step = learner(&config, BOTH, 1).step(&batch(BOTH, 9));
        for (name, gradient) in step.gradients {
            assert!(gradient.is_some(), "{config:?}: `{name}`");
        }
    }
}

#[test]
fn dropout_and_batch_statistics_are_for_training_only() {
    let batch = batch(BOTH, 9);
    for config in models() {
        let text = serde_json::to_string(&config).unwrap();
        let learner = learner(&config, BOTH, 1);
        let before = learner.logits(&batch, Pass::Evaluate);
        assert_eq!(before, learner.logits(&batch, Pass::Evaluate), "{text}");
        let train = |step| learner.logits(&batch, Pass::Train { dropout_seed: 1, step });
        let (first, second) = (train(0), train(1));
        if text.contains("\"dropout\":0.3") && !text.contains("\"hidden_units\":[]") {
            assert_ne!(first, second, "{text}");
        }
        let has_statistics = parameters::collect(&learner.model).iter().any(|p| parameters::is_statistic(&p.name));
        assert_eq!(before != learner.logits(&batch, Pass::Evaluate), has_statistics, "{text}");
    }
}

#[test]
fn parameters_come_back_as_they_were_saved() {
    let batch = batch(BOTH, 9);
    for config in models() {
        let mut trained = learner(&config, BOTH, 1);
        trained.step(&batch);
        let saved = parameters::collect(&trained.model);
        let mut names: Vec<&str> = saved.iter().map(|parameter| parameter.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), saved.len(), "{config:?}: {names:?}");
        let mut restored = learner(&config, BOTH, 2);
        restored.model = parameters::load(restored.model, &saved).unwrap();
        for (table, trained) in restored.tables.tables_mut().iter_mut().zip(trained.tables.tables()) {
            table.set_weights(&trained.weights()).unwrap();
        }
        assert_eq!(parameters::collect(&restored.model), saved);
        assert_eq!(restored.logits(&batch, Pass::Evaluate), trained.logits(&batch, Pass::Evaluate), "{config:?}");
    }
}

#[test]
fn parameters_of_another_model_are_refused_by_name() {
    let model = |text| learner(&config(keys("dnn", text)), BOTH, 1).model;
    let saved = parameters::collect(&model(r#"{"hidden_units": [16, 8]}"#));
    let other = model(r#"{"hidden_units": [16, 8], "batch_norm": true}"#);
    let error = parameters::load(other, &saved).unwrap_err().to_string();
    assert!(error.contains("mlp.layers.0.norm.gamma") && error.contains("missing"), "{error}");
    let error = parameters::load(model(r#"{"hidden_units": []}"#), &saved).unwrap_err().to_string();
    assert!(error.contains("mlp.output.weight") && error.contains("shape"), "{error}");
}

#[test]
fn every_model_fits_sixty_four_rows() {
    let shape = InputShape { categorical: 4, numeric: 2, embedding_dim: 8 };
    // Rows that no two lookups of a field share can be learnt by heart, whatever the model.
    let batch = Batch { ids: (0..256).collect(), ..batch(shape, 64) };
    for config in models() {
        let adam = AdamConfig { learning_rate: 0.05, ..AdamConfig::default() };
        let mut learner = Learner::<Flex>::new(&config, shape, 256, adam, 0.0, 1);
        let first = learner.step(&batch).loss;
        let mut recent = [first; 5];
        let mut fitted = |step: usize| {
            recent[step % 5] = learner.step(&batch).loss;
            recent.iter().sum::<f32>() / 5.0 < 0.3 * first
        };
        assert!((0..300).any(&mut fitted), "{config:?}: {first} to {recent:?}");
    }
}

#[test]
fn every_activation_stands_wherever_there_is_one() {
    let batch = batch(BOTH, 6);
    for info in ModelConfig::ALL {
        let plain = keys(info.name, info.example);
        if config(plain.clone()) == with_activation(&plain, "Identity") {
            continue;
        }
        let mut seen = Vec::new();
        for activation in ACTIVATIONS {
            let mut learner = learner(&with_activation(&plain, activation), BOTH, 1);
            learner.step(&batch);
            let logits = learner.logits(&batch, Pass::Evaluate);
            assert!(logits.iter().all(|z| z.is_finite()), "{} with {activation}", info.name);
            if !seen.contains(&logits) {
                seen.push(logits);
            }
        }
        // Some are special cases of others by default, and some agree where a test's few numbers lie.
        assert!(seen.len() > ACTIVATIONS.len() / 2, "{}: {} different results", info.name, seen.len());
    }
}

/// The config with this activation, or the same config where the model has none.
fn with_activation(keys: &serde_json::Map<String, serde_json::Value>, activation: &str) -> ModelConfig {
    let mut changed = keys.clone();
    changed.insert("activation".to_owned(), activation.into());
    serde_json::from_value(changed.into()).unwrap_or_else(|_| config(keys.clone()))
}

#[test]
fn initial_values_are_functions_of_the_name() {
    let init = |seed| Initializer::new(seed, &FlexDevice);
    let names = parameters::collect(&config(keys("dnn", r#"{"hidden_units": [4]}"#)).init::<Flex>(BOTH, init(1)));
    assert_eq!(names[0].name, "mlp.layers.0.linear.weight");
    let std = (2.0_f64 / (10.0 + 4.0)).sqrt();
    let mean_square = names[0].values.iter().map(|&w| f64::from(w).powi(2)).sum::<f64>() / names[0].values.len() as f64;
    assert!((mean_square.sqrt() / std - 1.0).abs() < 0.4, "{mean_square}");
}
