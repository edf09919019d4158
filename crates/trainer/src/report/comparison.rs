//! A handful of runs or prediction files beside each other.
use std::path::PathBuf;

use serde::Serialize;

use super::examples::ExampleFigures;
use super::html::{self, digits, escape};
use super::scale::Spacing;
use super::svg::{AxisStyle, Figure, Point, Series, Style};
use crate::ablation::{AblationError, Estimate, MEASURES, SettingStatistics};
use crate::metric::ClassificationMetrics;
use crate::metric::prediction_difference::{ClickReplicas, identical_predictions, pairwise_relative_pd};
use crate::predictions::Predictions;

/// Runs compared as replicas of one another.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// Rows that all have predicted.
    pub rows: usize,
    /// Each run or file.
    pub runs: Vec<ComparedRun>,
    /// Pairwise symmetric relative PD: mean over rows of `2|p_a − p_b|/(p_a + p_b)`.
    pub pairwise_relative_pd: Vec<ComparedPair>,
    /// Its mean over the pairs.
    pub mean_pairwise_relative_pd: f64,
    /// Every measure with its interval over the runs (95 %, three runs and more), by its key.
    pub measures: std::collections::BTreeMap<&'static str, Estimate>,
}

/// One of the runs.
#[derive(Debug, Serialize)]
pub struct ComparedRun {
    /// Where it is.
    pub path: PathBuf,
    /// Its metrics, where the labels are known.
    pub metrics: Option<ClassificationMetrics>,
    /// BLAKE3 of its logits.
    pub prediction_digest: String,
}

/// Two of the runs, by their numbers from 0.
#[derive(Debug, Serialize)]
pub struct ComparedPair {
    /// One.
    pub a: usize,
    /// The other.
    pub b: usize,
    /// Their PD.
    pub value: f64,
    /// Whether every prediction has the same bits.
    pub identical: bool,
}

impl Comparison {
    /// Compares predictions of the same rows; `paths` names them.
    ///
    /// # Errors
    /// Fewer than two, no rows, or a prediction that is no number.
    pub fn of(paths: &[PathBuf], predictions: &[Predictions]) -> Result<Self, AblationError> {
        let metrics = |p: &Predictions| {
            p.labels().map(|labels| ClassificationMetrics::from_logits(labels, p.logits())).transpose()
        };
        let run = |(path, p): (&PathBuf, &Predictions)| {
            Ok(ComparedRun { path: path.clone(), metrics: metrics(p)?, prediction_digest: p.digest() })
        };
        let runs = paths.iter().zip(predictions).map(run).collect::<Result<Vec<_>, AblationError>>()?;
        let replicas = ClickReplicas::new(predictions.iter().map(Predictions::logits).collect())?;
        let (matrix, same) = (pairwise_relative_pd(&replicas), identical_predictions(&replicas));
        let pair = |(a, b, value)| ComparedPair { a, b, value, identical: same.get(a, b) == Some(1.0) };
        let all: Option<Vec<&ClassificationMetrics>> = runs.iter().map(|run| run.metrics.as_ref()).collect();
        let statistics =
            SettingStatistics::of_predictions(all.as_deref().unwrap_or_default(), predictions, CONFIDENCE)?;
        Ok(Self {
            rows: predictions.first().map_or(0, Predictions::len),
            pairwise_relative_pd: matrix.pairs().map(pair).collect(),
            mean_pairwise_relative_pd: matrix.mean(),
            measures: statistics.estimates,
            runs,
        })
    }

    /// A page of its own, without network.
    ///
    /// # Errors
    /// When `predictions` are not those that were compared.
    pub fn html(&self, predictions: &[Predictions]) -> Result<String, AblationError> {
        let head = ["run", "AUC", "log loss", "NE", "calibration", "ECE", "prediction digest"].map(str::to_owned);
        let rows: Vec<Vec<String>> = self.runs.iter().enumerate().map(|(index, run)| run.row(index)).collect();
        let pairs: Vec<Vec<String>> = self
            .pairwise_relative_pd
            .iter()
            .map(|pair| {
                let note = if pair.identical { "identical bits" } else { "" };
                vec![format!("{} – {}", pair.a + 1, pair.b + 1), digits(pair.value), note.to_owned()]
            })
            .collect();
        let measures: Vec<Vec<String>> = MEASURES
            .iter()
            .filter_map(|measure| {
                let found = self.measures.get(measure.key)?;
                Some(vec![escape(measure.title), html::estimate(Some(found)), escape(measure.formula)])
            })
            .collect();
        let figures: Vec<String> = figures(&ExampleFigures::of(predictions)?)
            .iter()
            .map(|figure| {
                let (title, caption) = (escape(&figure.title), escape(&figure.caption));
                format!("<figure>\n<h3>{title}</h3>\n{}<figcaption>{caption}</figcaption>\n</figure>\n", figure.svg())
            })
            .collect();
        let body = format!(
            "<h1>{} runs compared</h1>\n<p>Over {} rows, two of these runs differ by <strong>{}</strong> of their mean prediction on an \
             average row (pairwise symmetric relative PD).</p>\n<h2>Runs</h2>\n{}<h2>Pairs</h2>\n{}<h2>All measures</h2>\n{}<h2>Figures</h2>\n\
             <div class=\"figures\">\n{}</div>\n<footer>Made by ctr {}.</footer>\n",
            self.runs.len(),
            self.rows,
            digits(self.mean_pairwise_relative_pd),
            html::table(&head, &rows),
            html::table(&["pair", "PD", ""].map(str::to_owned), &pairs),
            html::table(&["measure", "estimate", "definition"].map(str::to_owned), &measures),
            figures.concat(),
            env!("CARGO_PKG_VERSION"),
        );
        Ok(html::page("ctr compare", &body))
    }
}

/// Coverage of the intervals over the runs.
const CONFIDENCE: f64 = 0.95;

impl ComparedRun {
    fn row(&self, index: usize) -> Vec<String> {
        let number = |of: fn(&ClassificationMetrics) -> Option<f64>| {
            self.metrics.as_ref().and_then(of).map_or_else(|| "–".to_owned(), digits)
        };
        vec![
            format!("{}: {}", index + 1, escape(&self.path.display().to_string())),
            number(|metrics| metrics.auc),
            number(|metrics| Some(metrics.log_loss)),
            number(|metrics| metrics.normalized_entropy),
            number(|metrics| metrics.calibration_ratio),
            number(|metrics| Some(metrics.expected_calibration_error)),
            self.prediction_digest.chars().take(16).collect(),
        ]
    }
}

fn figures(examples: &ExampleFigures) -> Vec<Figure> {
    let series = |points: &[(f64, f64)]| {
        let points = points.iter().map(|&(x, y)| Point { x, y, ..Point::default() }).collect();
        vec![Series { name: "mean over pairs".to_owned(), points, style: Style::Line }]
    };
    let log = |title| AxisStyle { title, spacing: Spacing::Log };
    let linear = |title| AxisStyle { title, spacing: Spacing::Linear };
    vec![
        Figure {
            name: "pd_histogram".to_owned(),
            title: "How prediction difference is spread over the rows".to_owned(),
            caption: "Share of rows by their own PD, averaged over pairs; the first bin holds everything below."
                .to_owned(),
            x: log("PD of a row"),
            y: linear("share of rows"),
            series: series(&examples.histogram),
            diagonal: false,
        },
        Figure {
            name: "pd_probability".to_owned(),
            title: "Prediction difference against predicted probability".to_owned(),
            caption: "Mean PD in twenty bins of equal mass along the mean predicted probability.".to_owned(),
            x: log("predicted probability"),
            y: linear("mean PD"),
            series: series(&examples.by_probability),
            diagonal: false,
        },
    ]
}
