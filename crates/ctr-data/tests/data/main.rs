//! The crate from outside: raw files in, batches out.

mod bad_input;
mod bad_rows;
mod cache;
mod configs;
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
