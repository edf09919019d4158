//! The contract of the metrics that read labels and logits in chunks.

use super::MetricError;

/// A metric that is fed chunks of labels and logits and can be merged with another one of its kind.
///
/// For every implementation the value is the same bits for any split of the rows into chunks and any order of merging.
pub trait StreamingMetric {
    /// What [`finish`](Self::finish) returns.
    type Value;

    /// Adds rows. `labels` are 0 or 1, `logits` are finite, both \[N\].
    ///
    /// # Errors
    /// Columns of different length, a label other than 0 and 1, a logit that is NaN or infinite. The row named is
    /// counted from the first row this value was given. Nothing is added from a chunk that is refused.
    fn update(&mut self, labels: &[f32], logits: &[f32]) -> Result<(), MetricError>;

    /// Adds the rows of `other`.
    fn merge(&mut self, other: Self);

    /// The value over all rows.
    fn finish(self) -> Self::Value;
}

/// Refuses a chunk before any of it is added; `first_row` is how many rows came before it.
pub(super) fn check_chunk(labels: &[f32], logits: &[f32], first_row: u64) -> Result<(), MetricError> {
    check_length("labels", labels.len(), "logits", logits.len())?;
    check_labels(labels, first_row)?;
    match logits.iter().position(|logit| !logit.is_finite()) {
        Some(index) => Err(MetricError::Logit { row: first_row + index as u64, value: logits[index] }),
        None => Ok(()),
    }
}

pub(super) fn check_labels(labels: &[f32], first_row: u64) -> Result<(), MetricError> {
    match labels.iter().position(|&label| label != 0.0 && label != 1.0) {
        Some(index) => Err(MetricError::Label { row: first_row + index as u64, value: labels[index] }),
        None => Ok(()),
    }
}

pub(super) fn check_length(
    left_name: &'static str,
    left: usize,
    right_name: &'static str,
    right: usize,
) -> Result<(), MetricError> {
    if left == right { Ok(()) } else { Err(MetricError::Length { left_name, left, right_name, right }) }
}
