//! Stopping and going on.
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use burn::backend::Flex;
use burn::backend::flex::FlexDevice;
use trainer::checkpoint::{CheckpointStore, Which};
use trainer::config::{Overrides, Plan};
use trainer::learner::Learner;
use trainer::observe::{Event, ObserveError, Observer};
use trainer::run_folder::{RunFolder, RunRecord};
use trainer::training_run::{TrainingRun, identity};

use crate::workspace::{Workspace, digests};

#[test]
fn an_interrupted_run_goes_on_to_the_bits_of_one_never_stopped() {
    let workspace = Workspace::new();
    let settings = ["--set", "training.epochs=40", "--set", "training.early_stop_patience=0"];
    let straight = workspace.train("straight", &settings);
    let arguments = [&["train", "config.toml", "--run-dir", "stopped"], &settings[..]].concat();
    let mut child = workspace.command(&arguments).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    // The first progress line on stderr: training is under way.
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let _ = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("epoch")));
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest:?}");
    assert!(rest.iter().any(|line| line.contains("interrupted") && line.contains("saved")), "{rest:?}");
    assert_eq!(workspace.record("stopped")["status"], "interrupted");

    workspace.succeed(&["resume", "stopped"]);
    let resumed = workspace.record("stopped");
    assert_eq!(digests(&resumed), digests(&straight));
    assert_eq!(resumed["result"]["epochs"], straight["result"]["epochs"]);
    let losses = |run: &str| -> Vec<String> {
        let text = workspace.read(&format!("{run}/metrics.jsonl"));
        let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let epochs = lines.filter(|line| line["event"] == "epoch");
        epochs.map(|line| format!("{} {} {}", line["epoch"], line["train_loss"], line["valid_auc"])).collect()
    };
    assert_eq!(losses("stopped"), losses("straight"));
}

#[test]
fn resuming_a_finished_run_changes_nothing() {
    let workspace = Workspace::new();
    workspace.train("run", &["--set", "training.epochs=1"]);
    let before = [workspace.read("run/run.json"), workspace.read("run/metrics.jsonl")];
    assert!(workspace.succeed(&["resume", "run"]).contains("prediction digest"));
    assert_eq!([workspace.read("run/run.json"), workspace.read("run/metrics.jsonl")], before);
}

#[test]
fn a_damaged_checkpoint_is_named_and_not_used() {
    let workspace = Workspace::new();
    workspace.train("run", &["--set", "training.epochs=1"]);
    let path = workspace.checkpoint("run").join("parameters.safetensors");
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    workspace
        .fail(&["predict", "run", "raw/test.csv", "-o", "x.parquet"], &["parameters.safetensors", "damaged", "BLAKE3"]);
    bytes.truncate(last);
    std::fs::write(&path, &bytes).unwrap();
    workspace.fail(&["eval", "run"], &["parameters.safetensors", "size in bytes"]);
    assert!(!workspace.path("x.parquet").exists());
}

/// Sets the flag of an interruption at a chosen step of a chosen epoch.
struct StopAt<'a> {
    epoch: usize,
    step: usize,
    stop: &'a AtomicBool,
}

impl Observer for StopAt<'_> {
    fn observe(&mut self, event: &Event) -> Result<(), ObserveError> {
        if let Event::Step { epoch, step, .. } = event
            && (*epoch, *step) == (self.epoch, self.step)
        {
            self.stop.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Trains in this process until the end, or until the given (epoch, step).
fn train_until(workspace: &Workspace, run: &str, resume: bool, at: (usize, usize)) -> anyhow::Result<RunRecord> {
    train_with(workspace, run, resume, at, &[])
}

/// The same, with some keys set.
fn train_with(
    workspace: &Workspace,
    run: &str,
    resume: bool,
    at: (usize, usize),
    set: &[&str],
) -> anyhow::Result<RunRecord> {
    let set = set.iter().map(|text| (*text).to_owned()).collect();
    let overrides = Overrides { cache_dir: Some(workspace.path("cache")), set, ..Overrides::default() };
    let plan = Plan::load(&workspace.path("config.toml"), &overrides)?;
    let stop = AtomicBool::new(false);
    let data = trainer::dataset::open(&plan, &|_| {}, &stop)?;
    let path = workspace.path(run);
    let folder = if resume { RunFolder::open(&path)? } else { RunFolder::create(Some(&path), "x")? };
    let store = CheckpointStore::new(folder.checkpoints_path(), identity(&plan, &data)?);
    let resume = if resume { Some(store.load(Which::Last)?) } else { None };
    let learner = Learner::<Flex>::new(&plan, data.schema(), FlexDevice)?;
    let mut observer = StopAt { epoch: at.0, step: at.1, stop: &stop };
    let (observer, started) = (&mut observer, Instant::now());
    TrainingRun { plan: &plan, dataset: &data, folder: &folder, resume, stop: &stop, observer, started }.run(learner)
}

#[test]
fn a_run_stopped_within_an_epoch_repeats_and_skips_no_batch() {
    let workspace = Workspace::new();
    let never = (usize::MAX, 0);
    let straight = train_until(&workspace, "straight", false, never).unwrap().result.unwrap();
    for (epoch, step) in [(1, 1), (2, 5), (3, 12)] {
        let run = format!("stopped-{epoch}-{step}");
        let error = train_until(&workspace, &run, false, (epoch, step)).unwrap_err().to_string();
        assert!(error.contains("interrupted"), "{error}");
        let resumed = train_until(&workspace, &run, true, never).unwrap().result.unwrap();
        assert_eq!(resumed.parameter_digest, straight.parameter_digest, "{run}");
        assert_eq!(resumed.prediction_digest, straight.prediction_digest, "{run}");
        assert_eq!(resumed.steps, straight.steps, "{run}");
    }
}

#[test]
fn a_run_on_replicas_goes_on_where_it_stopped() {
    let workspace = Workspace::new();
    let (never, set) = ((usize::MAX, 0), ["training.replicas=2"]);
    let straight = train_with(&workspace, "straight", false, never, &set).unwrap().result.unwrap();
    train_with(&workspace, "stopped", false, (2, 5), &set).unwrap_err();
    let resumed = train_with(&workspace, "stopped", true, never, &set).unwrap().result.unwrap();
    assert_eq!(resumed.parameter_digest, straight.parameter_digest);
    assert_eq!(resumed.prediction_digest, straight.prediction_digest);
}

#[test]
fn a_run_with_schedules_and_every_kind_of_state_goes_on_where_it_stopped() {
    let workspace = Workspace::new();
    let never = (usize::MAX, 0);
    // A plateau at every epoch but the first, on top of the schedules.
    let common = [
        "training.min_delta=1",
        "training.reduce_lr_on_plateau.factor=0.5",
        "training.schedule={warmup_steps=5, course={type=\"cosine\", end_factor=0.1}}",
        "embedding.schedule={course={type=\"step\", every=1, factor=0.7, unit=\"epoch\"}}",
    ];
    let optimizers = [
        ["embedding.optimizer={type=\"rowwise_adam\"}", "optimizer={type=\"adamw\", weight_decay=0.1}"],
        ["embedding.optimizer={type=\"ftrl\"}", "optimizer={type=\"adagrad\"}"],
        ["embedding.optimizer={type=\"sgd\", momentum=0.9}", "optimizer={type=\"sgd\", momentum=0.9, nesterov=true}"],
    ];
    for (index, optimizers) in optimizers.iter().enumerate() {
        let set = [&common[..], optimizers].concat();
        let straight =
            train_with(&workspace, &format!("straight-{index}"), false, never, &set).unwrap().result.unwrap();
        let run = format!("stopped-{index}");
        train_with(&workspace, &run, false, (2, 5), &set).unwrap_err();
        let resumed = train_with(&workspace, &run, true, never, &set).unwrap().result.unwrap();
        assert_eq!(resumed.parameter_digest, straight.parameter_digest, "{optimizers:?}");
        let constant = ["training.schedule={}", "embedding.schedule={}"];
        let set = [&set[..], &constant].concat();
        let constant =
            train_with(&workspace, &format!("constant-{index}"), false, never, &set).unwrap().result.unwrap();
        assert_ne!(constant.parameter_digest, straight.parameter_digest, "{optimizers:?}");
    }
}
