//! One run as a process of its own.
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::locks;
use super::{AblationError, Run, StudyFolder};

/// How much of the machine a study may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Runs at the same time.
    pub jobs: usize,
    /// Compute threads of each.
    pub threads: usize,
}

/// Starts runs.
#[derive(Clone, Debug)]
pub struct Launcher<'a> {
    /// The `ctr` program.
    pub program: PathBuf,
    /// Where the study is kept.
    pub folder: &'a StudyFolder,
    /// Compute threads of each run.
    pub threads: usize,
    /// Whether finished runs keep their checkpoints.
    pub keep_checkpoints: bool,
    /// Set when the user asks to stop.
    pub stop: &'a AtomicBool,
    /// Set when the study cannot go on: its runs save their state and stop.
    pub abort: &'a AtomicBool,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// It was finished before.
    Already,
    /// It is finished now.
    Now,
    /// Another process works on it.
    Elsewhere,
    /// It failed; what it said last.
    Failed(String),
}

/// How often a process that is waited for is looked after.
const GLANCE: Duration = Duration::from_millis(20);

impl Launcher<'_> {
    /// Whether no run is to be started any more.
    pub(super) fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.abort.load(Ordering::Relaxed)
    }

    /// Claims a run and brings it to its end: from the beginning, from where it was stopped, or not at all when it is finished.
    pub(super) fn run(&self, run: &Run) -> Result<Ended, AblationError> {
        if self.folder.finished(run)?.is_some() {
            return Ok(Ended::Already);
        }
        let Some(_claim) = locks::try_lock(&self.folder.claim_path(run))? else { return Ok(Ended::Elsewhere) };
        self.wait_for_orphan(run)?;
        if self.folder.finished(run)?.is_some() {
            return Ok(Ended::Already);
        }
        // The same command begins a run and goes on with it.
        let mut command = Command::new(&self.program);
        command.arg("train").arg(self.folder.write_plan(run)?).args(["--resume", "auto", "--run-dir"]);
        command.arg(self.folder.run_path(run)).arg("--threads").arg(self.threads.to_string());
        let log = self.folder.log_path(run);
        let status = self.supervise(&mut command, &log)?;
        if self.folder.finished(run)?.is_some() {
            if !self.keep_checkpoints {
                self.folder.drop_checkpoints(run)?;
            }
            return Ok(Ended::Now);
        }
        if self.stopping() {
            return Err(AblationError::Interrupted);
        }
        Ok(Ended::Failed(format!("{} ({status}, see {})", last_words(&log), log.display())))
    }

    /// A study that was killed leaves its runs going: such a run is not started again, its result is taken.
    fn wait_for_orphan(&self, run: &Run) -> Result<(), AblationError> {
        let lock = self.folder.run_path(run).join(".lock");
        while lock.exists() && locks::try_lock(&lock)?.is_none() {
            if self.stopping() {
                return Err(AblationError::Interrupted);
            }
            thread::sleep(GLANCE);
        }
        Ok(())
    }

    /// Runs the command to its end; a request to stop is handed on once, so that the run saves its state.
    fn supervise(&self, command: &mut Command, log: &Path) -> Result<ExitStatus, AblationError> {
        let file = File::create(log).map_err(AblationError::io(log, "cannot write the log"))?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
        // A group of its own: Ctrl-C at the terminal reaches the study, which decides what its runs are told.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        let mut child = command.spawn().map_err(AblationError::io(&self.program, "cannot start the run"))?;
        let mut told = false;
        loop {
            let wait = child.try_wait().map_err(AblationError::io(&self.program, "cannot wait for the run"))?;
            if let Some(status) = wait {
                return Ok(status);
            }
            if !told && self.stopping() {
                told = true;
                interrupt(&mut child);
            }
            thread::sleep(GLANCE);
        }
    }
}

/// Asks a run to save its state and stop; where that cannot be asked, ends it: the last checkpoint stands.
fn interrupt(child: &mut Child) {
    let asked = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    if !asked.is_ok_and(|status| status.success()) {
        // It may have ended meanwhile.
        let _ = child.kill();
    }
}

/// The error of a log with its causes in one line, or its last line.
fn last_words(log: &Path) -> String {
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let Some(first) = lines.iter().rposition(|line| line.starts_with("error: ")) else {
        return (*lines.last().unwrap_or(&"it said nothing")).to_owned();
    };
    let said = lines[first..]
        .iter()
        .map(|line| line.trim_start().trim_start_matches("error: ").trim_start_matches("because: "));
    said.collect::<Vec<_>>().join("; ")
}
