//! Methods against irreproducibility: each a switch of the config, reproducible itself, and understood by every verb.
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use trainer::predictions;

use crate::workspace::{Workspace, digests};

/// Each method alone.
const METHODS: [(&str, &[&str]); 10] = [
    ("ensemble", &["ensemble.members=2"]),
    ("shared tables", &["ensemble={members=3, tables=\"shared\", predict=\"mean_probability\"}"]),
    ("equal cost", &["ensemble={members=3, tables=\"shared\", cost=\"equal\", predict=\"mean_probability\"}"]),
    ("anti-distillation", &["ensemble.members=2", "loss.anti_distillation=0.5"]),
    ("co-distillation", &["ensemble.members=2", "loss={co_distillation=0.5, co_distillation_from=5}"]),
    ("late co-distillation", &["ensemble.members=2", "loss={co_distillation=0.5, co_distillation_from=9}"]),
    ("symmetric KL", &["ensemble.members=2", "loss.symmetric_kl=0.5"]),
    ("entropy", &["loss.entropy=0.1"]),
    ("update clipping", &["training.update_clip_rms=0.5"]),
    ("bfloat16", &["training.precision=bf16"]),
];

fn set<'a>(assignments: &[&'a str]) -> Vec<&'a str> {
    assignments.iter().flat_map(|&assignment| ["--set", assignment]).collect()
}

#[test]
fn each_method_changes_the_model_and_no_number_of_threads_does() {
    let workspace = Workspace::new();
    let short = ["--set", "training.epochs=1"];
    let mut seen = vec![digests(&workspace.train("plain", &short))];
    for (number, (name, assignments)) in METHODS.iter().enumerate() {
        let extra = [&short[..], &set(assignments)].concat();
        let train = |run: &str, more: &[&str]| digests(&workspace.train(run, &[&extra[..], more].concat()));
        let one = train(&format!("one-{number}"), &["--threads", "1"]);
        let many = train(&format!("many-{number}"), &["--threads", "4", "--set", "loader.threads=0"]);
        assert_eq!(one, many, "{name}");
        assert!(!seen.contains(&one), "{name}");
        seen.push(one);
    }
}

#[test]
fn members_without_a_common_term_train_as_each_would_alone() {
    let workspace = Workspace::new();
    // Neither clipping by the norm of all gradients nor a validation of all members ties them together.
    // A single DNN computes its first layer in another order.
    let alone = ["--set", "training.gradient_clip_norm=1e9", "--set", "model.type=deepfm"];
    let plain = digests(&workspace.train("plain", &alone));
    let two = [&alone[..], &["--set", "ensemble={members=2, predict=\"first\"}"]].concat();
    let first = digests(&workspace.train("first", &two));
    assert_eq!(first[1], plain[1], "the first member predicts what the single model does");
    assert_ne!(first[0], plain[0]);
    let shared = [&alone[..], &["--set", "ensemble={members=2, predict=\"first\", tables=\"shared\"}"]].concat();
    assert_ne!(digests(&workspace.train("shared", &shared))[1], plain[1]);
}

#[test]
fn every_verb_works_for_an_ensemble() {
    let workspace = Workspace::new();
    let assignments = ["ensemble={members=2, cost=\"equal\"}", "loss.co_distillation=0.5", "watch.step_digests=1"];
    let record = workspace.train("run", &set(&assignments));
    // 12 and 8 units divided by √2.
    for text in [workspace.succeed(&["inspect", "run"]), workspace.succeed(&["export", "run", "-o", "model"])] {
        assert!(!text.is_empty());
    }
    let inspected = workspace.succeed(&["inspect", "run"]);
    for part in ["members.1.mlp.layers.0.linear.weight", "[9, 8]", "tables.embedding.member1", "co_distillation = 0.5"]
    {
        assert!(inspected.contains(part), "{part}: {inspected}");
    }
    let sidecar: Value = serde_json::from_str(&workspace.read("model/model.json")).unwrap();
    assert_eq!(sidecar["ensemble"]["members"], 2);
    assert_eq!(sidecar["model"]["hidden_units"], serde_json::json!([8, 6]), "as wide as its tensors");
    let predicted = workspace.succeed(&["predict", "run", "raw/test.csv", "-o", "test.parquet"]);
    assert!(predicted.contains(&digests(&record)[1]), "{predicted}");
    let evaluated: Value =
        serde_json::from_str(&workspace.succeed(&["eval", "run", "--json", "--split", "test"])).unwrap();
    assert_eq!(evaluated["log_loss"], record["result"]["test"]["log_loss"]);
    assert!(workspace.succeed(&["verify", "run"]).contains("identical"));
    let warm = format!("warm_start.file={}", workspace.path("model/model.safetensors").display());
    workspace.train("warm", &[&set(&assignments)[..], &["--set", &warm]].concat());
}

/// Mean absolute difference of two runs' test predictions.
pub(crate) fn distance(workspace: &Workspace, first: &str, second: &str) -> f64 {
    let read =
        |run: &str| predictions::read(&workspace.path(&format!("{run}/predictions/test.parquet"))).unwrap().predictions;
    let (first, second) = (read(first), read(second));
    let sigmoid = |z: &f32| 1.0 / (1.0 + (-f64::from(*z)).exp());
    let differences = first.logits().iter().zip(second.logits()).map(|(a, b)| (sigmoid(a) - sigmoid(b)).abs());
    differences.sum::<f64>() / first.logits().len() as f64
}

#[test]
fn churn_distillation_stays_near_to_its_base_run_and_knows_it_by_its_contents() {
    let workspace = Workspace::new();
    // Long enough that the models come to agree with their data, and no longer with their initial values.
    let long =
        set(&["training.epochs=8", "training.early_stop_patience=0", "optimizer={type=\"adam\", learning_rate=1e-2}"]);
    workspace.train("base", &long);
    let other = [&long[..], &["--seed", "77"]].concat();
    let plain = workspace.train("plain", &other);
    let churn = |run: &str, weight: &str, more: &[&str]| {
        let set = format!("loss.churn_distillation={{run=\"base\", weight={weight}}}");
        let extra = [&other[..], &["--set", set.as_str()], more].concat();
        workspace.train(run, &extra)
    };
    assert_eq!(digests(&churn("nothing", "0.0", &[])), digests(&plain), "a weight of 0 is no method");
    let record = churn("near", "0.9", &["--threads", "1"]);
    assert_eq!(digests(&churn("near again", "0.9", &["--threads", "3"])), digests(&record));
    let (near, far) = (distance(&workspace, "base", "near"), distance(&workspace, "base", "plain"));
    assert!(near < 0.8 * far, "{near} {far}");

    // A run that was killed asks the base run again.
    let arguments = ["train", "config.toml", "--run-dir", "killed", "--resume", "auto", "--set"];
    let frequent = ["loss.churn_distillation={run=\"base\", weight=0.9}", "--set", "checkpoint.every_steps=3"];
    let arguments = [&arguments[..], &frequent, &other].concat();
    for milliseconds in [120, 200, 300] {
        let mut child = workspace.command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_millis(milliseconds));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    workspace.succeed(&arguments);
    assert_eq!(digests(&workspace.record("killed")), digests(&record));

    // The place of the base run is no part of the plan, what it has learnt is.
    std::fs::rename(workspace.path("base"), workspace.path("moved")).unwrap();
    let moved = "loss.churn_distillation={run=\"moved\", weight=0.9}";
    let moved = workspace.train("from moved", &[&other[..], &["--set", moved]].concat());
    assert_eq!((&moved["plan"], digests(&moved)), (&record["plan"], digests(&record)));
    workspace.succeed(&["eval", "near"]);
    workspace.fail(&arguments, &["loss.churn_distillation.run", "the folder of a finished run"]);
    std::fs::rename(workspace.path("plain"), workspace.path("base")).unwrap();
    let begin = ["train", "near/config.toml", "--run-dir", "bad"];
    workspace.fail(&begin, &["loss.churn_distillation.blake3", "leave the digest out"]);
    let rows = workspace.read("raw/train.csv");
    let without_last = rows.trim_end().rsplit_once('\n').unwrap().0;
    workspace.write("raw/train.csv", &format!("{without_last}\n"));
    let set = "loss.churn_distillation={run=\"moved\", weight=0.9}";
    workspace.fail(
        &["train", "config.toml", "--run-dir", "bad2", "--set", set],
        &["trained on the data", "must have the same data"],
    );
}

/// Methods as the levels of a study.
const STUDY: &str = r#"
base = "config.toml"
replicas = 2
[set]
training.epochs = 2
training.early_stop_patience = 0
[[axes]]
name = "method"
levels = [
    { name = "none" },
    { name = "ensemble", set = { ensemble.members = 2 } },
    { name = "co-distillation", set = { ensemble = { members = 2, predict = "first" }, loss.co_distillation = 1.0 } },
    { name = "symmetric KL", set = { ensemble.members = 2, loss.symmetric_kl = 1.0 } },
    { name = "anti-distillation", set = { ensemble.members = 2, loss.anti_distillation = 0.1 } },
    { name = "entropy", set = { loss.entropy = 0.1 } },
    { name = "churn", set = { loss.churn_distillation = { run = "base", weight = 0.5 } } },
    { name = "no dropout", set = { model.dropout = 0.0 } },
    { name = "update clipping", set = { embedding.update_clip_rms = 1.0, training.update_clip_rms = 1.0 } },
]
"#;

#[test]
fn methods_are_axes_of_a_study() {
    let workspace = Workspace::new();
    workspace.train("base", &[]);
    workspace.write("study.toml", STUDY);
    let table = workspace.succeed(&["ablate", "study.toml", "--out", "study", "--jobs", "2"]);
    for level in ["co-distillation", "anti-distillation", "churn", "update clipping"] {
        assert!(table.contains(level), "{table}");
    }
    let mut reader = csv::Reader::from_path(workspace.path("study/settings.csv")).unwrap();
    let pd = reader.headers().unwrap().iter().position(|name| name == "pairwise_relative_pd").unwrap();
    let values: Vec<(String, f64)> =
        reader.records().map(Result::unwrap).map(|row| (row[0].to_owned(), row[pd].parse().unwrap())).collect();
    assert!(values.len() == 9 && values.iter().all(|(_, pd)| *pd > 0.0), "{values:?}");
}
