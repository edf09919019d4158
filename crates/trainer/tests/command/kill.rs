//! Processes that are killed at any moment, and what is left of their run.
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use ctr_data::Encoder;
use serde_json::Value;
use trainer::checkpoint::{CheckpointStore, Identity, schema_fingerprint};
use trainer::observe::{LedgerSummary, check_ledger};
use trainer::run_folder::RunFolder;

use crate::workspace::{Workspace, digests};

/// Environment variable: how many processes are killed in all.
const KILLS: &str = "CTR_KILL_TEST_KILLS";
/// Processes killed of one run at most, before it may go on to its end.
const KILLS_PER_RUN: usize = 12;
const ROWS: u64 = 1500;
const EPOCHS: usize = 4;
const SIGKILL: i32 = 9;

/// What runs differ in.
const SETTINGS: [&[&str]; 3] = [
    &[],
    &["--device", "ndarray", "--set", "checkpoint.asynchronous=false"],
    &["--set", "checkpoint.keep_last=3", "--set", "checkpoint.every_steps=1", "--set", "threads=1"],
];

/// Numbers that decide when a process is killed.
struct Moments(u64);

impl Moments {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

#[derive(Default)]
struct Tally {
    kills: usize,
    while_writing: usize,
    resumes: usize,
    redone: u64,
    runs: usize,
}

#[test]
fn a_run_killed_at_random_moments_ends_with_the_bits_of_one_left_alone() {
    let wanted = std::env::var(KILLS).map_or(10, |text| text.parse().expect("a number of kills"));
    let (mut tally, mut moments) = (Tally::default(), Moments(2022));
    while tally.kills < wanted {
        let settings = SETTINGS[tally.runs % SETTINGS.len()];
        let quota = KILLS_PER_RUN.min(wanted - tally.kills);
        kill_one_run(settings, &(5 + tally.runs).to_string(), quota, &mut moments, &mut tally);
    }
    let Tally { kills, while_writing, resumes, redone, runs } = tally;
    eprintln!(
        "{kills} kills ({while_writing} while a checkpoint was written), {resumes} resumes, {runs} runs, {redone} steps made again: identical"
    );
}

#[test]
fn an_ensemble_with_every_term_is_killed_and_goes_on_likewise() {
    let methods = [
        "--set",
        "ensemble.members=2",
        "--set",
        "loss={entropy=0.01, symmetric_kl=0.1, anti_distillation=0.1, co_distillation=0.2, co_distillation_from=40}",
        "--set",
        "training.update_clip_rms=1",
    ];
    let (mut tally, mut moments) = (Tally::default(), Moments(5));
    kill_one_run(&methods, "5", 4, &mut moments, &mut tally);
    assert!(tally.kills > 0, "every kill came too late");
}

fn kill_one_run(settings: &[&str], seed: &str, quota: usize, moments: &mut Moments, tally: &mut Tally) {
    let workspace = Workspace::new();
    let epochs = format!("training.epochs={EPOCHS}");
    let fixed = [
        "--seed",
        seed,
        "--set",
        &epochs,
        "--set",
        "training.early_stop_patience=0",
        "--set",
        "training.batch_size=50",
        "--set",
        "model.hidden_units=[64, 32]",
        "--set",
        "checkpoint.every_steps=4",
        "--set",
        "watch.row_ledger=true",
        "--set",
        "watch.step_digests=1",
    ];
    let settings = [&fixed[..], settings].concat();
    let started = Instant::now();
    let straight = workspace.train("straight", &settings);
    let duration = started.elapsed().as_millis() as u64;
    let arguments = [&["train", "config.toml", "--run-dir", "killed", "--resume", "auto"], &settings[..]].concat();
    let mut kills = 0;
    while kills < quota {
        let mut child = workspace.command(&arguments).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        let moment = Instant::now() + Duration::from_millis(moments.below(duration / 3));
        let wait_for_write = moments.below(2) == 0;
        let ended = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break Some(status);
            }
            if Instant::now() >= moment && (!wait_for_write || is_writing(&workspace.path("killed"))) {
                tally.while_writing += usize::from(is_writing(&workspace.path("killed")));
                break None;
            }
            std::thread::sleep(Duration::from_micros(200));
        };
        if let Some(status) = ended {
            assert!(status.success(), "{status}");
            break;
        }
        child.kill().unwrap();
        // It may have ended by itself in between.
        kills += usize::from(child.wait().unwrap().signal() == Some(SIGKILL));
        every_checkpoint_loads(&workspace.path("killed"));
    }
    workspace.succeed(&arguments);
    let record = workspace.record("killed");
    assert_eq!(record["status"], "finished");
    assert_eq!(digests(&record), digests(&straight));
    for file in ["parameters.safetensors", "optimizer.safetensors"] {
        let read = |run: &str| std::fs::read(workspace.checkpoint(run).join(file)).unwrap();
        assert!(read("killed") == read("straight"), "{file}");
    }
    assert_eq!(lines(&workspace, "killed"), lines(&workspace, "straight"));
    let ledger = check_ledger(&workspace.path("killed/rows.jsonl"), ROWS).unwrap();
    let steps = straight["result"]["steps"].as_u64().unwrap();
    assert_eq!((ledger.steps, ledger.epochs), (steps, EPOCHS));
    let LedgerSummary { resumes, redone, .. } = ledger;
    assert!(record["result"]["train_seconds"].as_f64() > Some(0.0));
    tally.kills += kills;
    tally.resumes += resumes;
    tally.redone += redone;
    tally.runs += 1;
}

fn is_writing(run: &Path) -> bool {
    let entries = std::fs::read_dir(run.join("checkpoints")).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name()).any(|name| {
        let name = name.to_string_lossy();
        name.starts_with("unfinished-") || name.starts_with(".index")
    })
}

/// No kill leaves a checkpoint that cannot be loaded.
pub(crate) fn every_checkpoint_loads(run: &Path) -> usize {
    let Ok(folder) = RunFolder::open(run) else { return 0 };
    let record = folder.record().unwrap();
    let encoder = Encoder::load(&folder.encoder_path()).unwrap();
    let schema = schema_fingerprint(encoder.schema()).unwrap();
    let identity = Identity { plan: record.plan, schema, dataset: record.dataset_digest };
    let store = CheckpointStore::new(folder.checkpoints_path(), identity);
    let entries = store.index().unwrap().checkpoints;
    for entry in &entries {
        let checkpoint = store.load_named(&entry.name).unwrap();
        assert_eq!(checkpoint.steps, entry.steps);
    }
    entries.len()
}

/// What `metrics.jsonl` says of steps and epochs, without times.
fn lines(workspace: &Workspace, run: &str) -> Vec<String> {
    let text = workspace.read(&format!("{run}/metrics.jsonl"));
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let kept = lines.filter(|line| line["event"] == "step" || line["event"] == "epoch");
    kept.map(|mut line| {
        for key in ["train_seconds", "valid_seconds", "samples_per_second"] {
            line.as_object_mut().unwrap().remove(key);
        }
        line.to_string()
    })
    .collect()
}
