//! Probabilities for new rows, from the folder of a run.
//!
//! ```text
//! cargo run --release -p trainer -- train configs/quickstart.toml --run-dir runs/quickstart
//! cargo run --release -p trainer --example inference -- runs/quickstart ROWS.csv
//! ```
//!
//! `ROWS.csv` has the columns of the run's data; the label may be missing.
#![allow(clippy::print_stdout, reason = "an example shows what it did")]
use std::path::PathBuf;

use anyhow::Context;
use burn::backend::Flex;
use burn::backend::flex::FlexDevice;
use trainer::scorer::Scorer;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (run, rows) = arguments.next().zip(arguments.next()).context("usage: inference RUN_FOLDER ROWS_FILE")?;

    let scorer = Scorer::<Flex>::open(&run, FlexDevice)?;
    for probability in scorer.score_file(&rows)?.probabilities() {
        println!("{probability:.6}");
    }
    Ok(())
}
