//! Replicas of the model beside everything else that a step can be asked for.
use crate::methods::distance;
use crate::tables;
use crate::workspace::{Workspace, digests};

/// No batch norm and no dropout: then replicas compute what one model computes, up to rounding.
const MODEL: &str = "model={type=\"dnn\", hidden_units=[12, 8], activation=\"SmeLU(beta=0.5)\"}";

/// Whose steps are proportional to the gradient: those of Adam and Adagrad would hide a gradient of another size.
const OPTIMIZERS: [&str; 2] =
    ["optimizer={type=\"sgd\", learning_rate=0.5}", "embedding.optimizer={type=\"sgd\", learning_rate=0.5}"];

/// By how much predicted probabilities may differ in the mean, because sums are taken in parts.
const NEAR: f64 = 2e-5;

/// Trains as one and as three, and demands the same predictions up to `near`, but not the same bits.
fn three_train_as_one(workspace: &Workspace, name: &str, set: &[&str], near: f64) {
    let train = |replicas: usize| {
        let run = format!("{name}-{replicas}");
        let replicas = format!("training.replicas={replicas}");
        let set = ["training.epochs=2", &replicas].into_iter().chain(OPTIMIZERS).chain(set.iter().copied());
        let arguments: Vec<_> = set.flat_map(|set| ["--set", set]).collect();
        (digests(&workspace.train(&run, &arguments)), run)
    };
    let ((one, first), (three, second)) = (train(1), train(3));
    assert_ne!(one, three, "{name}: the sums of parts have other roundings");
    let distance = distance(workspace, &first, &second);
    assert!(distance <= near, "{name}: {distance:e}");
}

#[test]
fn tables_of_every_kind_and_projected_fields() {
    let workspace = tables::workspace();
    three_train_as_one(&workspace, "concatenated", &[MODEL], NEAR);
    three_train_as_one(&workspace, "projected", &["model={type=\"deepfm\", hidden_units=[8]}"], NEAR);
    let dense = "embedding={dim=4, init_std=0.01, mode=\"dense\"}";
    three_train_as_one(&workspace, "dense", &[MODEL, dense], NEAR);
}

#[test]
fn limits_of_each_tensor_and_short_formats() {
    let workspace = Workspace::new();
    three_train_as_one(&workspace, "value", &[MODEL, "training.tensor_clip_value=1e-3"], NEAR);
    three_train_as_one(&workspace, "norm", &[MODEL, "training.tensor_clip_norm=1e-2"], NEAR);
    // A sum that rounds to the other neighbour of 8 bits moves a prediction further.
    three_train_as_one(&workspace, "bf16", &[MODEL, "training.precision=bf16"], 100.0 * NEAR);
}

#[test]
fn the_labels_of_a_base_run() {
    let workspace = Workspace::new();
    workspace.train("base", &["--set", "training.epochs=2"]);
    let churn = "loss.churn_distillation={run=\"base\", weight=0.9}";
    three_train_as_one(&workspace, "churn", &[MODEL, churn], NEAR);
}

#[test]
fn data_without_a_categorical_field() {
    let workspace = Workspace::new();
    let dataset = workspace.read("dataset.toml");
    let field = "[[fields]]\nname = [\"user\", \"item\"]\ntype = \"categorical\"\n";
    assert!(dataset.contains(field));
    workspace.write("dataset.toml", &dataset.replace(field, ""));
    three_train_as_one(&workspace, "numeric", &[MODEL], NEAR);
}
