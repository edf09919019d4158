//! Bringing all runs of a study to their end.
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use super::launch::Ended;
use super::{AblationError, Launcher, Results, Run};

/// What happened to a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// It is finished; `new` says whether it was not before.
    Finished {
        /// The run.
        run: &'a str,
        /// Index of its setting.
        setting: usize,
        /// Whether it was done now.
        new: bool,
    },
    /// It failed; the study goes on without it.
    Failed {
        /// The run.
        run: &'a str,
        /// What it said last.
        reason: &'a str,
    },
}

/// How long to wait before another process's runs are looked at again.
const ROUND: Duration = Duration::from_millis(500);

struct Message {
    run: usize,
    ended: Result<Ended, AblationError>,
}

/// Works on `runs` with `jobs` processes at a time until each is finished or has failed; the tables are written anew after each.
///
/// Other processes may work on the same study meanwhile: a run that one of them has claimed is left to it, and looked after until it is
/// finished or the claim is given up. Returns the names of the runs that failed here.
///
/// # Errors
/// When the user asked to stop, or a file of the study cannot be read or written.
pub fn work(
    runs: &[&Run],
    jobs: usize,
    launcher: &Launcher<'_>,
    results: &mut Results<'_>,
    on_progress: &mut dyn FnMut(&Progress<'_>, &Results<'_>) -> Result<(), AblationError>,
) -> Result<Vec<String>, AblationError> {
    let mut failed = Vec::new();
    let mut open: BTreeSet<usize> = (0..runs.len()).collect();
    loop {
        let queue = Mutex::new(open.iter().copied().collect::<Vec<_>>().into_iter());
        thread::scope(|scope| {
            let (sender, receiver) = channel();
            for _ in 0..jobs.min(open.len()) {
                let (sender, queue) = (sender.clone(), &queue);
                scope.spawn(move || worker(runs, queue, launcher, &sender));
            }
            drop(sender);
            let mut outcome = Ok(());
            for Message { run: index, ended } in receiver {
                let run = runs[index];
                let heard = ended.and_then(|ended| {
                    let progress = match &ended {
                        Ended::Elsewhere => return Ok(()),
                        Ended::Failed(reason) => {
                            failed.push(run.id.clone());
                            Progress::Failed { run: &run.id, reason }
                        }
                        ended => Progress::Finished { run: &run.id, setting: run.setting, new: *ended == Ended::Now },
                    };
                    open.remove(&index);
                    if matches!(progress, Progress::Finished { new: true, .. }) {
                        results.refresh()?;
                        results.write_tables()?;
                    }
                    on_progress(&progress, results)
                });
                if outcome.is_ok()
                    && let Err(error) = heard
                {
                    // The other runs save their state too before this is reported.
                    launcher.abort.store(true, Ordering::Relaxed);
                    outcome = Err(error);
                }
            }
            outcome
        })?;
        if launcher.stopping() {
            return Err(AblationError::Interrupted);
        }
        if open.is_empty() {
            return Ok(failed);
        }
        thread::sleep(ROUND);
    }
}

fn worker(runs: &[&Run], queue: &Mutex<std::vec::IntoIter<usize>>, launcher: &Launcher<'_>, sender: &Sender<Message>) {
    while !launcher.stopping() {
        // A poisoned queue is one whose holder panicked: nothing is left to hand out safely.
        let Some(run) = queue.lock().ok().and_then(|mut queue| queue.next()) else { return };
        let ended = launcher.run(runs[run]);
        if sender.send(Message { run, ended }).is_err() {
            return;
        }
    }
}
