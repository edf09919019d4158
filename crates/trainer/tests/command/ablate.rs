//! Ablation studies, as processes that are killed for real.
use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::workspace::Workspace;

/// Every source of irreproducibility, one at a time.
const SOURCES: &str = r#"
base = "config.toml"
replicas = 2
vary = []
[set]
training.epochs = 2
[[axes]]
name = "source"
levels = [
    { name = "none" },
    { name = "init", vary = ["init"] },
    { name = "shuffle", vary = ["shuffle"] },
    { name = "shuffle in windows", vary = ["shuffle"], set = { training.shuffle_window = 10 } },
    { name = "dropout", vary = ["dropout"] },
    { name = "one ulp", vary = ["one_ulp"] },
    { name = "reduction order", vary = ["reduction_order"], set = { model.dropout = 0.0 } },
    { name = "no dropout", set = { model.dropout = 0.0 } },
    { name = "asynchronous", set = { training.async_workers = 3 } },
]
"#;

/// A small grid; each run takes several epochs, so that a kill falls into the middle of some.
const GRID: &str = r#"
base = "config.toml"
question = "Does it come back?"
replicas = 3
[set]
training.epochs = 4
training.early_stop_patience = 0
[[axes]]
name = "activation"
key = "model.activation"
values = ["ReLU", "SmeLU(beta=0.5)"]
"#;

/// One learning rate that no model survives.
const RATES: &str = r#"
base = "config.toml"
replicas = 1
set = { training.epochs = 1 }
[[axes]]
name = "rate"
levels = [
    { name = "too much", set = { optimizer = { type = "adam", learning_rate = 1e30 } } },
    { name = "enough", set = { optimizer = { type = "adam", learning_rate = 1e-3 } } },
]
"#;

/// The lines of a CSV file by the value of their first column.
fn table(workspace: &Workspace, name: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(workspace.path(name)).unwrap();
    let head: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let line = |record: csv::StringRecord| {
        let cells: BTreeMap<String, String> = head.iter().cloned().zip(record.iter().map(str::to_owned)).collect();
        (record[0].to_owned(), cells)
    };
    reader.records().map(|record| line(record.unwrap())).collect()
}

/// The report of a study without the section that a clock shows in.
fn without_cost(workspace: &Workspace, study: &str) -> String {
    let report = workspace.read(&format!("{study}/report.html"));
    let (before, rest) = report.split_once("<section id=\"cost\">").unwrap();
    format!("{before}{}", rest.split_once("</section>").unwrap().1)
}

/// The files of a study's figures: an SVG and a CSV for each.
fn figures(workspace: &Workspace, study: &str) -> Vec<String> {
    let entries = fs::read_dir(workspace.path(&format!("{study}/figures"))).unwrap();
    let names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let with = |end: &str| names.iter().filter(|name| name.ends_with(end)).count();
    assert!(with(".svg") >= 5 && with(".svg") == with(".csv"), "{names:?}");
    names
}

#[test]
fn fixed_sources_give_no_difference_and_each_alone_gives_one() {
    let workspace = Workspace::new();
    workspace.write("study.toml", SOURCES);
    let plan = workspace.succeed(&["ablate", "study.toml", "--out", "study", "--jobs", "2", "--dry-run"]);
    assert!(plan.contains("18, 0 finished before") && plan.contains("time") && plan.contains("disk"), "{plan}");
    assert!(fs::read_dir(workspace.path("study/runs")).unwrap().next().is_none());
    let report = workspace.succeed(&["ablate", "study.toml", "--out", "study", "--jobs", "2"]);
    assert!(report.contains("asynchronous"), "{report}");
    for (source, cells) in table(&workspace, "study/settings.csv") {
        let pd: f64 = cells["pairwise_relative_pd"].parse().unwrap();
        let identical: f64 = cells["identical_pairs"].parse().unwrap();
        let fixed = source == "none" || source == "no dropout";
        assert_eq!((pd == 0.0, identical == 1.0), (fixed, fixed), "{source}: PD {pd}");
    }
    assert_eq!(table(&workspace, "study/results.csv").len(), 18);
}

#[test]
fn a_study_killed_at_random_and_restarted_gives_the_same_bytes() {
    let workspace = Workspace::new();
    workspace.write("study.toml", GRID);
    let arguments = |out: &'static str| ["ablate", "study.toml", "--out", out, "--jobs", "2"];
    workspace.succeed(&arguments("straight"));
    for milliseconds in [80, 250, 400, 150, 600] {
        let mut child =
            workspace.command(&arguments("killed")).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_millis(milliseconds));
        // SIGKILL: nothing is saved, and the runs under way go on without the study.
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let again = workspace.succeed(&arguments("killed"));
    assert!(again.contains("runs       6"), "{again}");
    for file in ["results.csv", "results.jsonl", "settings.csv"] {
        assert_eq!(workspace.read(&format!("killed/{file}")), workspace.read(&format!("straight/{file}")), "{file}");
    }
    let (killed, straight) = (without_cost(&workspace, "killed"), without_cost(&workspace, "straight"));
    assert_eq!(killed, straight);
    assert!(killed.contains("Does it come back?") && killed.matches("<svg").count() >= 5, "{killed}");
    for name in figures(&workspace, "straight") {
        let file = |study: &str| workspace.read(&format!("{study}/figures/{name}"));
        assert_eq!(file("killed"), file("straight"), "{name}");
    }
    let nothing_left = workspace.succeed(&arguments("killed"));
    assert!(nothing_left.contains("6 finished before"), "{nothing_left}");
}

#[test]
fn two_processes_share_the_runs_of_one_study() {
    let workspace = Workspace::new();
    workspace.write("study.toml", GRID);
    let arguments = ["ablate", "study.toml", "--out", "study", "--jobs", "1"];
    let children: Vec<_> = (0..2)
        .map(|_| workspace.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
        .collect();
    let outputs: Vec<_> = children.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
    for output in &outputs {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(table(&workspace, "study/results.csv").len(), 6);
}

#[test]
fn shares_and_exported_commands_give_the_report_of_one_process() {
    let workspace = Workspace::new();
    workspace.write("study.toml", GRID);
    let common = |out: &'static str| ["ablate", "study.toml", "--out", out];
    workspace.succeed(&[&common("straight")[..], &["--jobs", "2"]].concat());
    for share in ["1/2", "0/2", "1/2"] {
        workspace.succeed(&[&common("shared")[..], &["--share", share]].concat());
        assert!(!workspace.path("shared/report.html").exists());
    }
    workspace.succeed(&[&common("shared")[..], &["--report-only"]].concat());
    workspace.fail(&[&common("shared")[..], &["--report-only", "--set", "seed=9"]].concat(), &["another plan"]);

    let said = workspace.succeed(&[&common("exported")[..], &["--export", "parallel", "--tasks", "4"]].concat());
    assert!(said.contains("tasks      4 for parallel") && said.contains("6, 0 finished before"), "{said}");
    assert!(!workspace.path("exported/report.html").exists());
    let commands = workspace.read("exported/parallel/commands.txt");
    assert_eq!(commands.lines().count(), 4);
    for command in commands.lines().chain(workspace.read("exported/parallel/report.sh").lines()) {
        let status = Command::new("sh").args(["-c", command]).stdout(Stdio::null()).status().unwrap();
        assert!(status.success(), "{command}");
    }
    for study in ["shared", "exported"] {
        for file in ["results.csv", "results.jsonl", "settings.csv"] {
            let read = |study: &str| workspace.read(&format!("{study}/{file}"));
            assert_eq!(read(study), read("straight"), "{study}/{file}");
        }
        assert_eq!(without_cost(&workspace, study), without_cost(&workspace, "straight"), "{study}");
    }
}

#[test]
fn an_export_writes_what_the_engine_needs() {
    let workspace = Workspace::new();
    workspace.write("study.toml", GRID);
    let export = |engine: &'static str| ["ablate", "study.toml", "--out", "study", "--export", engine];
    let said = workspace.succeed(&export("slurm"));
    assert!(said.contains("submit.sh"), "{said}");
    assert!(workspace.read("study/slurm/array.sh").contains("#SBATCH --array=0-5\n"));
    let output = workspace.run(&export("kubernetes"));
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && stderr.contains("--image"), "{stderr}");
    let container = ["--image", "registry/ctr:1", "--claim", "studies"];
    workspace.succeed(&[&export("kubernetes")[..], &container].concat());
    assert!(workspace.read("study/kubernetes/array.yaml").contains("claimName: \"studies\""));
    let output = workspace.run(&["ablate", "study.toml", "--out", "study", "--share", "6/6"]);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && stderr.contains("expected I/N"), "{stderr}");
}

#[test]
fn a_run_that_fails_is_named_and_the_others_go_on() {
    let workspace = Workspace::new();
    workspace.write("study.toml", RATES);
    let arguments = ["ablate", "study.toml", "--out", "study"];
    let stderr = workspace.fail(&arguments, &["1 of 2 runs failed", "FAILED", "diverged"]);
    assert!(stderr.contains("log"), "{stderr}");
    assert_eq!(table(&workspace, "study/results.csv").len(), 1);
}

#[test]
fn a_folder_of_another_study_is_refused() {
    let workspace = Workspace::new();
    workspace.write("study.toml", "base = \"config.toml\"\nreplicas = 1\n[set]\ntraining.epochs = 1");
    workspace.succeed(&["ablate", "study.toml", "--out", "study"]);
    workspace.fail(&["ablate", "study.toml", "--out", "study", "--set", "seed=9"], &["another plan", "--out"]);
    workspace.fail(&["ablate", "absent.toml", "--out", "other"], &["absent.toml", "cannot read the study"]);
}
