//! Means over the replicas of a setting, with intervals that resample replicas.
use std::collections::BTreeMap;

use serde::Serialize;

use super::{AblationError, Results, RunOutcome};
use crate::metric::prediction_difference::{
    ClickReplicas, ExampleMean, Norm, PairMatrix, absolute_mean_centred_pd, churn, hellinger_pd, identical_predictions,
    norm_pd, pairwise_relative_pd, relative_mean_centred_pd, replica_count_correction, true_label_relative_pd,
};
use crate::metric::{ClassificationMetrics, MetricError, jackknife};
use crate::predictions::Predictions;

/// Something that is measured for each setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// Its name in files.
    pub key: &'static str,
    /// Its name in the report.
    pub title: &'static str,
    /// What it is, in one line.
    pub formula: &'static str,
    /// Whether it is a mean over replicas (`false`) or a disagreement between them (`true`).
    pub disagreement: bool,
    /// Whether less is better; `None` where neither is.
    pub less_is_better: Option<bool>,
}

const fn accuracy(key: &'static str, title: &'static str, formula: &'static str, less: Option<bool>) -> Measure {
    Measure { key, title, formula, disagreement: false, less_is_better: less }
}

const fn disagreement(key: &'static str, title: &'static str, formula: &'static str) -> Measure {
    Measure { key, title, formula, disagreement: true, less_is_better: Some(true) }
}

/// Decision threshold of [`churn`] in a study.
const CHURN_THRESHOLD: f64 = 0.5;

/// Everything that is measured, the headline figures first.
pub const MEASURES: [Measure; 17] = [
    disagreement(
        "pairwise_relative_pd",
        "PD",
        "pairwise symmetric relative PD: mean over rows and pairs of 2|pa − pb|/(pa + pb)",
    ),
    accuracy("log_loss", "log loss", "mean binary cross-entropy in nats", Some(true)),
    accuracy("auc", "AUC", "area under the ROC curve, ties half", Some(false)),
    accuracy(
        "excess_log_loss",
        "excess log loss",
        "mean KL(true p ‖ p) in nats: log loss above the best possible",
        Some(true),
    ),
    accuracy("normalized_entropy", "NE", "log loss / entropy of the base rate", Some(true)),
    accuracy("average_precision", "PR-AUC", "average precision", Some(false)),
    accuracy("calibration_ratio", "calibration", "mean(p)/mean(y)", None),
    accuracy("expected_calibration_error", "ECE", "expected calibration error over 20 equal-mass bins", Some(true)),
    accuracy(
        "pre_activation_std",
        "σ",
        "standard deviation of what the activation is applied to, mean over the hidden layers at the last line of `watch.statistics`",
        None,
    ),
    disagreement("absolute_pd", "absolute PD", "(1/NM) Σ |p − p̄|, times √(M/(M − 1))"),
    disagreement("relative_mean_centred_pd", "Δ₁ʳ", "(1/NM) Σ |p − p̄|/p̄ on the click label, times √(M/(M − 1))"),
    disagreement("norm_1_pd", "Δ₁", "(1/NM) Σ ‖P − P̄‖₁ over both labels, times √(M/(M − 1))"),
    disagreement("norm_2_pd", "Δ₂", "(1/NM) Σ ‖P − P̄‖₂ over both labels, times √(M/(M − 1))"),
    disagreement("true_label_pd", "Δ₁ᴸ", "(1/NM) Σ |P − P̄|/P̄ on the true label, times √(M/(M − 1))"),
    disagreement("hellinger_pd", "Hellinger", "(1/NM) Σ √(½ Σ (√P − √P̄)²), times √(M/(M − 1))"),
    disagreement("churn", "churn at ½", "share of rows whose decision p ≥ ½ differs, mean over pairs"),
    Measure {
        key: "identical_pairs",
        title: "identical pairs",
        formula: "share of pairs of replicas whose predictions have the same bits",
        disagreement: true,
        less_is_better: None,
    },
];

/// A statistic over replicas.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// Over all replicas.
    pub value: f64,
    /// Lower end of its interval; `None` with fewer than three replicas.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
}

/// The statistics of one setting.
#[derive(Clone, Debug)]
pub struct SettingStatistics {
    /// The replicas that are finished.
    pub replicas: Vec<usize>,
    /// Each measure by its key; one that is undefined is left out.
    pub estimates: BTreeMap<&'static str, Estimate>,
    /// The value of each measure on subsets of the replicas, for differences.
    samples: BTreeMap<&'static str, Samples>,
}

/// A measure as a function of the replicas kept.
#[derive(Clone, Debug)]
enum Samples {
    /// The mean of one value of each replica.
    Values(Vec<f64>),
    /// The mean over pairs.
    Pairs(PairMatrix),
    /// Values over all replicas, then without each: `[M + 1]`.
    LeaveOneOut(Vec<f64>),
}

impl Samples {
    fn at(&self, kept: &[usize]) -> Option<f64> {
        match self {
            Self::Values(values) => {
                (!kept.is_empty()).then(|| kept.iter().map(|&index| values[index]).sum::<f64>() / kept.len() as f64)
            }
            Self::Pairs(pairs) => pairs.mean_over(kept),
            Self::LeaveOneOut(values) => {
                let left_out = (0..values.len() - 1).find(|index| !kept.contains(index));
                values.get(left_out.map_or(0, |index| index + 1)).copied()
            }
        }
    }
}

impl SettingStatistics {
    /// The statistics of the finished runs of a setting.
    ///
    /// # Errors
    /// When their predictions cannot be read or compared.
    pub fn of(results: &Results<'_>, setting: usize) -> Result<Self, AblationError> {
        let confidence = results.study().config.confidence;
        let runs: Vec<_> = results.finished(setting).map(|(_, outcome)| outcome).collect();
        let metrics: Vec<_> = runs.iter().map(|outcome| &outcome.result.test).collect();
        let of_runs = |value: fn(&RunOutcome) -> Option<f64>| {
            let values: Option<Vec<f64>> = runs.iter().copied().map(value).collect();
            values.filter(|values| !values.is_empty())
        };
        let own = [
            ("excess_log_loss", of_runs(|outcome| outcome.excess_log_loss)),
            ("pre_activation_std", of_runs(|outcome| outcome.pre_activation_std)),
        ];
        let predictions = if runs.len() >= 2 { results.predictions(setting)? } else { Vec::new() };
        let mut samples = accuracies(&metrics);
        samples.extend(own.into_iter().filter_map(|(key, values)| Some((key, Samples::Values(values?)))));
        let replicas = results.finished(setting).map(|(run, _)| run.replica).collect();
        Self::new(replicas, samples, &predictions, confidence)
    }

    /// The statistics of predictions of the same rows; `metrics` is empty where the labels are not known.
    ///
    /// # Errors
    /// When a prediction is no number.
    pub fn of_predictions(
        metrics: &[&ClassificationMetrics],
        predictions: &[Predictions],
        confidence: f64,
    ) -> Result<Self, AblationError> {
        Self::new((0..predictions.len()).collect(), accuracies(metrics), predictions, confidence)
    }

    fn new(
        replicas: Vec<usize>,
        mut samples: SampleMap,
        predictions: &[Predictions],
        confidence: f64,
    ) -> Result<Self, AblationError> {
        if predictions.len() >= 2 {
            disagreements(predictions, &mut samples)?;
        }
        let estimates = samples
            .iter()
            .filter_map(|(key, samples)| Some((*key, interval(replicas.len(), confidence, |kept| samples.at(kept))?)))
            .collect();
        Ok(Self { replicas, estimates, samples })
    }

    /// This setting's measure minus that of `baseline`, over the replicas that both have: paired by seed.
    #[must_use]
    pub fn difference(&self, baseline: &Self, key: &str, confidence: f64) -> Option<Estimate> {
        let (ours, theirs) = (self.samples.get(key)?, baseline.samples.get(key)?);
        if self.replicas != baseline.replicas {
            return None;
        }
        interval(self.replicas.len(), confidence, |kept| Some(ours.at(kept)? - theirs.at(kept)?))
    }
}

fn interval(models: usize, confidence: f64, at: impl Fn(&[usize]) -> Option<f64>) -> Option<Estimate> {
    if let Ok(found) = jackknife(models, confidence, &at) {
        return Some(Estimate { value: found.estimate, low: Some(found.low), high: Some(found.high) });
    }
    let all: Vec<usize> = (0..models).collect();
    Some(Estimate { value: at(&all).filter(|value| value.is_finite())?, low: None, high: None })
}

/// The measures of each run alone; one that is undefined for any is left out.
fn accuracies(metrics: &[&ClassificationMetrics]) -> SampleMap {
    let measures = MEASURES.iter().filter(|measure| !measure.disagreement);
    let values = |key| metrics.iter().map(|metrics| accuracy_value(metrics, key)).collect::<Option<Vec<f64>>>();
    let samples = |key| values(key).filter(|values| !values.is_empty()).map(Samples::Values);
    measures.filter_map(|measure| Some((measure.key, samples(measure.key)?))).collect()
}

fn accuracy_value(metrics: &ClassificationMetrics, key: &str) -> Option<f64> {
    match key {
        "log_loss" => Some(metrics.log_loss),
        "auc" => metrics.auc,
        "normalized_entropy" => metrics.normalized_entropy,
        "average_precision" => metrics.average_precision,
        "calibration_ratio" => metrics.calibration_ratio,
        "expected_calibration_error" => Some(metrics.expected_calibration_error),
        _ => None,
    }
}

type SampleMap = BTreeMap<&'static str, Samples>;

fn disagreements(predictions: &[Predictions], samples: &mut SampleMap) -> Result<(), MetricError> {
    let replicas = ClickReplicas::new(predictions.iter().map(Predictions::logits).collect())?;
    let models = predictions.len();
    samples.insert("pairwise_relative_pd", Samples::Pairs(pairwise_relative_pd(&replicas)));
    samples.insert("churn", Samples::Pairs(churn(&replicas, CHURN_THRESHOLD)?));
    samples.insert("identical_pairs", Samples::Pairs(identical_predictions(&replicas)));
    let labels: Option<Vec<usize>> = predictions
        .first()
        .and_then(Predictions::labels)
        .map(|labels| labels.iter().map(|&y| usize::from(y == 1.0)).collect());
    let mut centred = |key, metric: &dyn Fn(&ClickReplicas<'_>) -> Result<ExampleMean, MetricError>| {
        samples.insert(key, Samples::LeaveOneOut(leave_one_out(&replicas, models, metric)?));
        Ok::<_, MetricError>(())
    };
    centred("absolute_pd", &|r| Ok(absolute_mean_centred_pd(r)))?;
    centred("relative_mean_centred_pd", &|r| Ok(relative_mean_centred_pd(r)))?;
    centred("norm_1_pd", &|r| Ok(norm_pd(r, Norm::L1)))?;
    centred("norm_2_pd", &|r| Ok(norm_pd(r, Norm::L2)))?;
    centred("hellinger_pd", &|r| Ok(hellinger_pd(r)))?;
    if let Some(labels) = labels {
        centred("true_label_pd", &|r| true_label_relative_pd(r, &labels))?;
    }
    Ok(())
}

/// A mean-centred metric, corrected for the number of replicas, over all replicas and without each.
fn leave_one_out(
    replicas: &ClickReplicas<'_>,
    models: usize,
    metric: &dyn Fn(&ClickReplicas<'_>) -> Result<ExampleMean, MetricError>,
) -> Result<Vec<f64>, MetricError> {
    let at = |kept: Vec<usize>| {
        let correction = replica_count_correction(kept.len());
        // One replica alone disagrees with nobody: no interval is made of two.
        if kept.len() < 2 { Ok(0.0) } else { Ok(metric(&replicas.select(&kept))?.value() * correction) }
    };
    let all = at((0..models).collect());
    let without = (0..models).map(|left_out| at((0..models).filter(|&model| model != left_out).collect()));
    std::iter::once(all).chain(without).collect()
}
