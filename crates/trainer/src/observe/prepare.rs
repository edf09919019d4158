//! The progress of preparing data, before a run begins.

use std::io::{self, IsTerminal};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ctr_data::{PrepareProgress, Stage};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::line::Lines;

/// A line comes this long after the one before; a preparation that is faster is silent.
const SILENCE: Duration = Duration::from_secs(10);
const TEMPLATE: &str = "{prefix} {bar:20} {percent} %, {eta} left, {wide_msg}";

/// The progress of a preparation: a bar where stderr is a terminal, a line every ten seconds where it is not.
///
/// It may be updated from several threads.
pub struct PrepareBar {
    view: Mutex<View>,
}

enum View {
    Bar { bar: ProgressBar, stage: Option<Stage> },
    Lines { lines: Lines<io::Stderr>, last: Instant },
}

impl PrepareBar {
    /// A view on stderr.
    #[must_use]
    pub fn new() -> Self {
        let view = if io::stderr().is_terminal() {
            View::bar(ProgressDrawTarget::stderr())
        } else {
            View::Lines { lines: Lines::stderr(), last: Instant::now() }
        };
        Self { view: Mutex::new(view) }
    }

    /// Shows how far the preparation is.
    pub fn update(&self, progress: &PrepareProgress) {
        // A poisoned view is still only a view.
        match &mut *self.view.lock().unwrap_or_else(PoisonError::into_inner) {
            View::Bar { bar, stage } => {
                if *stage != Some(progress.stage) {
                    *stage = Some(progress.stage);
                    bar.reset();
                    bar.set_prefix(in_words(progress.stage));
                }
                bar.set_length(progress.total);
                bar.set_position(progress.done);
                bar.set_message(rows(progress));
            }
            View::Lines { lines, last } => {
                if last.elapsed() >= SILENCE {
                    *last = Instant::now();
                    lines.print(&line(progress));
                }
            }
        }
    }

    /// Takes the view away.
    pub fn finish(&self) {
        if let View::Bar { bar, .. } = &*self.view.lock().unwrap_or_else(PoisonError::into_inner) {
            bar.finish_and_clear();
        }
    }
}

impl Default for PrepareBar {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for PrepareBar {
    /// An error message starts on a clean line.
    fn drop(&mut self) {
        self.finish();
    }
}

impl View {
    fn bar(target: ProgressDrawTarget) -> Self {
        let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
        Self::Bar { bar: ProgressBar::with_draw_target(Some(0), target).with_style(style), stage: None }
    }
}

fn in_words(stage: Stage) -> String {
    match stage {
        Stage::Fingerprint(Some(split)) => format!("checking the {split} data"),
        Stage::Fingerprint(None) => "checking the data".to_owned(),
        Stage::Fit => "fitting vocabularies".to_owned(),
        Stage::Encode(Some(split)) => format!("encoding the {split} data"),
        Stage::Encode(None) => "encoding the data".to_owned(),
        Stage::EncodeFile => "encoding".to_owned(),
    }
}

fn rows(progress: &PrepareProgress) -> String {
    if progress.rows == 0 { String::new() } else { format!("{} rows", progress.rows) }
}

fn line(progress: &PrepareProgress) -> String {
    let percent = progress.done.min(progress.total) as f64 * 100.0 / progress.total.max(1) as f64;
    let comma = if progress.rows == 0 { "" } else { ", " };
    format!("{}: {percent:.0} %{comma}{}", in_words(progress.stage), rows(progress))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ctr_data::Split;

    fn progress(stage: Stage, done: u64, total: u64, rows: u64) -> PrepareProgress {
        PrepareProgress { stage, done, total, rows }
    }

    #[test]
    fn a_line_says_the_stage_the_share_and_the_rows() {
        for (given, expected) in [
            (progress(Stage::Encode(Some(Split::Train)), 1, 4, 12), "encoding the train data: 25 %, 12 rows"),
            (progress(Stage::Fingerprint(Some(Split::Valid)), 0, 0, 0), "checking the valid data: 0 %"),
            (progress(Stage::Fit, 9, 4, 1), "fitting vocabularies: 100 %, 1 rows"),
            (progress(Stage::EncodeFile, u64::MAX, u64::MAX, 0), "encoding: 100 %"),
        ] {
            assert_eq!(line(&given), expected);
        }
    }

    #[test]
    fn the_bar_follows_the_stages() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
        let view = PrepareBar { view: Mutex::new(View::bar(ProgressDrawTarget::hidden())) };
        for (stage, total) in [(Stage::Fit, 10), (Stage::Encode(Some(Split::Test)), 20)] {
            view.update(&progress(stage, 5, total, 3));
            let View::Bar { bar, .. } = &*view.view.lock().expect("view") else { panic!("a bar") };
            assert_eq!((bar.position(), bar.length(), bar.prefix()), (5, Some(total), in_words(stage)));
            assert_eq!(bar.message(), "3 rows");
        }
    }
}
