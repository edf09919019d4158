//! What the finished runs of a study say.
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{AblationError, Run, Study, StudyFolder, locks};
use crate::metric::excess_log_loss;
use crate::predictions::{self, Predictions};
use crate::repro::write_atomic;
use crate::run_folder::{RunFolder, RunRecord, RunResult};

/// The cells of a table's line, each with the name of its column.
pub(crate) type Row = Vec<(String, Value)>;

/// A finished run.
#[derive(Clone, Debug)]
pub struct RunOutcome {
    /// Its record.
    pub record: RunRecord,
    /// What came out.
    pub result: RunResult,
    /// Its epochs.
    pub epochs: Vec<EpochFigures>,
    /// Mean Kullback–Leibler divergence of its test predictions from the true click probabilities, in nats, where these are known.
    pub excess_log_loss: Option<f64>,
    /// Standard deviation of the pre-activations, mean over the hidden layers, at the last line of `watch.statistics`.
    pub pre_activation_std: Option<f64>,
}

/// One epoch of a run, as `metrics.jsonl` has it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct EpochFigures {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// Mean training loss in nats.
    pub train_loss: f64,
    /// Log loss on the validation data, in nats.
    pub valid_log_loss: f64,
    /// AUC on the validation data; `None` with one class.
    pub valid_auc: Option<f64>,
    /// Seconds of training.
    pub train_seconds: f64,
    /// Training rows per second.
    pub samples_per_second: f64,
}

/// The finished runs of a study, each read once.
#[derive(Debug)]
pub struct Results<'a> {
    study: &'a Study,
    folder: &'a StudyFolder,
    truths: &'a [Option<Vec<f64>>],
    outcomes: Vec<Option<RunOutcome>>,
}

/// The columns of the test metrics.
const METRICS: [&str; 11] = [
    "rows",
    "positives",
    "auc",
    "log_loss",
    "average_precision",
    "normalized_entropy",
    "relative_information_gain",
    "mean_probability",
    "base_rate",
    "calibration_ratio",
    "expected_calibration_error",
];

impl<'a> Results<'a> {
    /// No results yet. `truths` holds, for each setting, the true click probabilities of the test rows where they are known.
    #[must_use]
    pub fn new(study: &'a Study, folder: &'a StudyFolder, truths: &'a [Option<Vec<f64>>]) -> Self {
        Self { study, folder, truths, outcomes: vec![None; study.runs.len()] }
    }

    /// The study.
    #[must_use]
    pub fn study(&self) -> &'a Study {
        self.study
    }

    /// The study's folder.
    #[must_use]
    pub fn folder(&self) -> &'a StudyFolder {
        self.folder
    }

    /// Reads the runs that were finished since.
    ///
    /// # Errors
    /// When a finished run cannot be read, or belongs to another study.
    pub fn refresh(&mut self) -> Result<(), AblationError> {
        for (run, outcome) in self.study.runs.iter().zip(&mut self.outcomes) {
            if outcome.is_none() {
                let truth = self.truths.get(run.setting).and_then(Option::as_deref);
                *outcome =
                    self.folder.finished(run)?.map(|(folder, record)| read(&folder, record, truth)).transpose()?;
            }
        }
        Ok(())
    }

    /// Each run, and its outcome once it is finished.
    pub fn runs(&self) -> impl Iterator<Item = (&'a Run, Option<&RunOutcome>)> {
        self.study.runs.iter().zip(self.outcomes.iter().map(Option::as_ref))
    }

    /// The finished runs of a setting, by replica.
    pub fn finished(&self, setting: usize) -> impl Iterator<Item = (&'a Run, &RunOutcome)> {
        self.runs().filter(move |(run, _)| run.setting == setting).filter_map(|(run, outcome)| Some((run, outcome?)))
    }

    /// The test predictions of the finished runs of a setting, by replica.
    ///
    /// # Errors
    /// When a file cannot be read, or two runs have predicted different rows.
    pub fn predictions(&self, setting: usize) -> Result<Vec<Predictions>, AblationError> {
        let read = |(run, _): (&Run, _)| {
            let folder = RunFolder::open(&self.folder.run_path(run))?;
            Ok::<_, AblationError>(predictions::read(&folder.predictions_path("test"))?.predictions)
        };
        let all = self.finished(setting).map(read).collect::<Result<Vec<_>, _>>()?;
        for other in all.iter().skip(1) {
            all[0].require_same_rows(other)?;
        }
        Ok(all)
    }

    /// Writes `results.csv`, `results.jsonl` and `timings.csv`: a line for each finished run, in the order of the plan.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write_tables(&self) -> Result<(), AblationError> {
        // Of several processes the last to write has seen all that the others have.
        let _lock = locks::lock(&self.folder.file(".tables.lock"))?;
        let done = || self.runs().filter_map(|(run, outcome)| Some((run, outcome?)));
        let results: Vec<Row> = done().map(|(run, outcome)| self.row(run, outcome)).collect();
        let timings: Vec<Row> = done().map(|(run, outcome)| timing(run, outcome)).collect();
        let object = |row: &Row| Value::Object(row.iter().cloned().collect::<Map<_, _>>());
        let lines: Vec<String> = results.iter().map(|row| format!("{}\n", object(row))).collect();
        write_atomic(&self.folder.file("results.jsonl"), lines.concat().as_bytes())?;
        write_csv(&self.folder.file("results.csv"), &results)?;
        write_csv(&self.folder.file("timings.csv"), &timings)
    }

    fn row(&self, run: &Run, outcome: &RunOutcome) -> Row {
        let (study, result) = (self.study, &outcome.result);
        let axes = study.config.axes.iter().map(|axis| axis.name.clone());
        let levels = study.settings[run.setting].levels.iter().map(|level| json!(level));
        let mut row: Row = vec![("run".into(), json!(run.id))];
        row.extend(axes.zip(levels));
        row.push(("replica".into(), json!(run.replica)));
        let metrics = serde_json::to_value(&result.test).unwrap_or_default();
        row.extend(METRICS.map(|key| (key.to_owned(), metrics[key].clone())));
        row.extend(
            [
                ("excess_log_loss", json!(outcome.excess_log_loss)),
                ("pre_activation_std", json!(outcome.pre_activation_std)),
                ("best_epoch", json!(result.best_epoch)),
                ("epochs", json!(result.epochs)),
                ("steps", json!(result.steps)),
                ("parameters", json!(outcome.record.parameters)),
                ("parameter_digest", json!(result.parameter_digest)),
                ("prediction_digest", json!(result.prediction_digest)),
            ]
            .map(|(key, value)| (key.to_owned(), value)),
        );
        row
    }
}

impl RunOutcome {
    /// Seconds of training, validation not included, over all epochs of the log.
    #[must_use]
    pub fn train_seconds(&self) -> f64 {
        self.epochs.iter().map(|epoch| epoch.train_seconds).sum()
    }

    /// Training rows per second: the median over the epochs.
    #[must_use]
    pub fn samples_per_second(&self) -> Option<f64> {
        let mut rates: Vec<f64> = self.epochs.iter().map(|epoch| epoch.samples_per_second).collect();
        rates.sort_by(f64::total_cmp);
        rates.get(rates.len() / 2).copied()
    }
}

fn timing(run: &Run, outcome: &RunOutcome) -> Row {
    let cells = [
        ("run", json!(run.id)),
        ("epochs", json!(outcome.result.epochs)),
        ("train_seconds", json!(outcome.train_seconds())),
        ("samples_per_second", json!(outcome.samples_per_second())),
        ("threads", json!(outcome.record.threads)),
        ("device", json!(outcome.record.device)),
    ];
    cells.map(|(key, value)| (key.to_owned(), value)).into()
}

fn read(folder: &RunFolder, record: RunRecord, truth: Option<&[f64]>) -> Result<RunOutcome, AblationError> {
    let unreadable = |path: &Path, reason: String| AblationError::Unreadable { path: path.to_owned(), reason };
    let path = folder.metrics_path();
    let text = fs::read_to_string(&path).map_err(|cause| unreadable(&path, cause.to_string()))?;
    let (mut epochs, mut pre_activation_std) = (Vec::new(), None);
    for (number, line) in text.lines().enumerate() {
        let failed = |error: serde_json::Error| unreadable(&path, format!("line {}: {error}", number + 1));
        let value: Value = serde_json::from_str(line).map_err(failed)?;
        if value["event"] == "epoch" {
            epochs.push(serde_json::from_value(value).map_err(failed)?);
        } else if value["event"] == "statistics" {
            pre_activation_std = spread(&value);
        }
    }
    let Some(result) = record.result.clone() else {
        return Err(unreadable(folder.path(), "the run is finished but has no result".to_owned()));
    };
    let excess_log_loss = match truth {
        None => None,
        Some(truth) => {
            let predictions = predictions::read(&folder.predictions_path("test"))?.predictions;
            Some(excess_log_loss(truth, predictions.logits())?)
        }
    };
    Ok(RunOutcome { record, result, epochs, excess_log_loss, pre_activation_std })
}

/// Mean of `pre_activation_std` over the layers of a line of statistics; `None` without hidden layers.
fn spread(line: &Value) -> Option<f64> {
    let layers = line["layers"].as_array().filter(|layers| !layers.is_empty())?;
    let all: Option<Vec<f64>> = layers.iter().map(|layer| layer["pre_activation_std"].as_f64()).collect();
    all.map(|all| all.iter().sum::<f64>() / layers.len() as f64)
}

/// A table with a line for each object; a value that is absent is empty.
pub(crate) fn write_csv(path: &Path, rows: &[Row]) -> Result<(), AblationError> {
    let failed = |error: csv::Error| AblationError::Unreadable { path: path.to_owned(), reason: error.to_string() };
    let mut writer = csv::Writer::from_writer(Vec::new());
    if let Some(first) = rows.first() {
        writer.write_record(first.iter().map(|(key, _)| key)).map_err(failed)?;
    }
    for row in rows {
        let cells = row.iter().map(|(_, value)| match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        writer.write_record(cells).map_err(failed)?;
    }
    let bytes = writer.into_inner().map_err(|error| failed(error.into_error().into()))?;
    Ok(write_atomic(path, &bytes)?)
}
