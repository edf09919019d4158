//! `metrics.jsonl`: one JSON object a line, kept for good.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use super::event::{EpochSummary, Event, RunSummary, Statistics};
use super::observers::Observer;
use crate::repro::FileError;

/// Appends the events of a run to a file of JSON lines. Each line is in the file when `observe` returns.
///
/// | `event` | keys |
/// |---|---|
/// | `start` | `name`, `epochs`, `steps`, `samples` |
/// | `epoch` | `epoch`, `steps`, `train_loss`, `train_seconds`, `samples_per_second`, `valid_seconds`, `valid_auc`, `valid_log_loss`, `learning_rate` |
/// | `step` | `epoch`, `step` (of the whole run), `loss` (of the step), `parameter_digest`: on request, see `watch.step_digests` |
/// | `statistics` | `epoch`, `step`, `gradient_norm`, `clip_rate`, `layers` (each `layer`, `pre_activation_std`, `dead_units`): on request, see `watch.statistics` |
/// | `finish` | `epochs`, `steps`, `best_epoch`, `seconds`, `test_auc`, `test_log_loss` |
/// | `message` | `text` |
///
/// A number has the fewest digits that read back to the same f64. JSON has no NaN and no infinity: they are the strings
/// `"NaN"`, `"inf"` and `"-inf"`, which `float(…)` in Python and `parse` in Rust take like a number. An AUC that does not
/// exist is `null`.
pub struct JsonlObserver {
    path: PathBuf,
    file: File,
}

impl JsonlObserver {
    /// Opens the file to append to it; it is created when absent.
    ///
    /// # Errors
    /// [`FileError::TornLine`] where a line was begun and not ended, [`FileError::Write`] where it cannot be opened.
    pub fn append(path: &Path) -> Result<Self, FileError> {
        let fail = |cause| FileError::write(path, 0, cause);
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(fail)?;
        if !ends_with_a_line(&mut file).map_err(fail)? {
            let text = std::fs::read(path).map_err(|cause| FileError::read(path, cause))?;
            let line = text.split(|byte| *byte == b'\n').count();
            return Err(FileError::TornLine { path: path.to_owned(), line });
        }
        Ok(Self { path: path.to_owned(), file })
    }
}

fn ends_with_a_line(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

impl Observer for JsonlObserver {
    fn observe(&mut self, event: &Event) -> Result<(), FileError> {
        let Some(line) = Line::of(event) else { return Ok(()) };
        let fail = |wanted, cause| FileError::write(&self.path, wanted, cause);
        let mut bytes = serde_json::to_vec(&line).map_err(|error| fail(0, error.into()))?;
        bytes.push(b'\n');
        // One write: a line is there or not, also when the process is killed between two events.
        self.file.write_all(&bytes).map_err(|cause| fail(bytes.len() as u64, cause))
    }
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Line<'a> {
    Start { name: &'a str, epochs: usize, steps: usize, samples: usize },
    Epoch(EpochLine),
    Step { epoch: usize, step: u64, loss: Number, parameter_digest: &'a str },
    Statistics(StatisticsLine),
    Finish(FinishLine),
    Message { text: &'a str },
}

#[derive(Serialize)]
struct EpochLine {
    epoch: usize,
    steps: u64,
    train_loss: Number,
    train_seconds: Number,
    samples_per_second: Number,
    valid_seconds: Number,
    valid_auc: Option<Number>,
    valid_log_loss: Number,
    learning_rate: Number,
}

#[derive(Serialize)]
struct StatisticsLine {
    epoch: usize,
    step: u64,
    gradient_norm: Option<Number>,
    clip_rate: Option<Number>,
    layers: Vec<LayerLine>,
}

#[derive(Serialize)]
struct LayerLine {
    layer: u32,
    pre_activation_std: Number,
    dead_units: Number,
}

impl StatisticsLine {
    fn of(statistics: &Statistics) -> Self {
        let layers = statistics.layers.iter().map(|layer| LayerLine {
            layer: layer.layer,
            pre_activation_std: Number(layer.pre_activation_std),
            dead_units: Number(layer.dead_units),
        });
        Self {
            epoch: statistics.epoch,
            step: statistics.step,
            gradient_norm: statistics.gradient_norm.map(Number),
            clip_rate: statistics.clip_rate.map(Number),
            layers: layers.collect(),
        }
    }
}

#[derive(Serialize)]
struct FinishLine {
    epochs: usize,
    steps: u64,
    best_epoch: usize,
    seconds: Number,
    test_auc: Option<Number>,
    test_log_loss: Number,
}

impl<'a> Line<'a> {
    fn of(event: &'a Event) -> Option<Self> {
        match event {
            Event::RunStarted { name, epochs, steps, samples } => {
                Some(Self::Start { name, epochs: *epochs, steps: *steps, samples: *samples })
            }
            Event::EpochFinished(summary) => Some(Self::Epoch(EpochLine::of(summary))),
            Event::Statistics(statistics) => Some(Self::Statistics(StatisticsLine::of(statistics))),
            Event::RunFinished(summary) => Some(Self::Finish(FinishLine::of(summary))),
            Event::Message(text) => Some(Self::Message { text }),
            Event::StepDigest { epoch, step, loss, parameter_digest } => {
                Some(Self::Step { epoch: *epoch, step: *step, loss: Number(*loss), parameter_digest })
            }
            Event::EpochStarted { .. } | Event::Step { .. } | Event::RowsTaken { .. } => None,
        }
    }
}

impl EpochLine {
    fn of(summary: &EpochSummary) -> Self {
        Self {
            epoch: summary.epoch,
            steps: summary.steps,
            train_loss: Number(summary.train_loss),
            train_seconds: Number(summary.train_seconds),
            samples_per_second: Number(summary.samples_per_second),
            valid_seconds: Number(summary.valid_seconds),
            valid_auc: summary.valid_auc.map(Number),
            valid_log_loss: Number(summary.valid_log_loss),
            learning_rate: Number(summary.learning_rate),
        }
    }
}

impl FinishLine {
    fn of(summary: &RunSummary) -> Self {
        Self {
            epochs: summary.epochs,
            steps: summary.steps,
            best_epoch: summary.best_epoch,
            seconds: Number(summary.seconds),
            test_auc: summary.test_auc.map(Number),
            test_log_loss: Number(summary.test_log_loss),
        }
    }
}

/// A float that JSON can hold, whatever its value.
struct Number(f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_finite() { serializer.serialize_f64(self.0) } else { serializer.collect_str(&self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;
    use std::fs;

    fn summary(train_loss: f64) -> EpochSummary {
        EpochSummary {
            epoch: 1,
            steps: 3,
            train_loss,
            train_seconds: 1.5,
            samples_per_second: 1e5,
            valid_seconds: 0.25,
            valid_auc: Some(0.75),
            valid_log_loss: 0.5,
            learning_rate: 1e-3,
        }
    }

    fn written(events: &[Event]) -> String {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("metrics.jsonl");
        let mut lines = JsonlObserver::append(&path).expect("open");
        for event in events {
            lines.observe(event).expect("write");
        }
        fs::read_to_string(&path).expect("read, with the writer still open")
    }

    #[test]
    fn each_event_is_a_line_with_its_keys_in_order() {
        let text = written(&[
            Event::RunStarted { name: "a \"b\"\n".to_owned(), epochs: 2, steps: 3, samples: 4 },
            Event::EpochStarted { epoch: 1, steps: 3 },
            Event::Step { epoch: 1, step: 1, steps: 3, loss: 0.5, samples_per_second: 1.0 },
            Event::EpochFinished(summary(0.1)),
            Event::Message("lowered".to_owned()),
            Event::RunFinished(RunSummary {
                epochs: 1,
                steps: 3,
                best_epoch: 1,
                seconds: 2.0,
                test_auc: None,
                test_log_loss: f64::INFINITY,
            }),
        ]);
        assert_eq!(
            text,
            r#"{"event":"start","name":"a \"b\"\n","epochs":2,"steps":3,"samples":4}
{"event":"epoch","epoch":1,"steps":3,"train_loss":0.1,"train_seconds":1.5,"samples_per_second":100000.0,"valid_seconds":0.25,"valid_auc":0.75,"valid_log_loss":0.5,"learning_rate":0.001}
{"event":"message","text":"lowered"}
{"event":"finish","epochs":1,"steps":3,"best_epoch":1,"seconds":2.0,"test_auc":null,"test_log_loss":"inf"}
"#
        );
    }

    #[test]
    fn a_second_opening_goes_on_after_the_first() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("metrics.jsonl");
        for text in ["one", "two"] {
            let mut lines = JsonlObserver::append(&path).expect("open");
            lines.observe(&Event::Message(text.to_owned())).expect("write");
        }
        let text = fs::read_to_string(&path).expect("read");
        assert_eq!(text.lines().count(), 2);
    }

    #[test]
    fn a_torn_line_and_an_absent_folder_are_named() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("metrics.jsonl");
        fs::write(&path, "{}\n{\"event\":\"ep").expect("write");
        let text = JsonlObserver::append(&path).err().expect("torn").to_string();
        assert!(text.contains("metrics.jsonl: line 2 is incomplete"), "{text}");
        assert_eq!(fs::read_to_string(&path).expect("read"), "{}\n{\"event\":\"ep", "nothing is repaired");
        let absent = folder.path().join("absent").join("metrics.jsonl");
        assert!(matches!(JsonlObserver::append(&absent), Err(FileError::Write { .. })));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_with_the_bytes_that_were_wanted() {
        let mut lines = JsonlObserver {
            path: PathBuf::from("/dev/full"),
            file: File::options().append(true).open("/dev/full").expect("open"),
        };
        let error = lines.observe(&Event::Message("x".to_owned())).expect_err("full");
        assert!(matches!(error, FileError::Full { wanted: 31, .. }), "{error:?}");
    }

    proptest! {
        #[test]
        fn floats_read_back_to_the_same_bits(bits: u64) {
            let value = f64::from_bits(bits);
            let text = written(&[Event::EpochFinished(summary(value))]);
            let line: Value = serde_json::from_str(text.trim_end()).expect("JSON");
            match &line["train_loss"] {
                Value::String(text) => prop_assert!(!value.is_finite() && text.parse::<f64>().is_ok()),
                number => prop_assert_eq!(number.as_f64().map(f64::to_bits), Some(bits)),
            }
        }
    }
}
