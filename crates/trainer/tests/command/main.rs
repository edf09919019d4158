//! The `ctr` command as a user runs it: real processes, real files.
#![allow(clippy::print_stderr, reason = "a test that skips says so")]
mod ablate;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod accelerator;
mod bad_input;
mod bench;
mod checkpoints;
mod corpus;
mod export;
mod help;
mod kill;
mod methods;
mod models;
mod pretrained;
mod real_data;
mod replicas;
mod reproducible;
mod resume;
mod run_folder;
mod tables;
mod verify;
mod watch;
mod widths;
mod workspace;

// The targets that are fuzzed, and where they put their inputs.
#[path = "../../../../fuzz/src/mutate.rs"]
#[allow(unreachable_pub, reason = "it is public in its own crate")]
mod mutate;
#[path = "../../../../fuzz/src/scratch.rs"]
#[allow(dead_code, reason = "the targets of the other crate use more of it")]
mod scratch;
#[path = "../../../../fuzz/src/training.rs"]
#[allow(unreachable_pub, reason = "it is public in its own crate")]
mod targets;
