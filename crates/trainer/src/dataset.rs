//! The encoded data of a plan: from the cache, or prepared now.
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use ctr_data::{DataError, Dataset, PrepareOptions, PrepareProgress};

use crate::config::Plan;

/// Opens the plan's data, and prepares it first where the cache has none that fits.
///
/// # Errors
/// When the raw data cannot be read, or the cache cannot be written.
pub fn open(plan: &Plan, progress: &(dyn Fn(PrepareProgress) + Sync), stop: &AtomicBool) -> Result<Dataset, DataError> {
    let data_dir = plan.data.dir.clone().unwrap_or_else(|| PathBuf::from("."));
    ctr_data::prepare(
        &plan.data.dataset,
        &PrepareOptions {
            data_dir: &data_dir,
            cache_dir: &plan.data.cache_dir,
            threads: plan.threads.unwrap_or_default(),
            progress,
            cancelled: stop,
        },
    )
}
