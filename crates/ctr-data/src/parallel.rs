//! Rows worked on by several threads; what comes out stands in the order of the rows.

use std::any::Any;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use crate::error::DataError;
use crate::source::{BadRow, Chunk, ChunkReader, ChunkedSource, DataSource, Row};
use crate::watch::Watch;

/// Rows of a source that comes in one piece after which a block is made.
const ROWS_A_BLOCK: u64 = 1 << 13;

/// What is done with the rows. A thread has a state of its own; a block is what became of a run of rows.
///
/// A result may depend on the states only in ways that do not show which thread read which rows: on sums of integers, say.
pub(crate) trait RowWork: Sync {
    /// A thread's room.
    type State: Send;
    /// What became of a run of rows.
    type Block: Send;

    /// Before a thread's first row.
    fn start(&self) -> Self::State;

    /// A row, or one that was refused.
    fn row(&self, state: &mut Self::State, row: Result<&Row<'_>, BadRow<'_>>) -> Result<(), DataError>;

    /// After the last row of a run.
    fn block(&self, state: &mut Self::State) -> Self::Block;
}

/// The number of threads that `threads` asks for: 0 is one for each core that the process may use.
pub(crate) fn threads_or_all(threads: usize) -> usize {
    if threads > 0 { threads } else { thread::available_parallelism().map_or(1, NonZeroUsize::get) }
}

/// Works on all rows of a source; `take` gets the blocks in the order of the rows and returns the number of rows so far. Returns the
/// threads' states.
///
/// An error is that of the first row, in the order of the source, that has one.
pub(crate) fn run<W: RowWork>(
    work: &W,
    source: &dyn DataSource,
    threads: usize,
    watch: &mut Watch<'_>,
    take: &mut dyn FnMut(W::Block) -> Result<u64, DataError>,
) -> Result<Vec<W::State>, DataError> {
    let threads = threads_or_all(threads);
    let states = match source.chunked() {
        Some(source) if threads > 1 => spread(work, source, threads, watch, take)?,
        Some(source) => {
            let mut state = work.start();
            let mut chunks = source.chunks()?;
            while let Some(chunk) = chunks.next()? {
                let rows = take(read(work, &mut state, source, &chunk)?)?;
                watch.report(chunk.offset(), rows)?;
            }
            vec![state]
        }
        None => {
            let mut state = work.start();
            let mut rows = 0_u64;
            source.read(&mut |row| {
                let offset = row.as_ref().ok().map(|row| row.offset);
                work.row(&mut state, row)?;
                rows += 1;
                if rows.is_multiple_of(ROWS_A_BLOCK) {
                    let taken = take(work.block(&mut state))?;
                    watch.report(offset.unwrap_or_default(), taken)?;
                }
                Ok(())
            })?;
            let taken = take(work.block(&mut state))?;
            watch.report(source.size()?, taken)?;
            vec![state]
        }
    };
    watch.check()?;
    Ok(states)
}

/// What `work` makes of each item, in the order of the items.
pub(crate) fn map<T: Send, R: Send>(items: Vec<T>, threads: usize, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let threads = threads_or_all(threads).min(items.len());
    let mut made: Vec<Option<R>> = items.iter().map(|_| None).collect();
    let waiting = Mutex::new(items.into_iter().zip(&mut made));
    let all = || {
        // The lock is held while an item is taken, not while it is worked on.
        while let Some((item, place)) = waiting.lock().ok().and_then(|mut waiting| waiting.next()) {
            *place = Some(work(item));
        }
    };
    thread::scope(|scope| {
        for number in 1..threads {
            // A thread that cannot be started leaves its share to the others.
            let started = thread::Builder::new().name(format!("items-{number}")).spawn_scoped(scope, all);
            if let Err(cause) = started {
                tracing::warn!(%cause, number, "a thread could not be started");
            }
        }
        all();
    });
    drop(waiting);
    made.into_iter().flatten().collect()
}

fn read<W: RowWork>(
    work: &W,
    state: &mut W::State,
    source: &dyn ChunkedSource,
    chunk: &Chunk,
) -> Result<W::Block, DataError> {
    source.read_chunk(chunk, &mut |row| work.row(state, row))?;
    Ok(work.block(state))
}

/// A piece's number, its end, and what became of it.
struct Done<B> {
    number: u64,
    offset: u64,
    block: thread::Result<Result<B, DataError>>,
}

fn spread<W: RowWork>(
    work: &W,
    source: &dyn ChunkedSource,
    threads: usize,
    watch: &mut Watch<'_>,
    take: &mut dyn FnMut(W::Block) -> Result<u64, DataError>,
) -> Result<Vec<W::State>, DataError> {
    let stop = AtomicBool::new(false);
    let (jobs, waiting) = channel();
    let waiting = Mutex::new(waiting);
    let (done, finished) = channel();
    let thread = |done: Sender<Done<W::Block>>| {
        let mut state = work.start();
        while let Some((number, chunk)) = next_job(&waiting, &stop) {
            let chunk: Chunk = chunk;
            let block = catch_unwind(AssertUnwindSafe(|| read(work, &mut state, source, &chunk)));
            // A send fails only when the work has ended with an error.
            if done.send(Done { number, offset: chunk.offset(), block }).is_err() {
                break;
            }
        }
        state
    };
    let (thread, stop_flag) = (&thread, &stop);
    thread::scope(|scope| {
        let mut started = Vec::with_capacity(threads);
        for number in 0..threads {
            let done = done.clone();
            let spawned =
                thread::Builder::new().name(format!("rows-{number}")).spawn_scoped(scope, move || thread(done));
            match spawned {
                Ok(handle) => started.push(handle),
                // Fewer threads do the same work.
                Err(cause) if number > 0 => tracing::warn!(%cause, number, "a thread could not be started"),
                Err(cause) => {
                    let what = format!("no thread could be started: {cause}");
                    return Err(DataError::Threads { what });
                }
            }
        }
        drop(done);
        let mut chunks = source.chunks()?;
        let result = in_order(chunks.as_mut(), started.len(), &jobs, &finished, watch, take);
        if result.is_err() {
            stop_flag.store(true, Ordering::Relaxed);
        }
        drop(jobs);
        let states = started.into_iter().map(|handle| handle.join().unwrap_or_else(|panic| resume_unwind(panic)));
        let states = states.collect();
        result.map(|()| states)
    })
}

fn next_job(waiting: &Mutex<Receiver<(u64, Chunk)>>, stop: &AtomicBool) -> Option<(u64, Chunk)> {
    let job = waiting.lock().ok()?.recv().ok()?;
    (!stop.load(Ordering::Relaxed)).then_some(job)
}

/// Hands out the pieces, a few ahead, and takes the blocks in their order.
fn in_order<B>(
    chunks: &mut dyn ChunkReader,
    threads: usize,
    jobs: &Sender<(u64, Chunk)>,
    finished: &Receiver<Done<B>>,
    watch: &mut Watch<'_>,
    take: &mut dyn FnMut(B) -> Result<u64, DataError>,
) -> Result<(), DataError> {
    let ahead = 2 * threads as u64 + 1;
    let (mut read, mut taken) = (0, 0);
    let mut pending = BTreeMap::new();
    // Reading has ended; with an error it comes after those of the rows before.
    let mut end = None;
    loop {
        while end.is_none() && read < taken + ahead {
            match chunks.next() {
                Ok(Some(chunk)) => {
                    if jobs.send((read, chunk)).is_err() {
                        return Err(DataError::Threads { what: "all threads ended early".to_owned() });
                    }
                    read += 1;
                }
                Ok(None) => end = Some(Ok(())),
                Err(error) => end = Some(Err(error)),
            }
        }
        if read == taken {
            return end.unwrap_or(Ok(()));
        }
        let Ok(Done { number, offset, block }) = finished.recv() else {
            return Err(DataError::Threads { what: "all threads ended early".to_owned() });
        };
        pending.insert(number, (offset, block));
        while let Some((offset, block)) = pending.remove(&taken) {
            let block: B = block.unwrap_or_else(|panic: Box<dyn Any + Send>| resume_unwind(panic))?;
            let rows = take(block)?;
            taken += 1;
            watch.report(offset, rows)?;
        }
    }
}
