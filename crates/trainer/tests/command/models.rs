//! Every model through the command: training, prediction with values that training never saw, and what is said of it.
use ctr_model::model::ModelConfig;
use serde_json::{Map, Value};

use crate::workspace::{Workspace, digests};

/// `model = {…}` as `--set` reads it.
fn setting(name: &str, example: &str) -> String {
    let mut keys: Map<String, Value> = serde_json::from_str(example).unwrap();
    keys.insert("type".to_owned(), name.into());
    let pairs: Vec<String> = keys.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    format!("model={{{}}}", pairs.join(", "))
}

#[test]
fn every_model_trains_and_predicts_unseen_values_with_the_bits_of_its_checkpoint() {
    let workspace = Workspace::new();
    let raw: Vec<String> = workspace.read("raw/train.csv").lines().map(str::to_owned).collect();
    workspace.write("raw/train.csv", &format!("{}\r\n", raw[..301].join("\r\n")));
    workspace.write("raw/valid.csv", &format!("{}\r\n", raw[..101].join("\r\n")));
    let unseen = raw[..101].join("\r\n").replace(",u1", ",nobody").replace(",i2", ",nothing");
    workspace.write("raw/test.csv", &format!("{unseen}\r\n"));
    for info in ModelConfig::ALL {
        let model = setting(info.name, info.example);
        let dim = if info.name == "lr" { "embedding.dim=1" } else { "embedding.dim=4" };
        let arguments = ["--set", &model, "--set", dim, "--set", "training.epochs=1"];
        let record = workspace.train(info.name, &arguments);
        assert!(record["result"]["test"]["log_loss"].as_f64().unwrap().is_finite(), "{}", info.name);
        let output = workspace.succeed(&["predict", info.name, "raw/test.csv", "-o", "test.parquet"]);
        assert!(output.contains(&digests(&record)[1]), "{}: {output}", info.name);
    }
}

#[test]
fn models_are_listed_with_their_paper_and_keys() {
    let workspace = Workspace::new();
    let list = workspace.succeed(&["models"]);
    for info in ModelConfig::ALL {
        assert!(list.contains(info.name) && list.contains(info.paper) && list.contains(info.description), "{list}");
        let table = workspace.succeed(&["models", info.name]);
        assert!(table.contains(&format!("[model]\ntype = \"{}\"", info.name)), "{table}");
    }
    assert!(list.contains("keys: cross_layers, hidden_units, activation, batch_norm, dropout"), "{list}");
    workspace.fail(&["models", "dcnv2"], &["no model `dcnv2`", "nearest one is `dcn_v2`"]);
}

#[test]
fn inspect_says_what_a_model_is_and_needs() {
    let workspace = Workspace::new();
    let text = workspace.succeed(&["inspect", "config.toml", "--set", "model={type=\"deepfm\", hidden_units=[8]}"]);
    for part in [
        "deepfm: ",
        "Guo et al.",
        "mlp.layers.0.linear.weight",
        "tables.linear",
        "MiB for tables",
        "trainable parameters",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_key_of_a_model_is_checked_against_the_data() {
    let workspace = Workspace::new();
    let model = "model={type=\"dcn_v2\", cross_layers=1, hidden_units=[8], experts=2}";
    workspace.fail(&["train", "config.toml", "--set", model], &["`model.experts` is 2", "`low_rank`"]);
    let one_field = workspace.read("dataset.toml").replace("[\"user\", \"item\"]", "\"user\"");
    let one_field = one_field.split("[[fields]]\nname = \"price\"").next().unwrap().to_owned();
    workspace.write("dataset.toml", &one_field);
    let model = "model={type=\"ipnn\", hidden_units=[8]}";
    workspace.fail(&["train", "config.toml", "--set", model], &["`model.type` is \"ipnn\"", "the data set has 1"]);
}
