//! One contract for every model.
use burn::backend::flex::FlexDevice;
use burn::backend::{Autodiff, Flex};
use burn::tensor::{Tensor, TensorData};
use ctr_model::init::Initializer;
use ctr_model::loss::bce_with_logits;
use ctr_model::model::{AnyModel, CtrModel, InputShape, ModelConfig, ModelInput};
use ctr_model::optim::{AdamConfig, DenseOptimizer, OptimizerConfig, UpdateStep};
use ctr_model::{Pass, parameters};

use crate::values::{elements, normals};

type B = Flex;
type A = Autodiff<B>;

const MODELS: [&str; 4] = [
    r#"{"type": "lr"}"#,
    r#"{"type": "dnn", "hidden_units": []}"#,
    r#"{"type": "dnn", "hidden_units": [16, 8], "activation": "SmeLU(beta=0.5)"}"#,
    r#"{"type": "dnn", "hidden_units": [16, 8], "activation": "ReLU", "batch_norm": true, "dropout": 0.3}"#,
];
const SHAPES: [InputShape; 3] = [
    InputShape { categorical: 3, numeric: 2, embedding_dim: 4 },
    InputShape { categorical: 3, numeric: 0, embedding_dim: 4 },
    InputShape { categorical: 0, numeric: 2, embedding_dim: 4 },
];
const TRAIN: Pass = Pass::Train { dropout_seed: 1, step: 0 };

fn config(text: &str) -> ModelConfig {
    serde_json::from_str(text).unwrap()
}

fn model(text: &str, shape: InputShape, seed: u64) -> AnyModel<A> {
    config(text).init(shape, Initializer { seed, device: &FlexDevice })
}

fn input(text: &str, shape: InputShape, batch: usize) -> ModelInput<A> {
    let tensor = |seed, dims: [usize; 3]| {
        Tensor::from_data(TensorData::new(normals(seed, dims.iter().product()), dims), &FlexDevice)
    };
    let tables = config(text).tables(shape, 0.1);
    ModelInput {
        embeddings: tables.iter().map(|table| tensor(1, [batch, shape.categorical, table.width])).collect(),
        numeric: (shape.numeric > 0).then(|| tensor(2, [batch, shape.numeric, 1]).squeeze_dim(2)),
    }
}

#[test]
fn logits_are_finite_and_one_for_each_row() {
    for text in MODELS {
        for shape in SHAPES {
            for batch in [1, 2, 37] {
                let model = model(text, shape, 1);
                for pass in [TRAIN, Pass::Evaluate] {
                    let logits = elements(model.forward(input(text, shape, batch), pass));
                    assert!(logits.len() == batch && logits.iter().all(|z| z.is_finite()), "{text} {shape:?} {batch}");
                }
            }
        }
    }
}

#[test]
fn same_seed_gives_the_same_bits_and_another_seed_does_not() {
    for text in MODELS {
        let shape = SHAPES[0];
        let logits = |seed| elements(model(text, shape, seed).forward(input(text, shape, 9), TRAIN));
        assert_eq!(logits(1), logits(1), "{text}");
        assert_ne!(logits(1), logits(2), "{text}");
    }
}

#[test]
fn dropout_and_batch_statistics_are_for_training_only() {
    let (text, shape) = (MODELS[3], SHAPES[0]);
    let model = model(text, shape, 1);
    let evaluate = || elements(model.forward(input(text, shape, 9), Pass::Evaluate));
    let before = evaluate();
    assert_eq!(before, evaluate());
    let train = |step| elements(model.forward(input(text, shape, 9), Pass::Train { dropout_seed: 1, step }));
    assert_ne!(train(0), train(1));
    assert_ne!(before, evaluate(), "training moves the running statistics");
}

/// The Frappe DNN of BARS: 5,389 rows of width 10 and a 400-400-400 perceptron with batch norm have 417,891 parameters.
#[test]
fn parameter_count_equals_the_published_one() {
    let shape = InputShape { categorical: 10, numeric: 0, embedding_dim: 10 };
    let text = r#"{"type": "dnn", "hidden_units": [400, 400, 400], "batch_norm": true, "dropout": 0.4}"#;
    let tables: usize = config(text).tables(shape, 1e-4).iter().map(|table| 5389 * table.width).sum();
    assert_eq!(tables + parameters::count_trainable(&model(text, shape, 1)), 417_891);
    let tables: usize = config(MODELS[0]).tables(shape, 1e-4).iter().map(|table| 5389 * table.width).sum();
    assert_eq!(tables + parameters::count_trainable(&model(MODELS[0], shape, 1)), 5_390);
}

#[test]
fn names_are_stable_and_parameters_come_back_as_they_were_saved() {
    let (text, shape) = (MODELS[3], SHAPES[0]);
    let trained = model(text, shape, 1);
    let _ = trained.forward(input(text, shape, 9), TRAIN);
    let saved = parameters::collect(&trained);
    let names: Vec<&str> = saved.iter().map(|parameter| parameter.name.as_str()).collect();
    assert!(
        names.contains(&"mlp.layers.0.linear.weight") && names.contains(&"mlp.layers.1.norm.running_var"),
        "{names:?}"
    );
    let restored = parameters::load(model(text, shape, 2), &saved).unwrap();
    assert_eq!(parameters::collect(&restored), saved);
    let logits = |model: &AnyModel<A>| elements(model.forward(input(text, shape, 9), Pass::Evaluate));
    assert_eq!(logits(&restored), logits(&trained));
}

#[test]
fn parameters_of_another_model_are_refused_by_name() {
    let shape = SHAPES[0];
    let saved = parameters::collect(&model(MODELS[2], shape, 1));
    let error = parameters::load(model(MODELS[3], shape, 1), &saved).unwrap_err().to_string();
    assert!(error.contains("mlp.layers.0.norm.gamma") && error.contains("missing"), "{error}");
    let error = parameters::load(model(MODELS[1], shape, 1), &saved).unwrap_err().to_string();
    assert!(error.contains("mlp.output.weight") && error.contains("shape"), "{error}");
}

#[test]
fn every_model_fits_sixty_four_rows() {
    for text in MODELS {
        let shape = InputShape { categorical: 3, numeric: 2, embedding_dim: 16 };
        let adam = AdamConfig { learning_rate: 0.05, ..AdamConfig::default() };
        let mut optimizer = DenseOptimizer::<B>::new(OptimizerConfig::Adam(adam));
        let mut model = model(text, shape, 1);
        let labels: Vec<f32> = (0..64).map(|row| f32::from(u8::from(row % 3 == 0))).collect();
        let labels = Tensor::<A, 1>::from_data(TensorData::new(labels, [64]), &FlexDevice);
        let mut losses = Vec::new();
        // The rows of the tables are trained here as if they were dense parameters of their own.
        let mut embeddings = input(text, shape, 64).embeddings;
        for number in 1..=400 {
            let leaves: Vec<_> = embeddings.iter().map(|leaf| leaf.clone().detach().require_grad()).collect();
            let batch = ModelInput { embeddings: leaves.clone(), numeric: input(text, shape, 64).numeric };
            let pass = Pass::Train { dropout_seed: 1, step: number };
            let loss = bce_with_logits(model.forward(batch, pass), labels.clone());
            losses.push(elements(loss.clone())[0]);
            let mut grads = loss.backward();
            embeddings = leaves
                .iter()
                .map(|leaf| {
                    let grad = leaf.grad_remove(&mut grads).unwrap();
                    Tensor::from_inner(leaf.clone().inner() - grad * 5.0)
                })
                .collect();
            model = optimizer.step(model, grads, UpdateStep { number, rate_scale: 1.0, grad_scale: 1.0 });
        }
        let last = losses[losses.len() - 20..].iter().sum::<f32>() / 20.0;
        assert!(last < 0.3 * losses[0], "{text}: {} to {last}", losses[0]);
    }
}
