//! Tells the crate what it is built from and by; `repro::environment` records it with every run.
//!
//! Nothing here may fail a build: what cannot be found out is left out.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=Cargo.toml");
    let compiler = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    tell("CTR_RUSTC_VERSION", output(&compiler, &["--version"]));
    tell("CTR_TARGET", env::var("TARGET").ok());
    tell("CTR_TARGET_FEATURES", env::var("CARGO_CFG_TARGET_FEATURE").ok());
    tell("CTR_OPT_LEVEL", env::var("OPT_LEVEL").ok());
    tell("CTR_FEATURES", Some(features()));
    // The lock file lies in the workspace's root, or beside a packaged crate's manifest.
    let lock = ["../../Cargo.lock", "Cargo.lock"].into_iter().find(|path| Path::new(path).is_file());
    if let Some(lock) = lock {
        println!("cargo::rerun-if-changed={lock}");
        tell("CTR_BURN_VERSION", fs::read_to_string(lock).ok().and_then(|text| locked_version(&text, "burn")));
    }
    // Published numbers come from release builds; a debug build would be built again after every commit.
    if env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        tell("CTR_GIT_COMMIT", git_commit());
    }
}

fn tell(name: &str, value: Option<String>) {
    if let Some(value) = value {
        println!("cargo::rustc-env={name}={value}");
    }
}

/// What a program prints, if it succeeds.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

fn features() -> String {
    let names = env::vars().filter_map(|(name, _)| name.strip_prefix("CARGO_FEATURE_").map(str::to_lowercase));
    let mut names: Vec<String> = names.map(|name| name.replace('_', "-")).collect();
    names.sort();
    names.join(",")
}

fn locked_version(lock: &str, package: &str) -> Option<String> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    lines.nth(1)?.strip_prefix("version = \"")?.strip_suffix('"').map(str::to_owned)
}

/// The commit, where this very crate is tracked: a copy inside a foreign checkout is not that checkout's commit.
fn git_commit() -> Option<String> {
    output("git", &["ls-files", "--error-unmatch", "build.rs"])?;
    let commit = output("git", &["rev-parse", "HEAD"])?;
    if let Some(log) = output("git", &["rev-parse", "--git-path", "logs/HEAD"]) {
        println!("cargo::rerun-if-changed={log}");
    }
    println!("cargo::rerun-if-changed=..");
    println!("cargo::rerun-if-changed=../../Cargo.toml");
    let changes = output("git", &["status", "--porcelain", "--untracked-files=no"])?;
    Some(if changes.is_empty() { commit } else { format!("{commit}-dirty") })
}
