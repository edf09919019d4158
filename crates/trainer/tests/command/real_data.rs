//! Frappe, where it lies beside the checkout.
use std::path::Path;

use crate::workspace::{Workspace, digests, shared_data};

#[test]
fn one_epoch_of_frappe_learns_and_predicts_its_own_test_file_bit_for_bit() {
    let Some(data) = shared_data("frappe") else {
        eprintln!("skipped: ../shared/data/frappe is not there");
        return;
    };
    let workspace = Workspace::new();
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/frappe/dnn_smelu.toml");
    let data = data.to_str().unwrap();
    let settings = ["--data-dir", data, "--set", "training.epochs=1", "--set", "model.hidden_units=[32]"];
    let arguments = [&["train", config.to_str().unwrap(), "--run-dir", "run"], &settings[..]].concat();
    workspace.succeed(&arguments);
    let record = workspace.record("run");
    assert!(record["result"]["test"]["auc"].as_f64().unwrap() > 0.85, "{record}");
    let output = workspace.succeed(&["predict", "run", &format!("{data}/test.csv"), "-o", "test.parquet"]);
    assert!(output.contains("28860 predictions") && output.contains(&digests(&record)[1]), "{output}");
}
