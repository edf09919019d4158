//! What is recorded on request, and what a run that breaks tells.
use serde_json::Value;

use crate::workspace::{Workspace, digests};

#[test]
fn statistics_and_tensorboard_change_no_number() {
    let workspace = Workspace::new();
    let plain = workspace.train("plain", &[]);
    let watched = ["--set", "watch.statistics=4", "--set", "watch.tensorboard=true"];
    assert_eq!(digests(&workspace.train("watched", &watched)), digests(&plain));
    let text = workspace.read("watched/metrics.jsonl");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let statistics: Vec<&Value> = lines.iter().filter(|line| line["event"] == "statistics").collect();
    assert_eq!(statistics.len(), 9);
    for line in statistics {
        assert!(line["gradient_norm"].as_f64().unwrap() > 0.0 && line["clip_rate"] == 0.0, "{line}");
        let layers = line["layers"].as_array().unwrap();
        assert_eq!(layers.len(), 2);
        for layer in layers {
            assert!(layer["pre_activation_std"].as_f64().unwrap() > 0.0, "{line}");
            assert!((0.0..=1.0).contains(&layer["dead_units"].as_f64().unwrap()), "{line}");
        }
    }
    let files = std::fs::read_dir(workspace.path("watched/tensorboard")).unwrap().count();
    assert_eq!(files, 1);
    // Clipping everything is seen as such.
    let clipped = ["--set", "watch.statistics=12", "--set", "training.gradient_clip_norm=1e-9"];
    workspace.train("clipped", &clipped);
    assert!(workspace.read("clipped/metrics.jsonl").contains("\"clip_rate\":1.0"));
}

#[test]
fn a_loss_that_is_no_number_is_diagnosed_and_the_checkpoints_are_from_before() {
    let workspace = Workspace::new();
    let broken = [
        "--set",
        "optimizer.type=adam",
        "--set",
        "optimizer.learning_rate=1e30",
        "--set",
        "model.batch_norm=false",
        "--set",
        "model.activation=ReLU",
        "--set",
        "checkpoint.every_steps=1",
    ];
    let arguments = [&["train", "config.toml", "--run-dir", "run"], &broken[..]].concat();
    let message = workspace.fail(&arguments, &["training diverged", "the first number", "optimizer.learning_rate"]);
    assert!(message.contains("training row") || message.contains("the parameter"), "{message}");
    assert_eq!(workspace.record("run")["status"], "failed");
    // What is on disk is whole and finite: going on comes to the same end.
    workspace.fail(&["resume", "run"], &["training diverged", "the first number"]);
}
