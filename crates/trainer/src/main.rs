//! The `ctr` command.
use std::ffi::{c_int, c_long};
use std::process::ExitCode;

use clap::Parser;
use trainer::cli::Cli;
use trainer::command;

// Fresh buffers dominate elementwise passes: this allocator hands back warm pages where the system's returns them to the kernel.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc's `mi_option_t`: milliseconds after which freed memory goes back to the system; −1 is never.
const PURGE_DELAY: c_int = 15;

// SAFETY: mimalloc's declaration is `void mi_option_set(mi_option_t, long)`, and it is linked as the allocator.
unsafe extern "C" {
    safe fn mi_option_set(option: c_int, value: c_long);
}

fn main() -> ExitCode {
    // Every step needs the buffers of the step before: pages that were given back in between would have to be cleared again.
    if std::env::var_os("MIMALLOC_PURGE_DELAY").is_none() {
        mi_option_set(PURGE_DELAY, -1);
    }
    command::run(&Cli::parse())
}
