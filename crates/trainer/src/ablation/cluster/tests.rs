use std::process::Command;

use super::*;

fn tasks() -> Tasks {
    Tasks {
        name: "It's a Study".to_owned(),
        program: PathBuf::from("/opt/my tools/ctr"),
        directory: PathBuf::from("/home/me/work"),
        folder: PathBuf::from("/home/me/work/out/slurm"),
        arguments: ["ablate", "study.toml", "--out", "out", "--set", "model.activation=\"$HOME `x` 'y'\""]
            .map(str::to_owned)
            .to_vec(),
        count: 12,
        at_a_time: 4,
        threads: 2,
        gpu: false,
        container: Some(Container { image: "registry/ctr:1".to_owned(), claim: "studies".to_owned() }),
    }
}

fn file(export: &Export, name: &str) -> String {
    export.files.iter().find(|file| file.name == name).unwrap().text.clone()
}

/// The words of a command as a shell reads them.
fn words(command: &str, variable: (&str, &str)) -> Vec<String> {
    let script = format!("for word in {command}; do printf '%s\\n' \"$word\"; done");
    let output = Command::new("sh").args(["-c", &script]).env(variable.0, variable.1).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn expected(last: &[&str]) -> Vec<String> {
    let program = "/opt/my tools/ctr".to_owned();
    let rest = last.iter().map(|&word| word.to_owned());
    std::iter::once(program).chain(tasks().arguments).chain(rest).collect()
}

#[test]
fn a_shell_reads_every_word_back() {
    for word in ["", "plain", "a b", "it's", "$HOME", "`x`", "\\", "\"", "*", "~", "-x", "a;b", "ä"] {
        assert_eq!(words(&quote(word), ("HOME", "/nowhere")), [word], "{word:?}");
    }
}

#[test]
fn slurm_gets_an_array_of_all_tasks_and_a_report_after_it() {
    let export = tasks().export(Engine::Slurm);
    let array = file(&export, "array.sh");
    for part in
        ["#SBATCH --array=0-11\n", "--cpus-per-task=2\n", "--job-name=it-s-a-study\n", "--chdir=/home/me/work\n"]
    {
        assert!(array.contains(part), "{part}: {array}");
    }
    let command = array.lines().last().unwrap().strip_prefix("exec ").unwrap();
    assert_eq!(words(command, ("SLURM_ARRAY_TASK_ID", "7")), expected(&["--jobs", "1", "--share", "7/12"]));
    let report = file(&export, "report.sh");
    let command = report.lines().last().unwrap().strip_prefix("exec ").unwrap();
    assert_eq!(words(command, ("X", "")), expected(&["--report-only"]));
    assert!(file(&export, "submit.sh").contains("--dependency=afterany:\"${array%%;*}\""));
    assert_eq!(export.start, "sh /home/me/work/out/slurm/submit.sh");
    assert!(!array.contains("gpu"));
    let gpu = Tasks { gpu: true, ..tasks() };
    assert!(file(&gpu.export(Engine::Slurm), "array.sh").contains("#SBATCH --gres=gpu:1\n"));
}

#[test]
fn parallel_gets_a_line_for_each_task() {
    let export = tasks().export(Engine::Parallel);
    let commands = file(&export, "commands.txt");
    assert_eq!(commands.lines().count(), 12);
    let (directory, command) = commands.lines().nth(3).unwrap().split_once(" && ").unwrap();
    assert_eq!(directory, "cd /home/me/work");
    assert_eq!(words(command, ("X", "")), expected(&["--jobs", "1", "--share", "3/12"]));
}

#[test]
fn kubernetes_gets_indexed_completions_of_the_program_in_the_image() {
    let export = tasks().export(Engine::Kubernetes);
    let array = file(&export, "array.yaml");
    for part in ["completions: 12\n", "parallelism: 4\n", "completionMode: Indexed\n", "image: \"registry/ctr:1\"\n"] {
        assert!(array.contains(part), "{part}: {array}");
    }
    let line = array.lines().find_map(|line| line.trim().strip_prefix("command: ")).unwrap();
    let command: Vec<String> = serde_json::from_str(line).unwrap();
    let command = command[2].strip_prefix("exec ").unwrap();
    let mut expected = expected(&["--jobs", "1", "--share", "5/12"]);
    "ctr".clone_into(&mut expected[0]);
    assert_eq!(words(command, ("JOB_COMPLETION_INDEX", "5")), expected);
    assert!(file(&export, "report.yaml").contains("--report-only"));
}

#[test]
fn shares_divide_the_runs() {
    let share = |text: &str| text.parse::<Share>();
    let of_run = |run: usize| (0..5).filter(|index| share(&format!("{index}/5")).unwrap().contains(run)).count();
    assert!((0..23).all(|run| of_run(run) == 1));
    for wrong in ["", "3", "5/5", "a/2", "1/0", "-1/2"] {
        assert!(share(wrong).unwrap_err().contains("expected I/N"), "{wrong:?}");
    }
}
