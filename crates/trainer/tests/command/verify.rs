//! `ctr verify`.
use crate::workspace::Workspace;

#[test]
fn a_run_is_verified_by_its_digests_and_its_ledger() {
    let workspace = Workspace::new();
    workspace.train("run", &["--set", "watch.step_digests=1", "--set", "watch.row_ledger=true"]);
    let report = workspace.succeed(&["verify", "run", "--threads", "1"]);
    for part in
        ["36 steps, 3 whole epochs", "no row repeated or skipped", "36 made again, 36 digests compared: identical"]
    {
        assert!(report.contains(part), "{report}");
    }
    assert!(
        workspace.succeed(&["verify", "run", "--steps", "5"]).contains("5 made again, 5 digests compared: identical")
    );

    let metrics = workspace.read("run/metrics.jsonl");
    let line = metrics.lines().find(|line| line.contains("\"step\":7,")).unwrap();
    let other = metrics.lines().find(|line| line.contains("\"step\":8,")).unwrap();
    let digest = |line: &str| line.split("parameter_digest\":\"").nth(1).unwrap()[..64].to_owned();
    workspace.write("run/metrics.jsonl", &metrics.replace(&digest(line), &digest(other)));
    workspace.fail(&["verify", "run"], &["step 7 is the first", "run.json"]);
    workspace.succeed(&["verify", "run", "--steps", "6"]);

    let ledger = workspace.read("run/rows.jsonl");
    let second = ledger.lines().nth(2).unwrap();
    workspace.write("run/rows.jsonl", &ledger.replacen(&format!("{second}\n"), "", 1));
    workspace.fail(&["verify", "run", "--steps", "6"], &["rows.jsonl:3", "step 3 follows step 1"]);
}

#[test]
fn without_recorded_digests_checkpoints_are_compared() {
    let workspace = Workspace::new();
    workspace.train("run", &["--set", "checkpoint.every_steps=5", "--set", "checkpoint.keep_last=100"]);
    let report = workspace.succeed(&["verify", "run"]);
    assert!(report.contains("36 made again") && report.contains("identical"), "{report}");
    workspace.fail(&["verify", "run", "--steps", "2"], &["--steps 2", "step 5", "watch.step_digests"]);
    // Another configuration is another run: the checkpoints say so before anything is trained.
    workspace.write("run/config.toml", &workspace.read("run/config.toml").replace("dropout = 0.2", "dropout = 0.3"));
    workspace.fail(&["verify", "run"], &["plan fingerprint"]);
}
