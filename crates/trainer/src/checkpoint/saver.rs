//! When checkpoints are written while a run goes on, and by which thread.
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{Checkpoint, CheckpointError, CheckpointStore, Retention};
use crate::config::CheckpointConfig;

/// Writes the checkpoints of a run.
///
/// The training loop takes a copy of the state ([`Checkpoint::of`]) and goes on; a thread writes the copy. One write is under way at a time: a
/// second one waits for the first, so that there is one copy more in memory at most, and checkpoints reach the disk in order. An error of a
/// write is returned by the next call of any method.
#[derive(Debug)]
pub struct CheckpointSaver {
    store: CheckpointStore,
    keep: Retention,
    asynchronous: bool,
    every_steps: u64,
    every: Option<Duration>,
    last: Instant,
    pending: Option<Pending>,
}

#[derive(Debug)]
struct Pending {
    steps: u64,
    thread: JoinHandle<Result<(), CheckpointError>>,
}

impl CheckpointSaver {
    /// Writes to `store` as the plan says.
    #[must_use]
    pub fn new(store: CheckpointStore, config: &CheckpointConfig) -> Self {
        Self {
            store,
            keep: Retention { last: config.keep_last, every_epochs: config.keep_every_epochs },
            asynchronous: config.asynchronous,
            every_steps: config.every_steps,
            every: Duration::try_from_secs_f64(config.every_minutes * 60.0).ok().filter(|every| !every.is_zero()),
            last: Instant::now(),
            pending: None,
        }
    }

    /// Whether a checkpoint is due after this number of steps.
    ///
    /// # Errors
    /// When the write under way has failed.
    pub fn is_due(&mut self, steps: u64) -> Result<bool, CheckpointError> {
        if self.pending.as_ref().is_some_and(|pending| pending.thread.is_finished()) {
            self.finish()?;
        }
        let counted = self.every_steps > 0 && steps.is_multiple_of(self.every_steps);
        Ok(counted || self.every.is_some_and(|every| self.last.elapsed() >= every))
    }

    /// Writes a checkpoint; it is on disk for good after [`finish`](Self::finish).
    ///
    /// # Errors
    /// When this write, or the one before it, has failed.
    pub fn save(&mut self, checkpoint: Checkpoint, best: bool) -> Result<(), CheckpointError> {
        self.finish()?;
        self.last = Instant::now();
        let (keep, steps) = (self.keep, checkpoint.steps);
        if !self.asynchronous {
            return self.store.save(&checkpoint, best, keep);
        }
        let store = self.store.clone();
        let work = move || store.save(&checkpoint, best, keep);
        let thread = thread::Builder::new().name("checkpoint".to_owned()).spawn(work);
        let thread = thread.map_err(|source| CheckpointError::Thread { source })?;
        self.pending = Some(Pending { steps, thread });
        Ok(())
    }

    /// Waits until every checkpoint is on disk.
    ///
    /// # Errors
    /// When the write under way has failed.
    pub fn finish(&mut self) -> Result<(), CheckpointError> {
        let Some(Pending { steps, thread }) = self.pending.take() else { return Ok(()) };
        thread.join().unwrap_or(Err(CheckpointError::Writer { steps }))
    }
}

impl Drop for CheckpointSaver {
    /// A run that ends by an error still gets the checkpoint under way.
    fn drop(&mut self) {
        if let Err(error) = self.finish() {
            tracing::error!("{error}");
        }
    }
}
