//! A disk that takes no more gives an error and leaves nothing.
//!
//! A test cannot fill a disk; it runs itself again in a process whose files may not grow beyond a few KiB, which fails in the same calls.

#![cfg(unix)]

use std::process::Command;

use ctr_data::{DataError, Split, write_csv};

use crate::workshop::{CSV_CONFIG, Workshop, parse};

const LIMITED: &str = "CTR_DATA_TEST_FILE_LIMIT";

/// Runs one test of this binary, which ends in `_when_limited`, with files limited to 8 KiB.
fn run_limited(test: &str) {
    let binary = std::env::current_exe().unwrap();
    // Ignoring the signal turns the limit into an error of `write`, as a full disk is.
    let script = format!("trap '' XFSZ; ulimit -f 16; exec '{}' --exact {test}", binary.display());
    let output = Command::new("bash").args(["-c", &script]).env(LIMITED, "1").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
fn preparing_onto_a_full_disk() {
    run_limited("full_disk::prepare_when_limited");
}

#[test]
fn prepare_when_limited() {
    if std::env::var_os(LIMITED).is_none() {
        return;
    }
    let workshop = Workshop::empty();
    // 400 rows of 50 numbers are 80 KB.
    let names: Vec<String> = (0..50).map(|field| format!("{{ name = 'f{field}', weight = 0.1 }}")).collect();
    let config = format!(
        "name = 'made'\n[source]\nformat = 'synthetic'\nseed = 1\nrows = {{ train = 400, valid = 1, test = 1 }}\nnumeric = [{}]",
        names.join(", ")
    );
    let error = workshop.prepare(&config).unwrap_err();
    assert!(matches!(error, DataError::Io { .. }), "{error}");
    let message = error.to_string();
    assert!(message.contains("cannot write") && message.contains(&workshop.cache().display().to_string()), "{message}");
    assert_eq!(workshop.cached(), Vec::<String>::new());
    // Small data still fit: nothing is in a bad state.
    assert!(!Workshop::small().prepare(CSV_CONFIG).unwrap().was_cached());
}

#[test]
fn exporting_onto_a_full_disk() {
    run_limited("full_disk::export_when_limited");
}

#[test]
fn export_when_limited() {
    if std::env::var_os(LIMITED).is_none() {
        return;
    }
    let workshop = Workshop::empty();
    let config = "name = 'made'\n[source]\nformat = 'synthetic'\nseed = 1\nrows = { train = 4000, valid = 1, test = 1 }\nnumeric = [{ name = 'x' }]";
    let source = parse(config).open_source(Split::Train, &workshop.raw("")).unwrap();
    let path = workshop.write("exported.csv", "what stood here before");
    let message = write_csv(source.as_ref(), &path).unwrap_err().to_string();
    assert!(message.contains("cannot write") && message.contains("exported.csv"), "{message}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "what stood here before");
    assert_eq!(std::fs::read_dir(workshop.raw("")).unwrap().count(), 1, "a temporary file is left");
}
