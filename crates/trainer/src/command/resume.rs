//! `ctr resume`.
use std::sync::atomic::AtomicBool;

use super::train::{Place, report, train};
use crate::cli::ResumeArgs;
use crate::config::Overrides;
use crate::printer;
use crate::run_folder::{RunFolder, RunStatus};

pub(super) fn run(args: &ResumeArgs, stop: &AtomicBool) -> anyhow::Result<()> {
    let folder = RunFolder::open(&args.run)?;
    let record = folder.record()?;
    if record.status == RunStatus::Finished && args.from.is_none() {
        printer::result(&report(&folder, &record));
        return Ok(());
    }
    let plan = folder.plan(&Overrides {
        data_dir: args.data_dir.clone(),
        cache_dir: args.cache_dir.clone(),
        threads: args.threads,
        ..Overrides::default()
    })?;
    train(&plan, &Place::Existing { folder, from: args.from.as_deref() }, stop)
}
