//! `ctr resume`.
use std::sync::atomic::AtomicBool;

use super::train::{Place, train};
use crate::cli::ResumeArgs;
use crate::config::Overrides;
use crate::run_folder::RunFolder;

pub(super) fn run(args: &ResumeArgs, stop: &AtomicBool) -> anyhow::Result<()> {
    let folder = RunFolder::open(&args.run)?;
    let plan = folder.plan(&Overrides::default())?;
    train(&plan, &Place::Existing(folder), stop)
}
