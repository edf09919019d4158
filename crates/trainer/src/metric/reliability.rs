//! The reliability table (what a calibration plot draws) and the expected calibration error.

use serde::{Deserialize, Serialize};

use super::MetricError;
use super::exact_sum::ExactSum;
use super::ranked_scores::{RankedScores, ScoresByClass};
use super::sigmoid::sigmoid;
use super::streaming::check_chunk;

/// One bin of a reliability table.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// Rows of the bin.
    pub rows: u64,
    /// Rows of the bin with label 1.
    pub positives: u64,
    /// Lowest predicted probability of the bin.
    pub lowest_probability: f64,
    /// Highest predicted probability of the bin.
    pub highest_probability: f64,
    /// Mean predicted probability.
    pub mean_probability: f64,
    /// Share of rows with label 1.
    pub positive_rate: f64,
}

/// Reliability table with equal-mass bins, from the lowest predictions to the highest.
///
/// # Bins
/// Bin b ends at the first row at or beyond rank (b + 1)·N / B. Rows with equal logits are never split (their order
/// would be arbitrary): a tie that spans a boundary stays in one bin, so bins may be uneven and there may be fewer than
/// B.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityTable {
    /// The bins; none is empty.
    pub bins: Vec<ReliabilityBin>,
}

impl ReliabilityTable {
    /// The table of `logits` \[N\] against `labels` \[N\] with at most `bins` bins.
    ///
    /// # Errors
    /// No rows, no bins, different lengths, a label other than 0 and 1, a logit that is NaN or infinite.
    pub fn from_logits(labels: &[f32], logits: &[f32], bins: usize) -> Result<Self, MetricError> {
        check_chunk(labels, logits, 0)?;
        if labels.is_empty() {
            return Err(MetricError::NoRows);
        }
        if bins == 0 {
            return Err(MetricError::Argument { name: "the number of bins", value: 0.0, expected: "at least 1" });
        }
        let mut scores = ScoresByClass::default();
        scores.extend(labels, logits);
        Ok(Self::of_ranked(&scores.sorted(), bins))
    }

    pub(super) fn of_ranked(ranked: &RankedScores<f32>, bins: usize) -> Self {
        let total = u128::from(ranked.positives() + ranked.negatives());
        let mut table = Self { bins: Vec::with_capacity(bins) };
        let mut open: Option<OpenBin> = None;
        let (mut seen, mut boundary) = (0u128, 1u128);
        for group in ranked.ascending() {
            let probability = sigmoid(group.score);
            let bin = open.get_or_insert_with(|| OpenBin::starting_at(probability));
            bin.rows += group.rows();
            bin.positives += group.positives;
            bin.highest = probability;
            bin.sum.add(group.rows() as f64 * probability);
            seen += u128::from(group.rows());
            if seen * bins as u128 >= boundary * total {
                boundary = seen * bins as u128 / total + 1;
                table.bins.extend(open.take().map(OpenBin::close));
            }
        }
        table
    }

    /// ECE = `Σ_b (n_b / N) |mean p − mean y|` over the bins b.
    #[must_use]
    pub fn expected_calibration_error(&self) -> f64 {
        let rows: u64 = self.bins.iter().map(|bin| bin.rows).sum();
        let gaps = self.bins.iter().map(|bin| bin.rows as f64 * (bin.mean_probability - bin.positive_rate).abs());
        gaps.collect::<ExactSum>().value() / rows as f64
    }
}

struct OpenBin {
    rows: u64,
    positives: u64,
    lowest: f64,
    highest: f64,
    sum: ExactSum,
}

impl OpenBin {
    fn starting_at(probability: f64) -> Self {
        Self { rows: 0, positives: 0, lowest: probability, highest: probability, sum: ExactSum::new() }
    }

    fn close(self) -> ReliabilityBin {
        ReliabilityBin {
            rows: self.rows,
            positives: self.positives,
            lowest_probability: self.lowest,
            highest_probability: self.highest,
            mean_probability: self.sum.value() / self.rows as f64,
            positive_rate: self.positives as f64 / self.rows as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn equal_mass_and_the_error_of_a_known_table() {
        // Two bins of two rows each: predictions ½ and σ(2); positives 0 of 2 and 1 of 2.
        let table = ReliabilityTable::from_logits(&[0.0, 0.0, 1.0, 0.0], &[0.0, -0.0, 2.0, 2.0], 2).unwrap();
        assert_eq!(table.bins.len(), 2);
        assert_eq!((table.bins[0].rows, table.bins[0].positives, table.bins[1].positives), (2, 0, 1));
        let high = sigmoid(2.0);
        assert_eq!(table.bins[1].mean_probability, high);
        assert!((table.expected_calibration_error() - 0.5 * (0.5 + (high - 0.5))).abs() < 1e-15);
    }

    #[test]
    fn a_tie_is_never_split_whatever_the_order_of_its_labels() {
        let logits = [1.0, 1.0, 1.0, 1.0, 1.0, 2.0];
        let first = ReliabilityTable::from_logits(&[1.0, 1.0, 0.0, 0.0, 0.0, 1.0], &logits, 3).unwrap();
        let second = ReliabilityTable::from_logits(&[0.0, 0.0, 1.0, 0.0, 1.0, 1.0], &logits, 3).unwrap();
        assert_eq!(first, second);
        assert_eq!(first.bins.iter().map(|bin| bin.rows).collect::<Vec<_>>(), [5, 1]);
    }

    #[test]
    fn no_rows_or_bins_are_errors() {
        assert_eq!(ReliabilityTable::from_logits(&[], &[], 5).unwrap_err(), MetricError::NoRows);
        assert!(ReliabilityTable::from_logits(&[1.0], &[0.0], 0).is_err());
        assert!(ReliabilityTable::from_logits(&[1.0], &[f32::NAN], 1).is_err());
    }

    proptest! {
        #[test]
        fn every_row_lies_in_one_bin(
            rows in prop::collection::vec((any::<bool>(), -50i8..50), 1..300),
            bins in 1usize..40,
        ) {
            let labels: Vec<f32> = rows.iter().map(|r| f32::from(u8::from(r.0))).collect();
            let logits: Vec<f32> = rows.iter().map(|r| f32::from(r.1) / 10.0).collect();
            let table = ReliabilityTable::from_logits(&labels, &logits, bins).unwrap();
            prop_assert!(table.bins.len() <= bins);
            prop_assert_eq!(table.bins.iter().map(|b| b.rows).sum::<u64>(), rows.len() as u64);
            prop_assert!(table.bins.windows(2).all(|w| w[0].highest_probability < w[1].lowest_probability));
            prop_assert!(table.expected_calibration_error() <= 1.0);
        }

        #[test]
        fn distinct_logits_fill_bins_evenly(rows in 1usize..200, bins in 1usize..20) {
            let logits: Vec<f32> = (0..rows).map(|i| i as f32 / 50.0).collect();
            let table = ReliabilityTable::from_logits(&vec![0.0; rows], &logits, bins).unwrap();
            let sizes: Vec<u64> = table.bins.iter().map(|b| b.rows).collect();
            prop_assert_eq!(sizes.len(), bins.min(rows));
            prop_assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1);
        }
    }
}
