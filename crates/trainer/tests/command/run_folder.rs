//! What a run leaves behind.
use burn::backend::Flex;
use burn::backend::flex::FlexDevice;
use trainer::scorer::Scorer;

use crate::workspace::{Workspace, digests};

#[test]
fn a_run_explains_itself_and_can_be_used_from_its_folder_alone() {
    let workspace = Workspace::new();
    let record = workspace.train("run", &[]);
    assert_eq!(record["status"], "finished");
    assert_eq!(record["seeds"].as_object().unwrap().len(), 3);
    assert!(record["result"]["test"]["auc"].as_f64().unwrap() > 0.6, "{record}");
    assert!(record["environment"]["build"]["version"].is_string());
    let epochs = workspace.read("run/metrics.jsonl").lines().filter(|line| line.contains("\"epoch\"")).count();
    assert_eq!(epochs as u64, record["result"]["epochs"].as_u64().unwrap());

    // The raw data and the cache are gone: the folder is enough to predict.
    let raw = workspace.read("raw/test.csv");
    std::fs::remove_dir_all(workspace.path("raw")).unwrap();
    std::fs::remove_dir_all(workspace.path("cache")).unwrap();
    workspace.write("new.csv", &raw);
    let output = workspace.succeed(&["predict", "run", "new.csv", "--output", "new.parquet"]);
    assert!(output.contains("450 predictions") && output.contains(&digests(&record)[1]), "{output}");

    // Without labels the probabilities are the same.
    let unlabelled: Vec<&str> = raw.lines().map(|line| line.split_once(',').unwrap().1).collect();
    workspace.write("unlabelled.csv", &unlabelled.join("\n"));
    let output = workspace.succeed(&["predict", "run", "unlabelled.csv", "--output", "unlabelled.parquet"]);
    assert!(output.contains(&digests(&record)[1]) && !output.contains("AUC"), "{output}");

    // So are those of a program that opens the folder itself.
    let scorer = Scorer::<Flex>::open(&workspace.path("run"), FlexDevice).unwrap();
    assert_eq!(scorer.score_file(&workspace.path("new.csv")).unwrap().digest(), digests(&record)[1]);
    workspace.write("torn.csv", "user,item\nu1\n");
    let error = scorer.score_file(&workspace.path("torn.csv")).unwrap_err().to_string();
    assert!(error.contains("torn.csv"), "{error}");
}

#[test]
fn eval_repeats_the_metrics_and_inspect_shows_the_parameters() {
    let workspace = Workspace::new();
    let record = workspace.train("run", &[]);
    let evaluated = workspace.succeed(&["eval", "run", "--split", "test", "--json"]);
    let evaluated: serde_json::Value = serde_json::from_str(&evaluated).unwrap();
    assert_eq!(evaluated, record["result"]["test"]);
    for path in ["run", "config.toml"] {
        let text = workspace.succeed(&["inspect", path]);
        assert!(text.contains("mlp.layers.0.linear.weight") && text.contains("tables.embedding"), "{text}");
        assert!(text.contains("SmeLU(beta=0.5)"), "{text}");
    }
}

#[test]
fn an_edited_config_or_encoder_is_not_trusted() {
    let workspace = Workspace::new();
    workspace.train("run", &["--set", "training.epochs=1"]);
    let config = workspace.read("run/config.toml");
    workspace.write("run/config.toml", &config.replace("SmeLU(beta=0.5)", "ReLU"));
    workspace.fail(&["eval", "run"], &["manifest.json", "plan fingerprint"]);
    workspace.write("run/config.toml", &config);
    let other = Workspace::new();
    other.write("raw/train.csv", &other.read("raw/train.csv").replace("u1,", "u999,"));
    other.train("run", &["--set", "training.epochs=1"]);
    std::fs::copy(other.path("run/encoder/encoder.bin"), workspace.path("run/encoder/encoder.bin")).unwrap();
    workspace.fail(&["predict", "run", "raw/test.csv", "-o", "x.parquet"], &["encoder.bin", "digest"]);
}

#[test]
fn predictions_never_replace_the_rows_they_are_made_from() {
    let workspace = Workspace::new();
    workspace.train("run", &["--set", "training.epochs=1"]);
    let before = workspace.read("raw/test.csv");
    workspace.fail(&["predict", "run", "raw/test.csv", "-o", "raw/../raw/test.csv"], &["the file to predict"]);
    assert_eq!(workspace.read("raw/test.csv"), before);
    workspace.fail(&["predict", "run", "raw/test.csv", "-o", "nowhere/x.parquet"], &["no folder `nowhere`"]);
}

#[test]
fn inspect_needs_nothing_but_the_folder_and_changes_nothing() {
    let workspace = Workspace::new();
    workspace.train("run", &["--set", "training.epochs=1"]);
    std::fs::remove_dir_all(workspace.path("raw")).unwrap();
    std::fs::remove_dir_all(workspace.path("cache")).unwrap();
    assert!(workspace.succeed(&["inspect", "run"]).contains("tables.embedding"));
    workspace.fail(&["inspect", "run", "--seed", "9"], &["--seed"]);
}

#[test]
fn compare_tells_identical_runs_from_different_ones() {
    let workspace = Workspace::new();
    workspace.train("a", &[]);
    workspace.train("b", &[]);
    workspace.train("c", &["--seed", "6"]);
    let text = workspace.succeed(&["compare", "a", "b", "c", "--json"]);
    let comparison: serde_json::Value = serde_json::from_str(&text).unwrap();
    let pairs = comparison["pairwise_relative_pd"].as_array().unwrap();
    assert_eq!(pairs[0]["value"], 0.0);
    assert_eq!(pairs[0]["identical"], true);
    assert!(pairs[1]["value"].as_f64().unwrap() > 0.0 && pairs[1]["identical"] == false);
    let text = workspace.succeed(&["compare", "a", "b/predictions/test.parquet", "c"]);
    assert!(text.contains("Pairwise symmetric relative PD") && text.contains("identical bits"), "{text}");
}

#[test]
fn a_plain_run_goes_to_a_numbered_folder_and_a_used_one_is_refused() {
    let workspace = Workspace::new();
    let short = ["--set", "training.epochs=1"];
    workspace.succeed(&[&["train", "config.toml"], &short[..]].concat());
    workspace.succeed(&[&["train", "config.toml"], &short[..]].concat());
    assert!(workspace.path("runs/small-002/run.json").exists());
    workspace.fail(&["train", "config.toml", "--run-dir", "runs/small-001"], &["not empty", "--run-dir"]);
}
