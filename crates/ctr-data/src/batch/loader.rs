//! Threads that make the next batches while the current one is being trained on.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::{HostBatch, Room};
use crate::error::DataError;
use crate::row_layout::RowLayout;
use crate::shard::Shards;
use crate::shuffle::{Order, Permutation};

/// How an epoch is cut into batches, and by how many threads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoaderOptions {
    /// Examples in a batch.
    pub batch_size: usize,
    /// Leave out the last batch if it is smaller than the others.
    pub drop_last: bool,
    /// Threads that make batches; 0 makes each batch when it is asked for.
    pub threads: usize,
    /// Batches kept ready, over all threads; at least one for each thread.
    pub prefetch: usize,
    /// First batch to yield: where a resumed epoch goes on.
    pub start_batch: usize,
    /// Seed of another order of the rows within each batch, which leaves each batch its rows: every sum over a batch is then taken in another
    /// order. `None` keeps that of the epoch.
    pub reorder: Option<u64>,
}

impl Default for LoaderOptions {
    fn default() -> Self {
        Self { batch_size: 4096, drop_last: false, threads: 1, prefetch: 4, start_batch: 0, reorder: None }
    }
}

/// The batches of one epoch, in order.
///
/// The content depends on the shards, the layout, the order and the batch size; not on the number of threads. Thread t of T makes batches
/// t, t + T, t + 2T, … into a bounded channel of its own, from which the iterator takes turns: memory is bounded, and the order needs no
/// bookkeeping. Dropping the iterator stops the threads. After an error it ends.
#[derive(Debug)]
pub struct Batches {
    plan: EpochPlan,
    first: usize,
    next: usize,
    maker: Maker,
}

type Made = Result<HostBatch, DataError>;

#[derive(Debug)]
enum Maker {
    Inline(Box<Room>),
    Threads { lanes: Vec<Receiver<Made>>, threads: Vec<JoinHandle<()>>, stop: Arc<AtomicBool> },
    Failed(Option<DataError>),
}

#[derive(Debug, Clone)]
struct EpochPlan {
    shards: Arc<Shards>,
    layout: Arc<RowLayout>,
    order: Arc<Permutation>,
    batch_size: usize,
    batches: usize,
}

impl EpochPlan {
    fn positions(&self, index: usize) -> Range<usize> {
        let start = index * self.batch_size;
        start..(start + self.batch_size).min(self.order.len())
    }

    fn make(&self, index: usize, room: &mut Room) -> Made {
        HostBatch::gather(index, self.positions(index), &self.shards, &self.order, &self.layout, room)
    }
}

/// The batches of one epoch over a split.
///
/// Arguments that cannot be served (a batch size of 0, shards with another number of fields than the layout, a thread that cannot be
/// started) make the iterator yield one error and end.
#[must_use]
pub fn batches(shards: &Arc<Shards>, layout: &RowLayout, order: Order, options: &LoaderOptions) -> Batches {
    let rows = shards.len();
    let batches = match options.batch_size {
        0 => 0,
        size if options.drop_last => rows / size,
        size => rows.div_ceil(size),
    };
    let refused = refusal(shards, layout, options, batches);
    let permuted = if refused.is_some() { 0 } else { rows as u64 };
    let permutation = Permutation::new(permuted, order);
    let permutation = match options.reorder {
        Some(seed) => permutation.reordered(options.batch_size as u64, seed),
        None => permutation,
    };
    let plan = EpochPlan {
        shards: Arc::clone(shards),
        layout: Arc::new(layout.clone()),
        order: Arc::new(permutation),
        batch_size: options.batch_size,
        batches,
    };
    let maker = match refused {
        Some(error) => Maker::Failed(Some(error)),
        None => Maker::start(&plan, options),
    };
    Batches { plan, first: options.start_batch, next: options.start_batch, maker }
}

fn refusal(shards: &Shards, layout: &RowLayout, options: &LoaderOptions, batches: usize) -> Option<DataError> {
    let mismatch =
        |what, found: usize, expected: String| Some(DataError::Mismatch { what, found: found.to_string(), expected });
    if options.batch_size == 0 {
        return mismatch("batch size", 0, "at least 1".to_owned());
    }
    for (what, found, expected) in [
        ("categorical fields of the shards", shards.categorical_fields(), layout.single_fields()),
        ("multi-hot fields of the shards", shards.multi_hot_fields(), layout.multi_hot_fields()),
    ] {
        if found != expected {
            return mismatch(what, found, format!("the layout's {expected}"));
        }
    }
    if options.start_batch > batches {
        let expected = format!("at most {batches}, the number of batches of an epoch");
        return mismatch("first batch", options.start_batch, expected);
    }
    None
}

impl Maker {
    fn start(plan: &EpochPlan, options: &LoaderOptions) -> Self {
        let batches = plan.batches.saturating_sub(options.start_batch);
        let threads = options.threads.min(batches);
        if threads == 0 {
            return Self::Inline(Box::default());
        }
        let stop = Arc::new(AtomicBool::new(false));
        // Room is reserved ahead: more than there are batches would be in vain.
        let room = options.prefetch.min(batches).div_ceil(threads).max(1);
        let mut lanes = Vec::with_capacity(threads);
        let mut handles = Vec::with_capacity(threads);
        for thread in 0..threads {
            let (sender, receiver) = sync_channel(room);
            let (plan, stop_flag) = (plan.clone(), Arc::clone(&stop));
            let first = options.start_batch + thread;
            let started = std::thread::Builder::new()
                .name(format!("batches-{thread}"))
                .spawn(move || make_lane(&plan, first, threads, &sender, &stop_flag));
            match started {
                Ok(handle) => {
                    lanes.push(receiver);
                    handles.push(handle);
                }
                Err(cause) => {
                    drop(lanes);
                    finish(&stop, handles);
                    let what = format!("thread {thread} of {threads} could not be started: {cause}");
                    return Self::Failed(Some(DataError::Loader { what }));
                }
            }
        }
        Self::Threads { lanes, threads: handles, stop }
    }
}

fn make_lane(plan: &EpochPlan, first: usize, step: usize, sender: &SyncSender<Made>, stop: &AtomicBool) {
    let mut room = Room::default();
    for index in (first..plan.batches).step_by(step) {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let batch = plan.make(index, &mut room);
        let failed = batch.is_err();
        // A send fails only when the iterator is gone: nobody is left to tell.
        if sender.send(batch).is_err() || failed {
            return;
        }
    }
}

fn finish(stop: &AtomicBool, threads: Vec<JoinHandle<()>>) {
    stop.store(true, Ordering::Relaxed);
    for thread in threads {
        // A thread that panicked has already shown itself as a missing batch.
        let _ = thread.join();
    }
}

impl Batches {
    /// Number of batches of a whole epoch, those before `start_batch` included.
    #[must_use]
    pub fn batches_per_epoch(&self) -> usize {
        self.plan.batches
    }
}

impl Iterator for Batches {
    type Item = Result<HostBatch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        let index = self.next;
        let made = match &mut self.maker {
            Maker::Failed(error) => return error.take().map(Err),
            _ if index >= self.plan.batches => return None,
            Maker::Inline(room) => self.plan.make(index, room),
            Maker::Threads { lanes, .. } => lanes[(index - self.first) % lanes.len()].recv().unwrap_or_else(|_| {
                Err(DataError::Loader { what: format!("the thread of batch {index} ended without it") })
            }),
        };
        self.next = if made.is_ok() { index + 1 } else { self.plan.batches };
        Some(made)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.plan.batches.saturating_sub(self.next);
        // An error ends the iterator early, or is all that it yields.
        (0, Some(left.max(1)))
    }
}

impl std::iter::FusedIterator for Batches {}

impl Drop for Batches {
    fn drop(&mut self) {
        if let Maker::Threads { lanes, threads, stop } = std::mem::replace(&mut self.maker, Maker::Failed(None)) {
            // Threads that wait for room in their channel wake up when the channel's other end goes.
            drop(lanes);
            finish(&stop, threads);
        }
    }
}
