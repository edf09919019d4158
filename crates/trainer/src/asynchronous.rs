//! Asynchronous training without locks: the honest kind of irreproducibility.
//!
//! Each worker repeats: read the shared parameters as they are, take one step of a batch of its own, add the difference to the shared
//! parameters. Nothing keeps workers from reading parameters half updated by others, from stepping on stale ones, or from losing an update
//! to another one's at the same moment. Running statistics and the state of rows are shared too, but written over instead of added to: a
//! stale decrement could make a variance negative. The dense optimiser's moments are each worker's own for an epoch, and those of the first
//! worker go on to the next.
//!
//! Reference: F. Niu, B. Recht, C. Ré and S. J. Wright, "Hogwild!: a lock-free approach to parallelizing stochastic gradient descent",
//! arXiv 1106.5730.
use std::panic::resume_unwind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::thread::{self, ScopedJoinHandle};
use std::time::Instant;

use ctr_data::{Batches, DataError, HostBatch};
use ctr_model::ModelBackend;
use ctr_model::embedding::{EmbeddingTable, EmbeddingTables};
use ctr_model::parameters;

use crate::checkpoint::CheckpointError;
use crate::config::EmbeddingUpdate;
use crate::diagnosis::diagnose;
use crate::fit::{FitContext, FitError, FitState};
use crate::learner::{Learner, LearnerError, RateScales};
use crate::observe::{Event, Observer};
use crate::schedule::Horizon;

/// Numbers that every worker reads and writes without asking.
struct Shared {
    dense: Vec<AtomicU32>,
    /// How many of `dense` each parameter has, and whether it is a running statistic.
    parts: Vec<(usize, bool)>,
    /// The records of each table, one after another.
    tables: Vec<Vec<AtomicU32>>,
    steps: AtomicU64,
}

impl Shared {
    fn of<B: ModelBackend>(learner: &Learner<B>) -> Self {
        let cells = |values: &[f32]| values.iter().map(|value| AtomicU32::new(value.to_bits())).collect();
        let table =
            |table: &EmbeddingTable| (0..table.rows()).flat_map(|row| table.record(row)).copied().collect::<Vec<_>>();
        let named = parameters::collect(&learner.model);
        Self {
            parts: named.iter().map(|part| (part.values.len(), parameters::is_statistic(&part.name))).collect(),
            dense: cells(&dense(learner)),
            tables: learner.tables().tables().iter().map(|each| cells(&table(each))).collect(),
            steps: AtomicU64::new(learner.steps),
        }
    }

    /// Copies the shared numbers into a learner: the dense ones, and the records of `rows` in every table.
    fn read<B: ModelBackend>(&self, mut learner: Learner<B>, rows: &[u64]) -> Result<Learner<B>, FitError> {
        let mut named = parameters::collect(&learner.model);
        let mut cells = self.dense.iter();
        for value in named.iter_mut().flat_map(|parameter| &mut parameter.values) {
            *value = cells.next().map_or(*value, load);
        }
        learner.model = parameters::load(learner.model, &named).map_err(CheckpointError::from)?;
        for (table, cells) in learner.tables.host_mut().tables_mut().iter_mut().zip(&self.tables) {
            for row in own_rows(table, rows) {
                let record: Vec<f32> = cells[row * table.stride()..][..table.stride()].iter().map(load).collect();
                table.set_record(row, &record);
            }
        }
        Ok(learner)
    }

    /// Adds to the shared parameters what a step has changed, and writes its statistics and states over theirs.
    fn update<B: ModelBackend>(&self, before: &Snapshot, learner: &Learner<B>, rows: &[u64]) {
        let after = dense(learner);
        let mut start = 0;
        for &(length, is_statistic) in &self.parts {
            let range = start..start + length;
            let change = if is_statistic { overwrite } else { add };
            change(&self.dense[range.clone()], &before.dense[range.clone()], &after[range]);
            start += length;
        }
        for ((table, cells), before) in learner.tables().tables().iter().zip(&self.tables).zip(&before.records) {
            for (row, before) in own_rows(table, rows).zip(before.chunks_exact(table.stride())) {
                let cells = &cells[row * table.stride()..][..table.stride()];
                let (after, width) = (table.record(row), table.width());
                add(&cells[..width], &before[..width], &after[..width]);
                overwrite(&cells[width..], &before[width..], &after[width..]);
            }
        }
    }
}

/// What a worker has read.
struct Snapshot {
    dense: Vec<f32>,
    /// The records of the batch's rows, for each table.
    records: Vec<Vec<f32>>,
}

impl Snapshot {
    fn of<B: ModelBackend>(learner: &Learner<B>, rows: &[u64]) -> Self {
        let records =
            |table: &EmbeddingTable| own_rows(table, rows).flat_map(|row| table.record(row)).copied().collect();
        Self { dense: dense(learner), records: learner.tables().tables().iter().map(records).collect() }
    }
}

/// Those of the rows, numbered as in a row plan, that are the table's own, counted from its first.
fn own_rows<'a>(table: &EmbeddingTable, rows: &'a [u64]) -> impl Iterator<Item = usize> + use<'a> {
    let range = table.row_range();
    let start = range.start;
    rows.iter().filter(move |&row| range.contains(row)).map(move |row| (row - start) as usize)
}

fn load(cell: &AtomicU32) -> f32 {
    f32::from_bits(cell.load(Ordering::Relaxed))
}

/// Adds `after − before`, read and written apart: an update that another worker makes in between is lost, as it is on memory without locks.
fn add(cells: &[AtomicU32], before: &[f32], after: &[f32]) {
    for ((cell, before), after) in cells.iter().zip(before).zip(after) {
        if before.to_bits() != after.to_bits() {
            cell.store((load(cell) + (after - before)).to_bits(), Ordering::Relaxed);
        }
    }
}

fn overwrite(cells: &[AtomicU32], _before: &[f32], after: &[f32]) {
    for (cell, after) in cells.iter().zip(after) {
        cell.store(after.to_bits(), Ordering::Relaxed);
    }
}

fn dense<B: ModelBackend>(learner: &Learner<B>) -> Vec<f32> {
    parameters::collect(&learner.model).into_iter().flat_map(|parameter| parameter.values).collect()
}

/// What a worker tells of a batch.
struct Done {
    rows: usize,
    loss: f64,
}

/// The rest of an epoch with this many workers, or as much of it as there is before `context.stop` is set.
pub(crate) fn train_epoch<B: ModelBackend>(
    mut learner: Learner<B>,
    state: &mut FitState,
    workers: usize,
    batches: Batches,
    horizon: Horizon,
    context: &FitContext<'_>,
    observer: &mut dyn Observer,
) -> Result<Learner<B>, FitError> {
    let (epoch, steps) = (state.epochs + 1, batches.batches_per_epoch());
    let (started, first_row) = (Instant::now(), state.rows);
    learner.tables.host_mut().materialise();
    let shared = Shared::of(&learner);
    let every_row = matches!(context.plan.embedding.update, EmbeddingUpdate::Dense);
    let all: Vec<u64> = (0..shared_rows(learner.tables())).collect();
    let plateau = state.rate_scale;
    let rates = |steps: u64| RateScales::at(context.plan, plateau, steps, horizon);
    let workers = (0..workers).map(|_| worker(&learner, context)).collect::<Result<Vec<_>, _>>()?;
    let (batches, failed) = (Mutex::new(batches), AtomicBool::new(false));
    let next = || {
        let stop = context.stop.load(Ordering::Relaxed) || failed.load(Ordering::Relaxed);
        if stop { None } else { batches.lock().ok().and_then(|mut batches| batches.next()) }
    };
    let moments = thread::scope(|scope| {
        let (sender, receiver) = channel::<Result<Done, FitError>>();
        let handles: Vec<_> = workers
            .into_iter()
            .map(|mut learner| {
                let (sender, next, shared, all, rates) = (sender.clone(), &next, &shared, &all, &rates);
                scope.spawn(move || {
                    while let Some(batch) = next() {
                        let rows = |batch: &HostBatch| if every_row { all.clone() } else { batch.plan.rows.clone() };
                        let taken = take_step(learner, batch, &rows, shared, rates, epoch);
                        let (done, rest) = match taken {
                            Ok((done, rest)) => (Ok(done), Some(rest)),
                            Err(error) => (Err(error), None),
                        };
                        if sender.send(done).is_err() {
                            return rest;
                        }
                        learner = rest?;
                    }
                    Some(learner)
                })
            })
            .collect();
        drop(sender);
        let mut outcome = Ok(());
        for done in receiver {
            let heard = done.and_then(|Done { rows, loss }| {
                state.batches += 1;
                state.loss_sum += loss * rows as f64;
                state.rows += rows as u64;
                let samples_per_second = (state.rows - first_row) as f64 / started.elapsed().as_secs_f64();
                let loss = state.loss_sum / state.rows as f64;
                Ok(observer.observe(&Event::Step { epoch, step: state.batches, steps, loss, samples_per_second })?)
            });
            if heard.is_err() {
                failed.store(true, Ordering::Relaxed);
                outcome = outcome.and(heard);
            }
        }
        let joined: Vec<_> = handles.into_iter().map(ScopedJoinHandle::join).collect();
        let learners: Result<Vec<_>, _> = joined.into_iter().collect();
        // A panic of any worker is that of the epoch, with what it said.
        let learners = learners.unwrap_or_else(|payload| resume_unwind(payload));
        outcome.map(|()| learners.into_iter().next().flatten().map(|learner| learner.dense))
    })?;
    let mut learner = shared.read(learner, &all)?;
    learner.dense = moments.unwrap_or(learner.dense);
    learner.steps = shared.steps.load(Ordering::Relaxed);
    Ok(learner)
}

/// A worker with the optimiser's state; parameters and rows are read before each step.
fn worker<B: ModelBackend>(learner: &Learner<B>, context: &FitContext<'_>) -> Result<Learner<B>, LearnerError> {
    let mut worker = Learner::new(context.plan, context.dataset.schema(), learner.device.clone())?;
    worker.dense = learner.dense.clone();
    worker.base.clone_from(&learner.base);
    Ok(worker)
}

/// One past the last row of the plan.
fn shared_rows(tables: &EmbeddingTables) -> u64 {
    tables.tables().iter().map(|table| table.row_range().end).max().unwrap_or(0)
}

fn take_step<B: ModelBackend>(
    learner: Learner<B>,
    batch: Result<HostBatch, DataError>,
    rows: &impl Fn(&HostBatch) -> Vec<u64>,
    shared: &Shared,
    rates: &impl Fn(u64) -> RateScales,
    epoch: usize,
) -> Result<(Done, Learner<B>), FitError> {
    let batch = batch?;
    let rows = rows(&batch);
    let mut learner = shared.read(learner, &rows)?;
    let before = Snapshot::of(&learner, &rows);
    learner.steps = shared.steps.fetch_add(1, Ordering::Relaxed);
    learner.rates = rates(learner.steps);
    let (learner, loss) = learner.step(&batch);
    if !loss.is_finite() {
        let cause = diagnose(&learner, &batch);
        return Err(FitError::Diverged { loss, step: learner.steps + 1, epoch, cause });
    }
    shared.update(&before, &learner, &rows);
    Ok((Done { rows: batch.labels.len(), loss }, learner))
}
