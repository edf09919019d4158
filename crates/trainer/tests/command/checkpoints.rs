//! When checkpoints are written, which are kept, and how a job goes on with them.
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::bad_input::FullDisk;
use crate::kill::every_checkpoint_loads;
use crate::workspace::{Workspace, digests};

fn names(workspace: &Workspace, run: &str) -> Vec<String> {
    let index: Value = serde_json::from_str(&workspace.read(&format!("{run}/checkpoints/index.json"))).unwrap();
    let entries = index["content"]["checkpoints"].as_array().unwrap();
    entries.iter().map(|entry| entry["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn checkpoints_come_by_steps_and_are_kept_as_asked_and_change_no_number() {
    let workspace = Workspace::new();
    let plain = workspace.train("plain", &[]);
    // Twelve steps an epoch, three epochs.
    let kept = [
        "--set",
        "checkpoint.every_steps=5",
        "--set",
        "checkpoint.keep_last=3",
        "--set",
        "checkpoint.keep_every_epochs=2",
    ];
    let record = workspace.train("often", &kept);
    assert_eq!(digests(&record), digests(&plain));
    let found = names(&workspace, "often");
    for name in ["step-0000000024", "step-0000000030", "step-0000000035", "step-0000000036"] {
        assert!(found.iter().any(|have| have == name), "{found:?}");
    }
    assert!(found.len() <= 5, "{found:?}");
    let by_time = ["--set", "checkpoint.every_minutes=1e-9", "--set", "checkpoint.keep_last=100"];
    let record = workspace.train("timed", &[&by_time[..], &["--set", "checkpoint.asynchronous=false"]].concat());
    assert_eq!(digests(&record), digests(&plain));
    assert_eq!(names(&workspace, "timed").len(), 37, "one for each step and one before the first");
}

#[test]
fn a_run_goes_on_from_an_older_checkpoint_when_the_latest_is_damaged() {
    let workspace = Workspace::new();
    let settings = ["--set", "checkpoint.every_steps=5", "--set", "checkpoint.keep_last=2"];
    let record = workspace.train("run", &settings);
    let before = digests(&record);
    let latest = names(&workspace, "run").last().unwrap().clone();
    std::fs::write(workspace.path(&format!("run/checkpoints/{latest}/optimizer.safetensors")), "x").unwrap();
    let mut record = record;
    record["status"] = "failed".into();
    workspace.write("run/run.json", &record.to_string());
    workspace.fail(&["resume", "run"], &["optimizer.safetensors", "damaged", "--from NAME"]);
    workspace.fail(&["resume", "run", "--from", "step-7"], &["step-7", "cannot read"]);
    workspace.succeed(&["resume", "run", "--from", "step-0000000035"]);
    assert_eq!(digests(&workspace.record("run")), before);
}

#[test]
fn the_same_command_line_begins_a_job_and_goes_on_with_it() {
    let workspace = Workspace::new();
    let straight = workspace.train("straight", &[]);
    let job = ["train", "config.toml", "--run-dir", "job", "--resume", "auto"];
    // A process that ended before its run began.
    std::fs::create_dir(workspace.path("job")).unwrap();
    workspace.write("job/metrics.jsonl", "{\"event\":\"start\"");
    workspace.write("job/.config.toml.tmp", "half");
    workspace.succeed(&job);
    assert_eq!(digests(&workspace.record("job")), digests(&straight));
    assert!(!workspace.path("job/.config.toml.tmp").exists());
    // It is done: nothing is trained again.
    assert!(workspace.succeed(&job).contains("prediction digest"));
    workspace.fail(&[&job[..], &["--seed", "9"]].concat(), &["plan fingerprint", "--run-dir"]);
    workspace.write("other", "x");
    workspace.fail(&["train", "config.toml", "--run-dir", ".", "--resume", "auto"], &["not empty"]);
    let output = workspace.run(&["train", "config.toml", "--resume", "auto"]);
    assert_eq!(output.status.code(), Some(2), "--resume auto needs --run-dir");
}

#[test]
fn five_signals_later_the_bits_are_those_of_a_run_never_stopped() {
    for device in ["flex", "ndarray"] {
        let workspace = Workspace::new();
        let settings = ["--device", device, "--set", "training.epochs=60", "--set", "training.early_stop_patience=0"];
        let straight = workspace.train("straight", &settings);
        let steps = straight["result"]["steps"].as_u64().unwrap();
        let arguments = [&["train", "config.toml", "--run-dir", "run", "--resume", "auto"], &settings[..]].concat();
        let mut seconds = 0.0;
        for (stop, signal) in (1_u64..).zip(["-INT", "-TERM", "-INT", "-TERM", "-INT"]) {
            let mut child = workspace.command(&arguments).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
            // Stopped about a seventh further each time.
            let epoch = format!("\"event\":\"epoch\",\"epoch\":{},", steps / 12 * stop / 7);
            let metrics = workspace.path("run/metrics.jsonl");
            while !std::fs::read_to_string(&metrics).is_ok_and(|text| text.contains(&epoch)) {
                assert!(child.try_wait().unwrap().is_none(), "it ended before it was stopped");
                std::thread::sleep(Duration::from_millis(2));
            }
            assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
            assert_eq!(child.wait().unwrap().code(), Some(130), "stop {stop}");
            assert_eq!(workspace.record("run")["status"], "interrupted");
        }
        workspace.succeed(&arguments);
        let record = workspace.record("run");
        assert_eq!(digests(&record), digests(&straight), "{device}");
        seconds += record["result"]["train_seconds"].as_f64().unwrap();
        assert!(seconds > record["result"]["wall_seconds"].as_f64().unwrap(), "seconds are summed over processes");
    }
}

#[test]
fn a_disk_that_fills_up_while_training_keeps_every_whole_checkpoint() {
    let workspace = Workspace::new();
    let straight = workspace.train("straight", &[]);
    let Some(disk) = FullDisk::mount(&workspace, 256 * 1024) else {
        eprintln!("skipped: this user may not mount a small file system");
        return;
    };
    let job =
        ["train", "config.toml", "--run-dir", "disk/run", "--resume", "auto", "--set", "checkpoint.every_steps=1"];
    let hoard = [&job[..], &["--set", "checkpoint.keep_last=1000"]].concat();
    workspace.fail(&hoard, &["disk/run", "No space left"]);
    let whole = every_checkpoint_loads(&workspace.path("disk/run"));
    assert!((2..36).contains(&whole), "{whole} checkpoints");
    disk.resize(4 * 1024 * 1024);
    workspace.succeed(&job);
    assert_eq!(digests(&workspace.record("disk/run")), digests(&straight));
    assert!(every_checkpoint_loads(&workspace.path("disk/run")) <= 2);
}
