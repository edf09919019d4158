//! Events as lines of text, the same on a terminal and in a log.

use std::io::{self, Write};

use super::event::{EpochSummary, Event, RunSummary};

/// Where lines go. A reader that goes away (`ctr train … 2>&1 | head`) ends the lines, not the run.
pub(super) struct Lines<W> {
    out: Option<W>,
}

impl Lines<io::Stderr> {
    pub(super) fn stderr() -> Self {
        Self::to(io::stderr())
    }
}

impl<W: Write> Lines<W> {
    pub(super) fn to(out: W) -> Self {
        Self { out: Some(out) }
    }

    pub(super) fn print(&mut self, text: &str) {
        if let Some(out) = &mut self.out
            && writeln!(out, "{text}").and_then(|()| out.flush()).is_err()
        {
            self.out = None;
        }
    }
}

/// `epoch 3/100`, or `epoch 3` where nobody said how many there may be.
pub(super) fn epoch_of(epoch: usize, epochs: Option<usize>) -> String {
    epochs.map_or_else(|| format!("epoch {epoch}"), |epochs| format!("epoch {epoch}/{epochs}"))
}

/// The line of an event that has one: a step has none of its own.
pub(super) fn of(event: &Event, epochs: Option<usize>) -> Option<String> {
    match event {
        Event::RunStarted { name, epochs, steps, samples } => {
            Some(format!("{name}: {samples} training samples, {steps} steps an epoch, {epochs} epochs at most"))
        }
        Event::EpochFinished(summary) => Some(epoch(summary, epochs)),
        Event::RunFinished(summary) => Some(run(summary)),
        Event::Message(text) => Some(text.clone()),
        Event::EpochStarted { .. }
        | Event::Step { .. }
        | Event::StepDigest { .. }
        | Event::RowsTaken { .. }
        | Event::Statistics(_) => None,
    }
}

fn epoch(summary: &EpochSummary, epochs: Option<usize>) -> String {
    let EpochSummary { train_loss, valid_log_loss, learning_rate, .. } = summary;
    format!(
        "{}: train loss {train_loss:.5}, valid AUC {}, valid log loss {valid_log_loss:.6}, learning rate {learning_rate:e}, \
         {} + {} validation, {:.0} samples/s",
        epoch_of(summary.epoch, epochs),
        auc(summary.valid_auc),
        seconds(summary.train_seconds),
        seconds(summary.valid_seconds),
        summary.samples_per_second
    )
}

fn run(summary: &RunSummary) -> String {
    let RunSummary { epochs, best_epoch, test_log_loss, .. } = summary;
    format!(
        "finished after {epochs} epochs in {}; epoch {best_epoch} was the best: test AUC {}, test log loss \
         {test_log_loss:.6}",
        seconds(summary.seconds),
        auc(summary.test_auc)
    )
}

fn auc(auc: Option<f64>) -> String {
    auc.map_or_else(|| "undefined".to_owned(), |auc| format!("{auc:.6}"))
}

/// A duration for people: `0.4 s`, `12 s`, `3 min 05 s`, `2 h 07 min`.
pub(super) fn seconds(seconds: f64) -> String {
    // Rounded before it is divided, so that 59.7 s is a minute and not 60 s. The cast saturates and makes NaN 0.
    let whole = seconds.round() as u64;
    if seconds.is_nan() || seconds < 9.95 {
        format!("{:.1} s", seconds.max(0.0))
    } else if whole < 60 {
        format!("{whole} s")
    } else if whole < 3600 {
        format!("{} min {:02} s", whole / 60, whole % 60)
    } else {
        format!("{} h {:02} min", whole / 3600, whole % 3600 / 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well_and_never_as_sixty_seconds() {
        for (given, expected) in [
            (0.0, "0.0 s"),
            (-1.0, "0.0 s"),
            (0.04, "0.0 s"),
            (9.94, "9.9 s"),
            (9.96, "10 s"),
            (59.4, "59 s"),
            (59.7, "1 min 00 s"),
            (185.0, "3 min 05 s"),
            (3599.6, "1 h 00 min"),
            (7620.0, "2 h 07 min"),
            (f64::NAN, "0.0 s"),
        ] {
            assert_eq!(seconds(given), expected);
        }
    }

    #[test]
    fn an_epoch_says_all_its_figures() {
        let summary = EpochSummary {
            epoch: 2,
            steps: 100,
            train_loss: 0.123_456_7,
            train_seconds: 6.04,
            samples_per_second: 33_404.4,
            valid_seconds: 0.4,
            valid_auc: Some(0.981_234_56),
            valid_log_loss: 0.165_432_1,
            learning_rate: 1e-4,
        };
        assert_eq!(
            of(&Event::EpochFinished(summary.clone()), Some(100)).as_deref(),
            Some(
                "epoch 2/100: train loss 0.12346, valid AUC 0.981235, valid log loss 0.165432, learning rate 1e-4, 6.0 s + \
                 0.4 s validation, 33404 samples/s"
            )
        );
        let undefined = EpochSummary { valid_auc: None, ..summary };
        let line = of(&Event::EpochFinished(undefined), None).expect("line");
        assert!(line.starts_with("epoch 2: ") && line.contains("valid AUC undefined, valid log loss"), "{line}");
    }

    #[test]
    fn a_reader_that_goes_away_ends_the_lines() {
        struct Closed<'a>(&'a mut usize);
        impl Write for Closed<'_> {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                *self.0 += 1;
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut tries = 0;
        let mut lines = Lines::to(Closed(&mut tries));
        for _ in 0..3 {
            lines.print("x");
        }
        assert_eq!(tries, 1);
    }
}
