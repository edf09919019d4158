//! The `ctr` command.
use std::process::ExitCode;

use clap::Parser;
use trainer::cli::Cli;
use trainer::command;

// Fresh buffers dominate elementwise passes: this allocator hands back warm pages where the system's returns them to the kernel.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    command::run(&Cli::parse())
}
