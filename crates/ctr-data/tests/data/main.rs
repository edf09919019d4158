//! The crate from outside: raw files in, batches out.

mod bad_input;
mod bad_rows;
mod cache;
mod configs;
mod corpus;
mod custom;
mod damage;
mod divided;
mod encode_file;
mod formats;
mod frappe;
mod full_disk;
mod loader;
mod parquet;
mod synthetic;
mod tables;
mod threads;
mod workshop;

// The targets that are fuzzed, and where they put their inputs.
#[path = "../../../../fuzz/src/scratch.rs"]
mod scratch;
#[path = "../../../../fuzz/src/data.rs"]
#[allow(unreachable_pub, reason = "it is public in its own crate")]
mod targets;
