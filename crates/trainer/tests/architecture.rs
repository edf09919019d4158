//! The invariants of ARCHITECTURE.md that can be read off the sources.
use std::fs;
use std::path::{Path, PathBuf};

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The Rust files under a folder with their paths and texts.
fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push((path.clone(), fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(!found.is_empty() || !folder.ends_with("src"), "{}", folder.display());
    found
}

/// Asserts that no source of a crate holds any of `words`; comments do not count.
fn assert_without(krate: &str, words: &[&str]) {
    for (path, text) in sources(&crates().join(krate).join("src")) {
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for word in words {
                assert!(!code.contains(word), "{}:{}: `{word}`", path.display(), number + 1);
            }
        }
    }
}

#[test]
fn the_data_crate_does_not_know_burn() {
    assert_without("ctr-data", &["burn"]);
    let manifest = fs::read_to_string(crates().join("ctr-data/Cargo.toml")).unwrap();
    assert!(!manifest.contains("burn"));
}

#[test]
fn the_activation_crate_does_not_know_click_through_rates() {
    assert_without("smelu", &["ctr_", "embedding", "click"]);
}

#[test]
fn the_model_crate_touches_no_path_no_clock_and_no_global_randomness() {
    assert_without("ctr-model", &["std::fs", "std::path", "std::time", "Instant", "SystemTime", "rand::", "std::env"]);
}

#[test]
fn only_the_trainer_talks_to_a_terminal() {
    for krate in ["smelu", "ctr-data", "ctr-model"] {
        assert_without(krate, &["println!", "eprintln!", "io::stdout", "io::stderr"]);
    }
}

#[test]
fn no_source_file_is_longer_than_400_lines() {
    for (path, text) in sources(&crates()) {
        let lines = text.lines().count();
        assert!(lines <= 400, "{}: {lines} lines", path.display());
    }
}
