//! `rows.jsonl`: which rows each step was trained on, so that a run can prove that it repeated and skipped none.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::event::Event;
use super::observers::Observer;
use crate::repro::{FileError, write_atomic};

/// Appends a line for each step, before it is made: `{"step":…,"epoch":…,"rows":[…]}`. A process that goes on after step k begins with
/// `{"resumed_after":k}`: what stands above it for later steps was lost with the process before, and is done again.
pub struct RowLedger {
    path: PathBuf,
    file: File,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Line {
    Resumed { resumed_after: u64 },
    Step { step: u64, epoch: usize, rows: Vec<u64> },
}

impl RowLedger {
    /// Opens the file to append to it; a process that goes on says after which step. A line that a killed process began and did not end is
    /// removed: its step is in no checkpoint.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn append(path: &Path, resumed_after: u64) -> Result<Self, FileError> {
        match fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(cause) => return Err(FileError::read(path, cause)),
            Ok(bytes) => {
                let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
                if whole < bytes.len() {
                    write_atomic(path, &bytes[..whole])?;
                }
            }
        }
        let file = OpenOptions::new().append(true).create(true).open(path);
        let mut ledger = Self { path: path.to_owned(), file: file.map_err(|cause| FileError::write(path, 0, cause))? };
        ledger.write(&Line::Resumed { resumed_after })?;
        Ok(ledger)
    }

    fn write(&mut self, line: &Line) -> Result<(), FileError> {
        let fail = |wanted, cause| FileError::write(&self.path, wanted, cause);
        let mut bytes = serde_json::to_vec(line).map_err(|error| fail(0, error.into()))?;
        bytes.push(b'\n');
        self.file.write_all(&bytes).map_err(|cause| fail(bytes.len() as u64, cause))
    }
}

impl Observer for RowLedger {
    fn observe(&mut self, event: &Event) -> Result<(), FileError> {
        match event {
            Event::RowsTaken { epoch, step, rows } => {
                self.write(&Line::Step { step: *step, epoch: *epoch, rows: rows.clone() })
            }
            _ => Ok(()),
        }
    }
}

/// What a ledger proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerSummary {
    /// Steps of the run.
    pub steps: u64,
    /// Whole epochs among them.
    pub epochs: usize,
    /// How often the run was taken up again.
    pub resumes: usize,
    /// Steps that were lost with a process and made again.
    pub redone: u64,
}

/// A ledger that does not prove what it should.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file, or what it says, is wrong.
    #[error("{path}:{line}: {reason}")]
    Wrong {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
}

/// Reads a ledger and makes sure that the steps that count follow each other without a gap, and that each epoch visits every one of `rows`
/// rows once; the last epoch may be unfinished.
///
/// # Errors
/// [`LedgerError::Wrong`] at the first line that breaks the proof.
pub fn check_ledger(path: &Path, rows: u64) -> Result<LedgerSummary, LedgerError> {
    let text = fs::read(path).map_err(|cause| FileError::read(path, cause))?;
    let wrong = |line: usize, reason: String| LedgerError::Wrong { path: path.to_owned(), line: line + 1, reason };
    // The steps that count so far, each with its line, its epoch and its rows.
    let mut steps: Vec<(usize, usize, Vec<u64>)> = Vec::new();
    let (mut processes, mut redone) = (0, 0);
    for (number, line) in text.split(|&byte| byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty()) {
        let parsed =
            serde_json::from_slice(line).map_err(|error| wrong(number, format!("not a line of a ledger: {error}")))?;
        let done = steps.len() as u64;
        match parsed {
            Line::Resumed { resumed_after } if resumed_after > done => {
                let reason =
                    format!("the run went on after step {resumed_after}, but steps are recorded up to {done} only");
                return Err(wrong(number, reason));
            }
            Line::Resumed { resumed_after } => {
                steps.truncate(resumed_after as usize);
                redone += done - resumed_after;
                processes += 1;
            }
            Line::Step { step, .. } if step != done + 1 => {
                return Err(wrong(number, format!("step {step} follows step {done}")));
            }
            Line::Step { epoch, rows, .. } => steps.push((number, epoch, rows)),
        }
    }
    let (mut epoch, mut seen, mut epochs) = (0, BTreeSet::new(), 0);
    for (number, step_epoch, taken) in &steps {
        if *step_epoch != epoch {
            if *step_epoch != epoch + 1 || (epoch > 0 && seen.len() as u64 != rows) {
                let reason = format!("epoch {step_epoch} begins after {} of {rows} rows of epoch {epoch}", seen.len());
                return Err(wrong(*number, reason));
            }
            (epoch, seen) = (*step_epoch, BTreeSet::new());
        }
        for row in taken {
            if *row >= rows || !seen.insert(*row) {
                return Err(wrong(
                    *number,
                    format!("row {row} of {rows} is not there, or was taken before in epoch {epoch}"),
                ));
            }
        }
        epochs += usize::from(seen.len() as u64 == rows);
    }
    Ok(LedgerSummary { steps: steps.len() as u64, epochs, resumes: usize::saturating_sub(processes, 1), redone })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[&str]) -> Result<LedgerSummary, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.jsonl");
        fs::write(&path, lines.join("\n")).unwrap();
        check_ledger(&path, 3).map_err(|error| error.to_string())
    }

    const ONE: &str = r#"{"step":1,"epoch":1,"rows":[2,0]}"#;
    const TWO: &str = r#"{"step":2,"epoch":1,"rows":[1]}"#;
    const START: &str = r#"{"resumed_after":0}"#;

    #[test]
    fn what_is_written_is_a_proof_also_over_a_killed_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.jsonl");
        let step = |epoch, step, rows: &[u64]| Event::RowsTaken { epoch, step, rows: rows.to_vec() };
        let mut ledger = RowLedger::append(&path, 0).unwrap();
        for event in [step(1, 1, &[2, 0]), step(1, 2, &[1]), step(2, 3, &[0, 1]), step(2, 4, &[2])] {
            ledger.observe(&event).unwrap();
        }
        drop(ledger);
        fs::write(&path, [fs::read(&path).unwrap(), b"{\"step\":5,\"ro".to_vec()].concat()).unwrap();
        let mut ledger = RowLedger::append(&path, 3).unwrap();
        ledger.observe(&step(2, 4, &[2])).unwrap();
        let proven = LedgerSummary { steps: 4, epochs: 2, resumes: 1, redone: 1 };
        assert_eq!(check_ledger(&path, 3).unwrap(), proven);
    }

    #[test]
    fn a_gap_a_repeated_row_and_a_skipped_row_are_found() {
        assert!(check(&[START, ONE, TWO]).is_ok());
        for (lines, part) in [
            (vec![START, TWO], "step 2 follows step 0"),
            (vec![START, ONE, r#"{"resumed_after":2}"#], "after step 2, but steps are recorded up to 1"),
            (vec![START, ONE, r#"{"step":2,"epoch":1,"rows":[0]}"#], "row 0 of 3"),
            (vec![START, ONE, r#"{"step":2,"epoch":1,"rows":[3]}"#], "row 3 of 3"),
            (vec![START, ONE, r#"{"step":2,"epoch":2,"rows":[1]}"#], "after 2 of 3 rows"),
            (vec![START, "{}"], ":2: not a line of a ledger"),
        ] {
            let error = check(&lines).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
