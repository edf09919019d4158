//! What becomes of rows that do not follow the format or the schema.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use serde::Serialize;

use crate::config::BadRowPolicy;
use crate::error::{DataError, Reason, hex};
use crate::source::BadRow;

/// How many rows were left out, by what they were to become (`train`, `valid`, `test`; `all` where a rule divides the rows) and by reason.
pub type BadRowCounts = BTreeMap<String, BTreeMap<Reason, u64>>;

/// Bytes of a row that a quarantine file holds; what is longer is in the raw file still.
const LONGEST: usize = 1 << 20;

/// The bad rows of a run of rows.
#[derive(Debug, Default)]
pub(crate) struct BadRows {
    counts: BTreeMap<Reason, u64>,
    /// Lines of the quarantine file.
    lines: Vec<u8>,
}

/// A line of the quarantine file.
#[derive(Serialize)]
struct Entry<'a> {
    file: &'a str,
    line: u64,
    reason: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<&'a str>,
    /// Of a row that is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    row_hex: Option<String>,
    /// Of a row that was cut off.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cut: bool,
}

impl BadRows {
    /// Takes a bad row, or makes it the error that the policy asks for.
    pub(crate) fn add(&mut self, bad: BadRow<'_>, policy: BadRowPolicy) -> Result<(), DataError> {
        if policy == BadRowPolicy::Error {
            return Err(bad.into());
        }
        *self.counts.entry(bad.error.reason).or_default() += 1;
        if policy == BadRowPolicy::Quarantine {
            let raw = &bad.raw[..bad.raw.len().min(LONGEST)];
            let row = std::str::from_utf8(raw).ok();
            let entry = Entry {
                file: &bad.error.file,
                line: bad.error.line,
                reason: bad.error.reason.name(),
                message: bad.error.to_string(),
                row,
                row_hex: if row.is_none() { Some(hex(raw)) } else { None },
                cut: bad.raw.len() > LONGEST || bad.error.reason == Reason::LineTooLong,
            };
            let path = Path::new(&bad.error.file);
            serde_json::to_writer(&mut self.lines, &entry)
                .map_err(|cause| DataError::io("describe a row of", path, cause.into()))?;
            self.lines.push(b'\n');
        }
        Ok(())
    }
}

/// Collects the bad rows of all splits.
pub(crate) struct BadRowLedger<'a> {
    counts: BadRowCounts,
    quarantine: &'a mut dyn Write,
    path: &'a Path,
}

impl<'a> BadRowLedger<'a> {
    /// Writes rows to `quarantine`, which is at `path`.
    pub(crate) fn new(quarantine: &'a mut dyn Write, path: &'a Path) -> Self {
        Self { counts: BadRowCounts::new(), quarantine, path }
    }

    /// Takes the bad rows of the next run of rows.
    pub(crate) fn take(&mut self, of: &str, bad: &BadRows) -> Result<(), DataError> {
        if bad.counts.is_empty() {
            return Ok(());
        }
        let counts = self.counts.entry(of.to_owned()).or_default();
        for (reason, count) in &bad.counts {
            *counts.entry(*reason).or_default() += count;
        }
        self.quarantine.write_all(&bad.lines).map_err(|cause| DataError::io("write", self.path, cause))
    }

    /// How many there were.
    pub(crate) fn into_counts(self) -> BadRowCounts {
        self.counts
    }
}
