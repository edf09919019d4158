//! The crate from outside: raw files in, batches out.

mod bad_input;
mod cache;
mod configs;
mod damage;
mod encode_file;
mod formats;
mod frappe;
mod full_disk;
mod loader;
mod synthetic;
mod tables;
mod workshop;
