//! Progress as a bar, for terminals.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::event::Event;
use super::line::{self, Lines};
use super::observers::Observer;
use super::plain::PlainProgress;
use crate::repro::FileError;

/// A bar where stderr is a terminal, lines where it is not.
#[must_use]
pub fn progress_observer() -> Box<dyn Observer> {
    if io::stderr().is_terminal() { Box::new(BarProgress::stderr()) } else { Box::new(PlainProgress::stderr()) }
}

/// One bar for the epoch under way, with the time left, the loss and the throughput; finished epochs are lines above it.
pub struct BarProgress {
    target: fn() -> ProgressDrawTarget,
    bar: ProgressBar,
    epochs: Option<usize>,
    lines: Lines<io::Stderr>,
}

impl BarProgress {
    /// A bar on stderr.
    #[must_use]
    pub fn stderr() -> Self {
        Self::drawn_on(ProgressDrawTarget::stderr)
    }

    fn drawn_on(target: fn() -> ProgressDrawTarget) -> Self {
        Self { target, bar: ProgressBar::with_draw_target(None, target()), epochs: None, lines: Lines::stderr() }
    }
}

const TEMPLATE: &str = "{prefix} {bar:20} {pos}/{len}, {eta} left, {wide_msg}";

fn style() -> ProgressStyle {
    ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar())
}

impl Observer for BarProgress {
    fn observe(&mut self, event: &Event) -> Result<(), FileError> {
        match *event {
            Event::RunStarted { epochs, .. } => self.epochs = Some(epochs),
            Event::EpochStarted { epoch, steps } => {
                self.bar = ProgressBar::with_draw_target(Some(steps as u64), (self.target)())
                    .with_style(style())
                    .with_prefix(line::epoch_of(epoch, self.epochs));
            }
            Event::Step { step, loss, samples_per_second, .. } => {
                // Both are cheap: the bar redraws itself a few times a second, however often it is told.
                self.bar.set_message(format!("loss {loss:.5}, {samples_per_second:.0} samples/s"));
                self.bar.set_position(step as u64);
            }
            Event::EpochFinished(_) | Event::RunFinished(_) => self.bar.finish_and_clear(),
            Event::Message(_) | Event::StepDigest { .. } | Event::RowsTaken { .. } | Event::Statistics(_) => {}
        }
        if let Some(text) = line::of(event, self.epochs) {
            self.bar.suspend(|| self.lines.print(&text));
        }
        Ok(())
    }
}

impl Drop for BarProgress {
    /// An error message starts on a clean line.
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_follows_the_epochs_and_ends_with_them() {
        let mut progress = BarProgress::drawn_on(ProgressDrawTarget::hidden);
        let start = Event::RunStarted { name: "run".to_owned(), epochs: 2, steps: 40, samples: 4000 };
        progress.observe(&start).expect("start");
        for (epoch, steps) in [(1, 40), (2, 50)] {
            progress.observe(&Event::EpochStarted { epoch, steps }).expect("start");
            assert_eq!((progress.bar.position(), progress.bar.length()), (0, Some(steps as u64)));
            let event = Event::Step { epoch, step: 7, steps, loss: 0.5, samples_per_second: 1234.0 };
            progress.observe(&event).expect("step");
            assert_eq!(progress.bar.position(), 7);
            assert_eq!(progress.bar.prefix(), format!("epoch {epoch}/2"));
            assert_eq!(progress.bar.message(), "loss 0.50000, 1234 samples/s");
        }
        let bar = progress.bar.clone();
        assert!(!bar.is_finished());
        drop(progress);
        assert!(bar.is_finished(), "an error message after it starts on a clean line");
    }

    #[test]
    fn the_template_is_valid() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }
}
