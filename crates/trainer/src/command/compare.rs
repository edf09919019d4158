//! `ctr compare`.
use std::path::Path;

use anyhow::Context;

use crate::cli::CompareArgs;
use crate::metric::ClassificationMetrics;
use crate::predictions::{self, Predictions};
use crate::printer::{self, Table, metric};
use crate::report::{ComparedRun, Comparison};
use crate::repro::write_atomic;
use crate::run_folder::RunFolder;

pub(super) fn run(args: &CompareArgs) -> anyhow::Result<()> {
    let loaded = args.runs.iter().map(|path| load(path)).collect::<anyhow::Result<Vec<_>>>()?;
    for (path, other) in args.runs.iter().zip(&loaded).skip(1) {
        loaded[0]
            .require_same_rows(other)
            .with_context(|| format!("{} and {} cannot be compared", args.runs[0].display(), path.display()))?;
    }
    let comparison = Comparison::of(&args.runs, &loaded)?;
    if let Some(path) = &args.html {
        write_atomic(path, comparison.html(&loaded)?.as_bytes())?;
    }
    let text = if args.json { serde_json::to_string_pretty(&comparison)? } else { render(&comparison) };
    printer::result(&text);
    Ok(())
}

fn load(path: &Path) -> anyhow::Result<Predictions> {
    let file = if path.is_dir() { RunFolder::open(path)?.predictions_path("test") } else { path.to_owned() };
    Ok(predictions::read(&file)?.predictions)
}

fn render(comparison: &Comparison) -> String {
    let mut runs = Table::new(&["", "run", "AUC", "log loss", "NE", "calibration", "prediction digest"]);
    let number =
        |run: &ComparedRun, of: fn(&ClassificationMetrics) -> Option<f64>| metric(run.metrics.as_ref().and_then(of));
    for (index, run) in comparison.runs.iter().enumerate() {
        let digest: String = run.prediction_digest.chars().take(16).collect();
        runs.row(vec![
            (index + 1).to_string(),
            run.path.display().to_string(),
            number(run, |metrics| metrics.auc),
            number(run, |metrics| Some(metrics.log_loss)),
            number(run, |metrics| metrics.normalized_entropy),
            number(run, |metrics| metrics.calibration_ratio),
            digest,
        ]);
    }
    let mut pairs = Table::new(&["pair", "PD", ""]);
    for pair in &comparison.pairwise_relative_pd {
        let same = if pair.identical { "identical bits" } else { "" };
        pairs.row(vec![format!("{} – {}", pair.a + 1, pair.b + 1), metric(Some(pair.value)), same.to_owned()]);
    }
    let interval = comparison.measures.get("pairwise_relative_pd").and_then(|pd| pd.low.zip(pd.high));
    let interval = interval.map(|(low, high)| format!("  [{low:.6}, {high:.6}], 95 % over runs"));
    format!(
        "{}\n\nPairwise symmetric relative PD, mean over {} rows of 2|pa − pb|/(pa + pb)\n{}\nmean PD over pairs  {}{}",
        runs.render(),
        comparison.rows,
        pairs.render(),
        metric(Some(comparison.mean_pairwise_relative_pd)),
        interval.unwrap_or_default(),
    )
}
