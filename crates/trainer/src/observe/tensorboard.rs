//! TensorBoard event files: scalars of a run, for `tensorboard --logdir RUN`.
//!
//! A file is a sequence of `TFRecord`s, each an `Event` message of TensorFlow's `event.proto` in the wire format of protocol buffers. Both formats
//! are small enough to be written here: <https://www.tensorflow.org/tutorials/load_data/tfrecord> and
//! <https://protobuf.dev/programming-guides/encoding/>.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::event::Event;
use super::observers::Observer;
use crate::repro::FileError;

/// Writes the scalars of a run to an event file of its own for each process.
pub struct TensorBoardObserver {
    path: PathBuf,
    file: File,
    clock: Box<dyn FnMut() -> Duration>,
    /// Steps of an epoch, to number the steps of the whole run.
    steps_before: u64,
}

impl TensorBoardObserver {
    /// Begins a new file in `folder`, which is made where it is absent. What earlier processes wrote for steps after `resumed_after` is
    /// hidden by TensorBoard from then on.
    ///
    /// # Errors
    /// When the folder or the file cannot be made.
    pub fn create(folder: &Path, resumed_after: u64) -> Result<Self, FileError> {
        Self::with_clock(folder, resumed_after, || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }

    fn with_clock(
        folder: &Path,
        resumed_after: u64,
        mut clock: impl FnMut() -> Duration + 'static,
    ) -> Result<Self, FileError> {
        let fail = |path: &Path, cause| FileError::write(path, 0, cause);
        fs::create_dir_all(folder).map_err(|cause| fail(folder, cause))?;
        let before = fs::read_dir(folder).map_err(|cause| FileError::read(folder, cause))?.count();
        // TensorBoard reads the files of a folder in the order of their names.
        let path = folder.join(format!("events.out.tfevents.{:010}.{before:06}.ctr", clock().as_secs()));
        let file = OpenOptions::new().append(true).create_new(true).open(&path).map_err(|cause| fail(&path, cause))?;
        let mut observer = Self { path, file, clock: Box::new(clock), steps_before: resumed_after };
        observer.write(0, |event| bytes_field(event, 3, b"brain.Event:2"))?;
        // SessionLog { status: START }.
        observer.write(resumed_after, |event| bytes_field(event, 7, &[1 << 3, 1]))?;
        Ok(observer)
    }

    fn scalars(&mut self, step: u64, scalars: &[(&str, Option<f64>)]) -> Result<(), FileError> {
        let mut summary = Vec::new();
        for (tag, value) in scalars {
            let Some(value) = value else { continue };
            let mut entry = Vec::new();
            bytes_field(&mut entry, 1, tag.as_bytes());
            entry.push(2 << 3 | 5);
            entry.extend((*value as f32).to_le_bytes());
            bytes_field(&mut summary, 1, &entry);
        }
        self.write(step, |event| bytes_field(event, 5, &summary))
    }

    fn write(&mut self, step: u64, what: impl FnOnce(&mut Vec<u8>)) -> Result<(), FileError> {
        let mut event = vec![1 << 3 | 1];
        event.extend((self.clock)().as_secs_f64().to_le_bytes());
        event.push(2 << 3);
        varint(&mut event, step);
        what(&mut event);
        let record = record(&event);
        // One write: a reader sees whole records, also when the process is killed between two of them.
        self.file.write_all(&record).map_err(|cause| FileError::write(&self.path, record.len() as u64, cause))
    }
}

impl Observer for TensorBoardObserver {
    fn observe(&mut self, event: &Event) -> Result<(), FileError> {
        match event {
            Event::EpochStarted { epoch, steps } => {
                self.steps_before = (*epoch as u64 - 1) * *steps as u64;
                Ok(())
            }
            Event::Step { step, loss, .. } => {
                self.scalars(self.steps_before + *step as u64, &[("train/loss_of_epoch", Some(*loss))])
            }
            Event::Statistics(statistics) => {
                let mut tags: Vec<(String, Option<f64>)> = vec![
                    ("gradient/norm".to_owned(), statistics.gradient_norm),
                    ("gradient/clip_rate".to_owned(), statistics.clip_rate),
                ];
                for layer in &statistics.layers {
                    tags.push((format!("pre_activation_std/{}", layer.layer), Some(layer.pre_activation_std)));
                    tags.push((format!("dead_units/{}", layer.layer), Some(layer.dead_units)));
                }
                let tags: Vec<_> = tags.iter().map(|(tag, value)| (tag.as_str(), *value)).collect();
                self.scalars(statistics.step, &tags)
            }
            Event::EpochFinished(epoch) => self.scalars(
                epoch.steps,
                &[
                    ("train/loss", Some(epoch.train_loss)),
                    ("valid/auc", epoch.valid_auc),
                    ("valid/log_loss", Some(epoch.valid_log_loss)),
                    ("learning_rate", Some(epoch.learning_rate)),
                    ("samples_per_second", Some(epoch.samples_per_second)),
                ],
            ),
            Event::RunFinished(run) => {
                self.scalars(run.steps, &[("test/auc", run.test_auc), ("test/log_loss", Some(run.test_log_loss))])
            }
            _ => Ok(()),
        }
    }
}

/// A field of bytes, a string or a message: its number and wire type 2, its length, its contents.
fn bytes_field(out: &mut Vec<u8>, number: u8, contents: &[u8]) {
    out.push(number << 3 | 2);
    varint(out, contents.len() as u64);
    out.extend(contents);
}

/// Seven bits a byte, the lowest first; the top bit says that more follow.
fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Length, its checksum, the data, their checksum.
fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(data.len() + 16);
    record.extend(length);
    record.extend(masked_crc(&length).to_le_bytes());
    record.extend(data);
    record.extend(masked_crc(data).to_le_bytes());
    record
}

/// The checksum of a `TFRecord`: CRC-32C, rotated right by 15 bits, plus a constant.
fn masked_crc(data: &[u8]) -> u32 {
    crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C (Castagnoli), bit by bit: records are short.
fn crc32c(data: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
    !data.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), step))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::RunSummary;

    #[test]
    fn checksums_and_varints_have_their_published_values() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        let mut bytes = Vec::new();
        varint(&mut bytes, 300);
        assert_eq!(bytes, [0xac, 0x02]);
        // The first record of every event file, as TensorFlow writes it for a time of 0.
        let mut event = vec![9];
        event.extend(0.0_f64.to_le_bytes());
        bytes_field(&mut event, 3, b"brain.Event:2");
        assert_eq!(record(&event).len(), 16 + 24);
    }

    #[test]
    fn each_process_has_a_file_of_its_own_and_scalars_have_the_steps_of_the_run() {
        let folder = tempfile::tempdir().unwrap();
        let clock = || Duration::from_secs(1_700_000_000);
        let mut first = TensorBoardObserver::with_clock(folder.path(), 0, clock).unwrap();
        first.observe(&Event::EpochStarted { epoch: 3, steps: 100 }).unwrap();
        let step = Event::Step { epoch: 3, step: 7, steps: 100, loss: 0.5, samples_per_second: 1.0 };
        first.observe(&step).unwrap();
        TensorBoardObserver::with_clock(folder.path(), 207, clock).unwrap();
        let mut names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["events.out.tfevents.1700000000.000000.ctr", "events.out.tfevents.1700000000.000001.ctr"]);
        let bytes = fs::read(folder.path().join(&names[0])).unwrap();
        // Step 207 as a varint, then a summary with the tag and 0.5.
        let tail = &bytes[bytes.len() - 4 - 33..bytes.len() - 4];
        assert_eq!(tail[..3], [0x10, 0xcf, 0x01]);
        assert!(tail.windows(19).any(|window| window == b"train/loss_of_epoch"));
        assert!(tail.ends_with(&0.5_f32.to_le_bytes()));
    }

    #[test]
    fn what_does_not_exist_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let mut observer = TensorBoardObserver::with_clock(folder.path(), 0, || Duration::ZERO).unwrap();
        let summary =
            RunSummary { epochs: 1, steps: 9, best_epoch: 1, seconds: 1.0, test_auc: None, test_log_loss: 0.5 };
        observer.observe(&Event::RunFinished(summary)).unwrap();
        let bytes = fs::read(&observer.path).unwrap();
        let holds = |tag: &[u8]| bytes.windows(tag.len()).any(|window| window == tag);
        assert!(holds(b"test/log_loss") && !holds(b"test/auc"));
    }
}
