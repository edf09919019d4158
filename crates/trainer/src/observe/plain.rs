//! Progress as lines, for logs and pipes.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use super::event::Event;
use super::line::{self, Lines};
use super::observers::Observer;
use crate::repro::FileError;

/// A line comes at the latest this long after the one before.
const LONGEST_SILENCE: Duration = Duration::from_secs(10);
/// A further tenth of an epoch gives a line, but no sooner than this after the one before.
const SHORTEST_SILENCE: Duration = Duration::from_secs(1);

/// Progress as lines: the start, each epoch, the end, messages, and steps about every ten seconds or tenth of an epoch.
///
/// A reader that goes away (`ctr train … 2>&1 | head`) ends the lines, not the run.
pub struct PlainProgress<W> {
    lines: Lines<W>,
    clock: Box<dyn FnMut() -> Duration>,
    epochs: Option<usize>,
    epoch_started: Duration,
    last_line: Duration,
    tenths: usize,
}

impl PlainProgress<io::Stderr> {
    /// Lines on stderr.
    #[must_use]
    pub fn stderr() -> Self {
        let start = Instant::now();
        Self::new(io::stderr(), move || start.elapsed())
    }
}

impl<W: Write> PlainProgress<W> {
    /// Lines to `out`; `clock` is the time since any fixed moment.
    pub fn new(out: W, clock: impl FnMut() -> Duration + 'static) -> Self {
        let (epoch_started, last_line) = (Duration::ZERO, Duration::ZERO);
        Self { lines: Lines::to(out), clock: Box::new(clock), epochs: None, epoch_started, last_line, tenths: 0 }
    }

    fn print(&mut self, now: Duration, text: &str) {
        self.last_line = now;
        self.lines.print(text);
    }
}

impl<W: Write> Observer for PlainProgress<W> {
    fn observe(&mut self, event: &Event) -> Result<(), FileError> {
        let now = (self.clock)();
        match *event {
            Event::RunStarted { epochs, .. } => self.epochs = Some(epochs),
            Event::EpochStarted { .. } => {
                (self.epoch_started, self.last_line, self.tenths) = (now, now, 0);
            }
            Event::Step { epoch, step, steps, loss, samples_per_second } if step < steps => {
                let silence = now.saturating_sub(self.last_line);
                let tenths = step * 10 / steps;
                if silence >= LONGEST_SILENCE || (tenths > self.tenths && silence >= SHORTEST_SILENCE) {
                    self.tenths = tenths;
                    let elapsed = now.saturating_sub(self.epoch_started).as_secs_f64();
                    let left = line::seconds(elapsed / step.max(1) as f64 * (steps - step) as f64);
                    let text = format!(
                        "{}: step {step}/{steps} ({} %), loss {loss:.5}, {samples_per_second:.0} samples/s, {left} left",
                        line::epoch_of(epoch, self.epochs),
                        step * 100 / steps
                    );
                    self.print(now, &text);
                }
            }
            _ => {}
        }
        if let Some(text) = line::of(event, self.epochs) {
            self.print(now, &text);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::{Cell, RefCell};
    use std::rc::Rc;

    #[derive(Clone, Default)]
    struct Shared(Rc<RefCell<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The lines of one epoch of `steps` steps that take `seconds` in all.
    fn lines(steps: usize, seconds: u32) -> Vec<String> {
        let (out, time) = (Shared::default(), Rc::new(Cell::new(Duration::ZERO)));
        let clock = time.clone();
        let mut progress = PlainProgress::new(out.clone(), move || clock.get());
        progress.observe(&Event::EpochStarted { epoch: 1, steps }).expect("start");
        for step in 1..=steps {
            time.set(Duration::from_secs(seconds.into()) * step as u32 / steps as u32);
            let event = Event::Step { epoch: 1, step, steps, loss: 0.25, samples_per_second: 1000.4 };
            progress.observe(&event).expect("step");
        }
        let text = String::from_utf8(out.0.borrow().clone()).expect("UTF-8");
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_short_epoch_is_silent_a_longer_one_counts_tenths_and_a_long_one_every_ten_seconds() {
        assert!(lines(1000, 1).is_empty());
        let tenths = lines(1000, 50);
        assert_eq!(tenths.len(), 9, "{tenths:?}");
        assert_eq!(tenths[0], "epoch 1: step 100/1000 (10 %), loss 0.25000, 1000 samples/s, 45 s left");
        // The tenths fall on the ten-second lines here: 99 lines of ten seconds, the last step's line is the epoch's.
        assert_eq!(lines(1000, 1000).len(), 99);
        assert_eq!(lines(5, 6000).len(), 4, "steps of 20 minutes");
    }

    #[test]
    fn an_epoch_without_steps_and_steps_before_any_epoch_do_no_harm() {
        assert!(lines(0, 0).is_empty());
        let mut progress = PlainProgress::new(io::sink(), || Duration::MAX);
        let event = Event::Step { epoch: 1, step: 0, steps: 1, loss: f64::NAN, samples_per_second: f64::INFINITY };
        progress.observe(&event).expect("step");
    }
}
