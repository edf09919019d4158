//! `ctr compare`.
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

use crate::cli::CompareArgs;
use crate::metric::ClassificationMetrics;
use crate::metric::prediction_difference::{ClickReplicas, pairwise_relative_pd};
use crate::predictions::{self, Predictions};
use crate::printer::{self, Table, metric};
use crate::run_folder::RunFolder;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Comparison {
    runs: Vec<Run>,
    /// Pairwise symmetric relative PD: mean over rows of `2|p_a − p_b|/(p_a + p_b)`.
    pairwise_relative_pd: Vec<Pair>,
    /// Its mean over the pairs.
    mean_pairwise_relative_pd: f64,
}

#[derive(Debug, Serialize)]
struct Run {
    path: PathBuf,
    rows: usize,
    auc: Option<f64>,
    log_loss: Option<f64>,
    prediction_digest: String,
}

#[derive(Debug, Serialize)]
struct Pair {
    a: usize,
    b: usize,
    value: f64,
    /// Whether every prediction has the same bits.
    identical: bool,
}

pub(super) fn run(args: &CompareArgs) -> anyhow::Result<()> {
    let loaded = args.runs.iter().map(|path| load(path)).collect::<anyhow::Result<Vec<_>>>()?;
    for (path, other) in args.runs.iter().zip(&loaded).skip(1) {
        loaded[0]
            .require_same_rows(other)
            .with_context(|| format!("{} and {} cannot be compared", args.runs[0].display(), path.display()))?;
    }
    let comparison = compare(&args.runs, &loaded)?;
    let text = if args.json { serde_json::to_string_pretty(&comparison)? } else { render(&comparison) };
    printer::result(&text);
    Ok(())
}

fn load(path: &Path) -> anyhow::Result<Predictions> {
    let file = if path.is_dir() { RunFolder::open(path)?.predictions_path("test") } else { path.to_owned() };
    Ok(predictions::read(&file)?.predictions)
}

fn compare(paths: &[PathBuf], loaded: &[Predictions]) -> anyhow::Result<Comparison> {
    let runs = paths.iter().zip(loaded).map(|(path, predictions)| {
        let metrics = predictions
            .labels()
            .map(|labels| ClassificationMetrics::from_logits(labels, predictions.logits()))
            .transpose()?;
        Ok(Run {
            path: path.clone(),
            rows: predictions.len(),
            auc: metrics.as_ref().and_then(|metrics| metrics.auc),
            log_loss: metrics.as_ref().map(|metrics| metrics.log_loss),
            prediction_digest: predictions.digest(),
        })
    });
    let runs = runs.collect::<anyhow::Result<Vec<_>>>()?;
    let replicas = ClickReplicas::new(loaded.iter().map(Predictions::logits).collect())?;
    let matrix = pairwise_relative_pd(&replicas);
    let pairs = matrix.pairs().map(|(a, b, value)| {
        let identical = runs[a].prediction_digest == runs[b].prediction_digest;
        Pair { a, b, value, identical }
    });
    Ok(Comparison { pairwise_relative_pd: pairs.collect(), mean_pairwise_relative_pd: matrix.mean(), runs })
}

fn render(comparison: &Comparison) -> String {
    let mut runs = Table::new(&["", "run", "AUC", "log loss", "prediction digest"]);
    for (index, run) in comparison.runs.iter().enumerate() {
        let digest: String = run.prediction_digest.chars().take(16).collect();
        let path = run.path.display().to_string();
        runs.row(vec![(index + 1).to_string(), path, metric(run.auc), metric(run.log_loss), digest]);
    }
    let mut pairs = Table::new(&["pair", "PD", ""]);
    for pair in &comparison.pairwise_relative_pd {
        let same = if pair.identical { "identical bits" } else { "" };
        pairs.row(vec![format!("{} – {}", pair.a + 1, pair.b + 1), metric(Some(pair.value)), same.to_owned()]);
    }
    format!(
        "{}\n\nPairwise symmetric relative PD, mean over {} rows of 2|pa − pb|/(pa + pb)\n{}\nmean PD over pairs  {}",
        runs.render(),
        comparison.runs.first().map_or(0, |run| run.rows),
        pairs.render(),
        metric(Some(comparison.mean_pairwise_relative_pd)),
    )
}
