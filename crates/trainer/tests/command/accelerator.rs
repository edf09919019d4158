//! Whole runs on an accelerator, tables in its memory.
use std::io::{Write, stderr};

use crate::workspace::{Workspace, digests};

/// Runs of one epoch of twelve steps, a checkpoint in their midst.
const SETTINGS: [&str; 8] = [
    "--set",
    "training.epochs=1",
    "--set",
    "checkpoint.every_steps=5",
    "--set",
    "checkpoint.keep_last=3",
    "--set",
    "watch.step_digests=4",
];

/// The settings of a run on a device with its tables in one memory or the other.
fn settings<'a>(device: &'a str, residence: &'a str) -> Vec<&'a str> {
    [&SETTINGS[..], &["--device", device, "--set", residence]].concat()
}

fn is_ready(workspace: &Workspace, device: &str) -> bool {
    let list = workspace.succeed(&["devices"]);
    let is_ready = list.lines().any(|line| line.starts_with(&format!("{device} ")) && line.contains("ready"));
    if !is_ready {
        // Not through the printing macros, whose output a test that passes does not show.
        let _ = writeln!(stderr(), "no device for {device}: its tests are skipped");
    }
    is_ready
}

fn runs_repeat_resume_and_export(device: &str) {
    let workspace = Workspace::new();
    if !is_ready(&workspace, device) {
        return;
    }
    let on_device = settings(device, "embedding.residence=device");
    let record = workspace.train("run", &on_device);
    let expected = digests(&record);
    assert_eq!(digests(&workspace.train("again", &on_device)), expected, "two runs");

    // From a checkpoint in the midst of the epoch on.
    let mut stopped = record;
    stopped["status"] = "failed".into();
    workspace.write("run/run.json", &stopped.to_string());
    workspace.succeed(&["resume", "run", "--from", "step-0000000005"]);
    assert_eq!(digests(&workspace.record("run")), expected, "resumed");
    assert!(workspace.succeed(&["verify", "run", "--steps", "8"]).contains('8'));

    // The model belongs to no device.
    workspace.succeed(&["export", "run", "--output", "model"]);
    assert!(workspace.succeed(&["eval", "run"]).contains("AUC"));

    // A run with its tables in the host's memory is another run, with the same numbers up to rounding.
    let host = workspace.train("host", &settings(device, "embedding.residence=host"));
    let flex = workspace.train("flex", &settings("flex", "embedding.residence=auto"));
    let placed = workspace.record("run");
    for other in [host, flex] {
        assert_eq!(other["plan"], placed["plan"], "the fingerprint");
        for split in ["valid", "test"] {
            let loss = |record: &serde_json::Value| record["result"][split]["log_loss"].as_f64().unwrap();
            let (loss, other) = (loss(&placed), loss(&other));
            assert!((loss - other).abs() <= 1e-4 * other, "{split}: {loss} {other}");
        }
    }
}

#[cfg(feature = "wgpu")]
#[test]
fn wgpu_runs_repeat_resume_and_export() {
    runs_repeat_resume_and_export("wgpu");
}

#[cfg(feature = "cuda")]
#[test]
fn cuda_runs_repeat_resume_and_export() {
    runs_repeat_resume_and_export("cuda");
}
