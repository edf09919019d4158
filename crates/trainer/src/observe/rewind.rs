//! `metrics.jsonl` of a run that goes on: back to what its checkpoint knows.

use std::fs;
use std::io;
use std::path::Path;

use serde::Deserialize;

use crate::repro::{FileError, write_atomic};

/// Removes the lines that a resumed run will write again: epochs after `epochs`, steps after `steps`, the start and the end of the run, and a line that was
/// begun and not ended. A file that is absent stays absent.
///
/// # Errors
/// When the file cannot be read or replaced.
pub fn rewind(path: &Path, epochs: usize, steps: u64) -> Result<(), FileError> {
    let text = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(|cause| FileError::read(path, cause))?,
    };
    let complete = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    let kept: Vec<&[u8]> =
        text[..complete].split_inclusive(|&byte| byte == b'\n').filter(|line| is_kept(line, epochs, steps)).collect();
    let kept = kept.concat();
    if kept == text { Ok(()) } else { write_atomic(path, &kept) }
}

#[derive(Deserialize)]
struct Line {
    event: String,
    epoch: Option<usize>,
    step: Option<u64>,
}

fn is_kept(line: &[u8], epochs: usize, steps: u64) -> bool {
    // A line that cannot be read is not one that the resumed run writes again: it stays for people to look at.
    let Ok(line) = serde_json::from_slice::<Line>(line) else { return true };
    match line.event.as_str() {
        "start" | "finish" => false,
        "epoch" => line.epoch.is_none_or(|epoch| epoch <= epochs),
        _ => line.step.is_none_or(|step| step <= steps),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_epochs_later_steps_the_end_and_a_torn_line_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        assert!(rewind(&path, 3, 20).is_ok() && !path.exists());
        let kept = "{\"event\":\"step\",\"epoch\":2,\"step\":10}\n{\"event\":\"epoch\",\"epoch\":1}\nnot JSON\n";
        let start = "{\"event\":\"start\",\"name\":\"a\"}\n";
        let gone = "{\"event\":\"step\",\"epoch\":2,\"step\":11}\n{\"event\":\"epoch\",\"epoch\":2}\n{\"event\":\"finish\"}\n{\"event\":\"epoch\",\"ep";
        fs::write(&path, format!("{start}{kept}{gone}")).unwrap();
        rewind(&path, 1, 10).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), kept);
        rewind(&path, 1, 10).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), kept);
    }
}
