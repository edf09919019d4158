//! `ctr bench`: figures, and nothing besides.
use std::fs;

use serde_json::Value;

use crate::workspace::Workspace;

fn bench(workspace: &Workspace, extra: &[&str]) -> Value {
    let arguments = [&["bench", "config.toml", "--json"], extra].concat();
    serde_json::from_str(&workspace.succeed(&arguments)).unwrap()
}

#[test]
fn the_figures_of_a_step_come_with_what_they_were_measured_on() {
    let workspace = Workspace::new();
    // 1500 rows are 12 batches of 128, the last one of 92: the steps reach into the third epoch.
    let report = bench(&workspace, &["--steps", "22", "--warmup", "3", "--threads", "1"]);
    let number = |key: &str| report[key].as_f64().unwrap_or_else(|| panic!("no number {key} in {report}"));
    assert_eq!((number("steps"), number("warmup_steps"), number("threads")), (22.0, 3.0, 1.0));
    assert_eq!((number("batch_size"), number("samples")), (128.0, 20.0 * 128.0 + 2.0 * 92.0));
    assert_eq!((&report["name"], &report["device"]), (&Value::from("small"), &Value::from("flex")));
    assert!(number("samples_per_second") > 0.0 && number("parameters") > 0.0, "{report}");
    assert!(report.as_object().unwrap().contains_key("git_commit"));
    let peak = report["peak_resident_bytes"].as_u64();
    assert!(if cfg!(target_os = "linux") { peak > Some(1 << 20) } else { peak.is_none() }, "{peak:?}");

    let step = |key: &str| report["step_ms"][key].as_f64().unwrap();
    assert!(0.0 < step("p5") && step("p5") <= step("median") && step("median") <= step("p95"), "{report}");
    // Every example of the steps is in both figures.
    let seconds = number("samples") / number("samples_per_second");
    assert!((seconds * 1e3 / 22.0 - step("mean")).abs() < 1e-6 * step("mean"), "{report}");

    let parts = report["parts_ms"].as_object().unwrap();
    for part in ["loader_wait", "gather", "forward", "backward", "row_reduction", "row_update", "dense_update"] {
        assert!(parts[part].as_f64().unwrap() > 0.0, "{part}: {report}");
    }
    let sum: f64 = parts.values().map(|part| part.as_f64().unwrap()).sum();
    assert!(sum <= step("mean") * (1.0 + 1e-9), "{sum}: {report}");
}

#[test]
fn the_table_has_every_part_with_its_share() {
    let table = Workspace::new().succeed(&["bench", "config.toml", "--steps", "2", "--warmup", "0"]);
    for name in ["samples/s", "median", "peak memory", "commit", "waiting for the loader", "row update", "other"] {
        assert!(table.contains(name), "{name}: {table}");
    }
    let shares = table.lines().skip_while(|line| !line.starts_with("part of a step")).skip(1);
    let sum: f64 = shares.map(|line| line.split_whitespace().last().unwrap().parse::<f64>().unwrap()).sum();
    assert!((sum - 100.0).abs() < 1.0, "{sum}: {table}");
}

#[test]
fn nothing_is_kept_and_an_existing_run_keeps_its_bytes() {
    let workspace = Workspace::new();
    workspace.train("runs/small-001", &["--set", "training.epochs=1"]);
    let state = || {
        let mut files = vec![fs::read(workspace.path("runs/small-001/run.json")).unwrap()];
        files.extend(["parameters.safetensors", "manifest.json"].map(|file| {
            let path = workspace.checkpoint("runs/small-001").join(file);
            fs::read(path).unwrap()
        }));
        let mut entries: Vec<_> = fs::read_dir(workspace.path("")).unwrap().map(|e| e.unwrap().file_name()).collect();
        entries.extend(fs::read_dir(workspace.path("runs")).unwrap().map(|entry| entry.unwrap().file_name()));
        entries.sort();
        (files, entries)
    };
    let before = state();
    bench(&workspace, &["--steps", "3"]);
    assert!(state() == before);
}

#[test]
fn no_steps_are_refused_before_any_work() {
    let workspace = Workspace::new();
    workspace.fail(&["bench", "config.toml", "--steps", "0"], &["`--steps 0`", "at least 1"]);
    assert!(!workspace.path("cache").exists());
    for steps in ["many", "1.5"] {
        let output = workspace.run(&["bench", "config.toml", "--steps", steps]);
        assert_eq!(output.status.code(), Some(2), "{steps}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("--steps"), "{steps}");
    }
}

#[test]
fn steps_that_diverge_are_an_error_and_no_figure() {
    let workspace = Workspace::new();
    let optimizer = ["--set", "optimizer.type=adam", "--set", "optimizer.learning_rate=1e38"];
    let arguments = [&["bench", "config.toml"], &optimizer[..]].concat();
    let stderr = workspace.fail(&arguments, &["diverged", "at step", "optimizer.learning_rate"]);
    assert!(!stderr.contains("samples/s"));
}
