//! The `ctr` command as a user runs it: real processes, real files.
mod bad_input;
mod help;
mod real_data;
mod reproducible;
mod resume;
mod run_folder;
mod workspace;
