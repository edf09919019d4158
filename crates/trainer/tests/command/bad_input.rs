//! Each mistake gives one clear error and a non-zero exit.
use std::fs;
use std::process::Command;

use crate::workspace::Workspace;

const TRAIN: [&str; 4] = ["train", "config.toml", "--run-dir", "run"];

#[test]
fn a_malformed_row_names_file_line_and_what_was_expected() {
    let workspace = Workspace::new();
    let good = workspace.read("raw/train.csv");
    for (row, parts) in [
        ("1,u1,i1", vec!["train.csv", "line 1502", "3", "4"]),
        ("1,u1,i1,2.5,extra", vec!["train.csv", "line 1502", "5", "4"]),
        ("7,u1,i1,2.5", vec!["train.csv", "line 1502", "label", "\"7\""]),
        ("1,u1,i1,cheap", vec!["train.csv", "line 1502", "price", "\"cheap\""]),
    ] {
        workspace.write("raw/train.csv", &format!("{good}{row}\r\n"));
        workspace.fail(&TRAIN, &parts);
        assert!(!workspace.path("run").exists());
    }
}

#[test]
fn a_missing_column_is_named_with_those_that_are_there() {
    let workspace = Workspace::new();
    let text = workspace.read("raw/valid.csv").replacen("item", "itme", 1);
    workspace.write("raw/valid.csv", &text);
    workspace.fail(&TRAIN, &["valid.csv", "`item`", "itme"]);
}

#[test]
fn an_unknown_key_is_named_with_the_nearest_one() {
    let workspace = Workspace::new();
    workspace.write("config.toml", &workspace.read("config.toml").replace("batch_norm", "batchnorm"));
    workspace.fail(&TRAIN, &["config.toml:10:", "batchnorm", "`batch_norm`"]);
    let workspace = Workspace::new();
    workspace.fail(
        &[&TRAIN[..], &["--set", "training.bach_size=3"]].concat(),
        &["--set training.bach_size=3", "`batch_size`"],
    );
}

#[test]
fn a_device_that_is_not_there_is_an_error_and_no_fallback() {
    let workspace = Workspace::new();
    if cfg!(not(feature = "cuda")) {
        workspace.fail(&[&TRAIN[..], &["--device", "cuda"]].concat(), &["cuda", "--features cuda"]);
    } else if !std::path::Path::new("/dev/nvidiactl").exists() {
        workspace.fail(&[&TRAIN[..], &["--device", "cuda"]].concat(), &["device `cuda`", "not found"]);
    }
    workspace.fail(&[&TRAIN[..], &["--device", "tpu"]].concat(), &["tpu", "flex"]);
    assert!(!workspace.path("run").exists());
}

#[test]
fn a_model_larger_than_memory_is_an_error_and_no_abort() {
    let workspace = Workspace::new();
    let set = ["--set", "model.hidden_units=[1000000, 1000000]"];
    workspace.fail(&[&TRAIN[..], &set].concat(), &["dense parameters", "could not be reserved", "`model`"]);
}

#[test]
fn an_unreadable_file_is_named() {
    let workspace = Workspace::new();
    workspace.fail(&["train", "absent.toml"], &["absent.toml"]);
    fs::remove_file(workspace.path("raw/test.csv")).unwrap();
    workspace.fail(&TRAIN, &["test.csv"]);
    // A folder in the place of a file cannot be read, not even by root.
    fs::create_dir(workspace.path("raw/test.csv")).unwrap();
    workspace.fail(&TRAIN, &["test.csv"]);
    workspace.fail(&["predict", "nowhere", "raw/valid.csv", "-o", "x.parquet"], &["nowhere", "not a run folder"]);
    workspace.fail(&["compare", "a.parquet", "b.parquet"], &["a.parquet"]);
}

#[test]
fn a_file_that_is_no_config_is_an_error_with_its_place() {
    let workspace = Workspace::new();
    workspace.write("config.toml", "[model\n");
    workspace.fail(&TRAIN, &["config.toml:1:"]);
    fs::write(workspace.path("config.toml"), [0xff, 0xfe, 0x00]).unwrap();
    workspace.fail(&TRAIN, &["config.toml"]);
}

#[test]
fn what_cannot_be_trained_leaves_no_folder() {
    let workspace = Workspace::new();
    let one_class = workspace.read("raw/valid.csv").replace("\n1,", "\n0,");
    workspace.write("raw/valid.csv", &one_class);
    workspace.fail(&TRAIN, &["one class", "log_loss"]);
    assert_eq!(workspace.record("run")["status"], "failed");
    let workspace = Workspace::new();
    workspace.fail(&[&TRAIN[..], &["--set", "embedding.mode=dense"]].concat(), &["embedding.optimizer", "dense mode"]);
    assert!(!workspace.path("run").exists());
}

/// Runs the command where no file may grow beyond `kib` KiB: writes fail as on a full disk.
fn limited(workspace: &Workspace, kib: u32, arguments: &str) -> (Option<i32>, String) {
    // Ignoring the signal turns the limit into an error of `write`.
    let script = format!("trap '' XFSZ; ulimit -f {kib}; exec '{}' {arguments}", env!("CARGO_BIN_EXE_ctr"));
    let output = Command::new("bash").args(["-c", &script]).current_dir(workspace.path("")).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_disk_without_room_is_named_and_the_run_goes_on_when_there_is_room_again() {
    let workspace = Workspace::new();
    let (status, stderr) = limited(&workspace, 8, "train config.toml --run-dir run");
    assert!(status == Some(1) && stderr.contains("error: ") && stderr.contains("cache"), "{stderr}");
    assert!(!workspace.path("run").exists());

    workspace.succeed(&["prepare", "config.toml"]);
    let settings = "--set training.epochs=1 --set model.hidden_units=[64,64]";
    let (status, stderr) = limited(&workspace, 12, &format!("train config.toml --run-dir run {settings}"));
    assert!(status == Some(1) && stderr.contains("parameters.safetensors"), "{stderr}");
    assert_eq!(workspace.record("run")["status"], "failed");
    let entries = fs::read_dir(workspace.path("run/checkpoints")).unwrap();
    assert!(entries.flatten().all(|entry| entry.file_name().to_string_lossy().starts_with("unfinished-")));
    workspace.succeed(&["resume", "run"]);
    assert_eq!(workspace.record("run")["status"], "finished");
}

/// A file system that is full, where this process may mount one.
pub(crate) struct FullDisk<'a> {
    workspace: &'a Workspace,
}

impl<'a> FullDisk<'a> {
    pub(crate) fn mount(workspace: &'a Workspace, bytes: u32) -> Option<Self> {
        fs::create_dir(workspace.path("disk")).unwrap();
        let options = format!("size={bytes}");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(workspace.path("disk")).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self { workspace })
    }

    /// Gives the file system another size.
    pub(crate) fn resize(&self, bytes: u32) {
        let options = format!("remount,size={bytes}");
        let status = Command::new("mount").args(["-o", &options]).arg(self.workspace.path("disk")).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for FullDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.workspace.path("disk")).status();
    }
}

#[test]
fn a_full_disk_is_named_and_leaves_no_half_file() {
    let workspace = Workspace::new();
    // Less than the encoded data, and less than a run with its checkpoint.
    let Some(_disk) = FullDisk::mount(&workspace, 16 * 1024) else {
        eprintln!("skipped: this user may not mount a small file system");
        return;
    };
    workspace.fail(&[&TRAIN[..], &["--cache-dir", "disk/cache"]].concat(), &["disk/cache", "No space left"]);
    workspace.fail(&["train", "config.toml", "--run-dir", "disk/run"], &["disk/run", "No space left"]);
    let whole: Vec<_> = fs::read_dir(workspace.path("disk/run/checkpoints")).into_iter().flatten().flatten().collect();
    assert!(whole.iter().all(|entry| !entry.file_name().to_string_lossy().starts_with("step-")), "{whole:?}");
}

#[test]
fn rows_put_aside_are_counted_and_kept_beside_the_config() {
    let workspace = Workspace::new();
    workspace.write("raw/train.csv", &format!("{}7,u1,i1,2.5\n1,u1\n", workspace.read("raw/train.csv")));
    let dataset = workspace.read("dataset.toml");
    workspace.write("dataset.toml", &format!("{dataset}[rows]\nbad = 'quarantine'\nquarantine = 'aside.jsonl'\n"));
    let summary = workspace.succeed(&["prepare", "config.toml"]);
    assert!(summary.contains("left out  train: 2 rows (1 label, 1 field_count)"), "{summary}");
    assert_eq!(workspace.read("aside.jsonl").lines().count(), 2);
}
