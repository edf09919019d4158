//! Same config, same bits.
use crate::workspace::{Workspace, digests};

#[test]
fn the_same_config_gives_the_same_bits_for_any_number_of_threads() {
    let workspace = Workspace::new();
    let first = digests(&workspace.train("first", &[]));
    for (index, extra) in [
        vec![],
        vec!["--set", "loader.threads=0"],
        vec!["--set", "loader.threads=3", "--set", "loader.prefetch=1"],
        vec!["--threads", "1"],
        vec!["--threads", "4"],
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(digests(&workspace.train(&format!("run{index}"), &extra)), first, "{extra:?}");
    }
}

#[test]
fn replicas_have_the_same_bits_for_any_number_of_threads() {
    let workspace = Workspace::new();
    let run = |name: &str, replicas: &str, threads: &str| {
        let replicas = format!("training.replicas={replicas}");
        digests(&workspace.train(name, &["--set", &replicas, "--threads", threads]))
    };
    let first = run("first", "3", "1");
    assert_eq!(run("more", "3", "4"), first);
    assert_ne!(run("other", "2", "1"), first);
}

#[test]
fn twenty_runs_give_twenty_equal_digests() {
    let workspace = Workspace::new();
    let short = ["--set", "training.epochs=1"];
    let first = digests(&workspace.train("run0", &short));
    for run in 1..20 {
        assert_eq!(digests(&workspace.train(&format!("run{run}"), &short)), first, "run {run}");
    }
}

#[test]
fn dense_mode_and_ndarray_are_reproducible_too() {
    let workspace = Workspace::new();
    let config = workspace.read("config.toml");
    let (start, rest) = config.split_once("mode = \"sparse\"").unwrap();
    let (_, end) = rest.split_once("learning_rate = 0.05").unwrap();
    workspace.write("config.toml", &format!("{start}mode = \"dense\"\nl2 = 1e-4\n{end}"));
    for device in ["flex", "ndarray"] {
        let run = |name: &str, threads: &str| {
            let name = format!("{device}-{name}");
            digests(&workspace.train(&name, &["--device", device, "--threads", threads]))
        };
        assert_eq!(run("a", "1"), run("b", "3"), "{device}");
    }
}

/// Layers large enough that matrix products are cut among threads (from 192³ multiplications on).
#[test]
fn products_on_several_threads_have_the_bits_of_one() {
    let workspace = Workspace::new();
    let large =
        ["--set", "model.hidden_units=[160, 160]", "--set", "training.batch_size=1500", "--set", "training.epochs=2"];
    for device in ["flex", "ndarray"] {
        let run = |threads: &str| {
            let extra = [&large[..], &["--device", device, "--threads", threads]].concat();
            digests(&workspace.train(&format!("{device}-{threads}"), &extra))
        };
        let one = run("1");
        assert_eq!(run("2"), one, "{device}");
        assert_eq!(run("3"), one, "{device}");
    }
}

#[test]
fn logistic_regression_is_reproducible_too() {
    let workspace = Workspace::new();
    let config = workspace.read("config.toml");
    let (start, rest) = config.split_once("type = \"dnn\"").unwrap();
    let (_, end) = rest.split_once("dim = 4\n").unwrap();
    workspace.write("config.toml", &format!("{start}type = \"lr\"\n[embedding]\n{end}"));
    let one = workspace.train("one", &["--threads", "1"]);
    assert!(one["result"]["test"]["auc"].as_f64().unwrap() > 0.6, "{one}");
    assert_eq!(digests(&workspace.train("three", &["--threads", "3"])), digests(&one));
}

#[test]
fn every_seed_matters_alone() {
    let workspace = Workspace::new();
    let first = digests(&workspace.train("first", &[]));
    for (index, set) in ["seed=6", "seeds.init=1", "seeds.shuffle=1", "seeds.dropout=1"].into_iter().enumerate() {
        let other = digests(&workspace.train(&format!("run{index}"), &["--set", set]));
        assert!(other[0] != first[0] && other[1] != first[1], "{set}");
    }
}
