//! Events as lines of text, the same on a terminal and in a log.

use super::event::{EpochSummary, Event, RunSummary};

/// The line of an event that has one: a step has none of its own.
pub(super) fn of(event: &Event, epochs: usize) -> Option<String> {
    match event {
        Event::RunStarted { name, epochs, steps, samples } => {
            Some(format!("{name}: {samples} training samples, {steps} steps an epoch, {epochs} epochs at most"))
        }
        Event::EpochFinished(summary) => Some(epoch(summary, epochs)),
        Event::RunFinished(summary) => Some(run(summary)),
        Event::Message(text) => Some(text.clone()),
        Event::EpochStarted { .. } | Event::Step { .. } => None,
    }
}

fn epoch(summary: &EpochSummary, epochs: usize) -> String {
    let EpochSummary { epoch, train_loss, valid_auc, valid_log_loss, learning_rate, train_seconds, .. } = summary;
    format!(
        "epoch {epoch}/{epochs}: train loss {train_loss:.5}, valid AUC {valid_auc:.6}, valid log loss \
         {valid_log_loss:.6}{}, learning rate {learning_rate:e}, {} + {} validation, {:.0} samples/s",
        if summary.best { " (best)" } else { "" },
        seconds(*train_seconds),
        seconds(summary.valid_seconds),
        summary.samples_per_second
    )
}

fn run(summary: &RunSummary) -> String {
    let RunSummary { epochs, best_epoch, test_auc, test_log_loss, .. } = summary;
    format!(
        "finished after {epochs} epochs in {}; epoch {best_epoch} was the best: test AUC {test_auc:.6}, test log loss \
         {test_log_loss:.6}",
        seconds(summary.seconds)
    )
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
            train_seconds: 6.04,
            samples_per_second: 33_404.4,
            train_loss: 0.123_456_7,
            valid_seconds: 0.4,
            valid_auc: 0.981_234_56,
            valid_log_loss: 0.165_432_1,
            learning_rate: 1e-4,
            best: true,
        };
        assert_eq!(
            of(&Event::EpochFinished(summary.clone()), 100).as_deref(),
            Some(
                "epoch 2/100: train loss 0.12346, valid AUC 0.981235, valid log loss 0.165432 (best), learning rate 1e-4, \
                 6.0 s + 0.4 s validation, 33404 samples/s"
            )
        );
        let undefined = EpochSummary { valid_auc: f64::NAN, best: false, ..summary };
        let line = of(&Event::EpochFinished(undefined), 100).expect("line");
        assert!(line.contains("valid AUC NaN, valid log loss 0.165432, learning"), "{line}");
    }
}
