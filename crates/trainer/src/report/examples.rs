//! What single test rows say: how PD is spread over them, and how it depends on the predicted probability.
use crate::ablation::AblationError;
use crate::metric::prediction_difference::{ClickReplicas, per_example_relative_pd};
use crate::metric::{ReliabilityTable, sigmoid};
use crate::predictions::Predictions;

/// Bins of equal mass along the predicted probability.
const BINS: usize = 20;
/// Bins of a histogram for each decade of PD, and its first decade.
const BINS_PER_DECADE: usize = 4;
const FIRST_DECADE: i32 = -4;

/// The figures of one setting's replicas.
#[derive(Clone, Debug, Default)]
pub(super) struct ExampleFigures {
    /// PD at the middle of each bin (of its logarithm) and the share of rows in it; the first bin holds everything below.
    pub(super) histogram: Vec<(f64, f64)>,
    /// Mean predicted probability and mean PD of each bin.
    pub(super) by_probability: Vec<(f64, f64)>,
    /// Mean predicted probability and click rate of each bin, of the first replica.
    pub(super) calibration: Vec<(f64, f64)>,
}

impl ExampleFigures {
    /// From the predictions of at least two replicas.
    pub(super) fn of(predictions: &[Predictions]) -> Result<Self, AblationError> {
        let replicas = ClickReplicas::new(predictions.iter().map(Predictions::logits).collect())?;
        let pd = per_example_relative_pd(&replicas);
        let models = predictions.len() as f64;
        let mean = |row: usize| predictions.iter().map(|p| sigmoid(p.logits()[row])).sum::<f64>() / models;
        let mut rows: Vec<(f64, f64)> = pd.iter().enumerate().map(|(row, &pd)| (mean(row), pd)).collect();
        rows.sort_by(|a, b| a.0.total_cmp(&b.0));
        let size = rows.len().div_ceil(BINS).max(1);
        let average = |bin: &[(f64, f64)]| {
            let sum = bin.iter().fold((0.0, 0.0), |sum, row| (sum.0 + row.0, sum.1 + row.1));
            (sum.0 / bin.len() as f64, sum.1 / bin.len() as f64)
        };
        let calibration = match predictions.first().and_then(|first| Some((first.labels()?, first.logits()))) {
            None => Vec::new(),
            Some((labels, logits)) => {
                let table = ReliabilityTable::from_logits(labels, logits, BINS)?;
                table.bins.iter().map(|bin| (bin.mean_probability, bin.positive_rate)).collect()
            }
        };
        Ok(Self { histogram: histogram(&pd), by_probability: rows.chunks(size).map(average).collect(), calibration })
    }
}

/// Shares of rows in bins of equal width of log₁₀ PD, from 10⁻⁴ to 2.
fn histogram(pd: &[f64]) -> Vec<(f64, f64)> {
    let per_decade = BINS_PER_DECADE as f64;
    let last = ((libm::log10(2.0) - f64::from(FIRST_DECADE)) * per_decade).floor() as usize;
    let mut counts = vec![0_u64; last + 1];
    for &value in pd {
        let position = if value > 0.0 { (libm::log10(value) - f64::from(FIRST_DECADE)) * per_decade } else { 0.0 };
        counts[(position.max(0.0) as usize).min(last)] += 1;
    }
    let middle = |bin: usize| libm::pow(10.0, f64::from(FIRST_DECADE) + (bin as f64 + 0.5) / per_decade);
    counts.iter().enumerate().map(|(bin, &count)| (middle(bin), count as f64 / pd.len().max(1) as f64)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_every_row_once() {
        let bins = histogram(&[0.0, 1e-9, 0.01, 0.5, 2.0]);
        assert!((bins.iter().map(|bin| bin.1).sum::<f64>() - 1.0).abs() < 1e-12);
        assert_eq!(bins[0].1, 0.4);
        assert_eq!(bins.last().unwrap().1, 0.2);
    }

    #[test]
    fn rows_are_binned_by_their_mean_probability() {
        let labels = Some(vec![0.0, 1.0, 0.0, 1.0]);
        let make = |logits: [f32; 4]| Predictions::of_whole_file(labels.clone(), logits.to_vec()).unwrap();
        let figures = ExampleFigures::of(&[make([-2.0, 0.0, 1.0, 3.0]), make([-2.5, 0.0, 1.5, 3.0])]).unwrap();
        assert_eq!(figures.by_probability.len(), 4);
        assert!(figures.by_probability.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!((figures.by_probability[1].1, figures.by_probability[3].1), (0.0, 0.0));
        assert_eq!(figures.calibration.len(), 4);
    }
}
