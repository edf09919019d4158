//! Progress reports and cancellation of long work.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::DataError;
use crate::split::Split;

/// How far a preparation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrepareProgress {
    /// What is being done.
    pub stage: Stage,
    /// Extent done, out of `total`: bytes of a file, rows of a generator.
    pub done: u64,
    /// Extent in all.
    pub total: u64,
    /// Rows done; 0 while fingerprinting.
    pub rows: u64,
}

/// A part of a preparation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Reading a split's raw files to tell whether the cached data were made from them; no split where a rule divides the rows.
    Fingerprint(Option<Split>),
    /// Fitting vocabularies and statistics on the training rows.
    Fit,
    /// Encoding a split; none where a rule divides the rows.
    Encode(Option<Split>),
    /// Encoding a file for prediction.
    EncodeFile,
}

/// Counts one stage's rows.
pub(crate) struct Watch<'a> {
    stage: Stage,
    total: u64,
    progress: &'a (dyn Fn(PrepareProgress) + Sync),
    cancelled: &'a AtomicBool,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(
        stage: Stage,
        total: u64,
        progress: &'a (dyn Fn(PrepareProgress) + Sync),
        cancelled: &'a AtomicBool,
    ) -> Self {
        Self { stage, total, progress, cancelled }
    }

    /// Reports, unless the work was cancelled.
    pub(crate) fn report(&mut self, done: u64, rows: u64) -> Result<(), DataError> {
        self.check()?;
        (self.progress)(PrepareProgress { stage: self.stage, done, total: self.total, rows });
        Ok(())
    }

    /// Whether the work may go on.
    pub(crate) fn check(&self) -> Result<(), DataError> {
        if self.cancelled.load(Ordering::Relaxed) { Err(DataError::Cancelled) } else { Ok(()) }
    }
}
