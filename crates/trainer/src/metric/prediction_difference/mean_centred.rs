//! Metrics of the distance of each replica from the mean of the replicas.

use super::super::MetricError;
use super::super::exact_sum::ExactSum;
use super::super::streaming::check_length;
use super::replicas::{ClickReplicas, ReplicaDistributions};

/// A mean over examples that can be merged with that of other examples of the same replicas.
#[derive(Debug, Clone, Default)]
pub struct ExampleMean {
    sum: ExactSum,
    examples: u64,
}

impl ExampleMean {
    /// The mean; NaN without examples (no metric returns one without).
    #[must_use]
    pub fn value(&self) -> f64 {
        self.sum.value() / self.examples as f64
    }

    /// Adds other examples.
    pub fn merge(&mut self, other: &Self) {
        self.sum.merge(&other.sum);
        self.examples += other.examples;
    }
}

/// The norm of [`norm_pd`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Norm {
    /// Sum of absolute differences: Δ₁.
    L1,
    /// Euclidean: Δ₂.
    L2,
}

/// √(M / (M − 1)): multiply a mean-centred PD of M replicas by it before comparing with one of another M.
///
/// The expectation of |p − p̄| grows as √((M − 1)/M), because p̄ contains p. Infinite for M = 1.
#[must_use]
pub fn replica_count_correction(models: usize) -> f64 {
    (models as f64 / (models as f64 - 1.0)).sqrt()
}

/// (1/NM) Σ |p − p̄| on the click label. On clicks Δ₁ ([`norm_pd`]) is twice this, as it counts both labels.
#[must_use]
pub fn absolute_mean_centred_pd(replicas: &ClickReplicas<'_>) -> ExampleMean {
    click_mean(replicas, |deviation, _| deviation)
}

/// Δ₁ʳ for CTR: (1/NM) Σ |p − p̄| / p̄ on the click label, 0/0 = 0.
///
/// For M = 2 exactly half of [`pairwise_relative_pd`](super::pairwise_relative_pd); see also
/// [`replica_count_correction`].
#[must_use]
pub fn relative_mean_centred_pd(replicas: &ClickReplicas<'_>) -> ExampleMean {
    click_mean(replicas, ratio)
}

/// Δₚ: `(1/NM) Σ ‖P − P̄‖ₚ` over the label distribution.
#[must_use]
pub fn norm_pd(replicas: &impl ReplicaDistributions, norm: Norm) -> ExampleMean {
    distribution_mean(replicas, |_, p, mean| {
        let deviations = p.iter().zip(mean).map(|(p, mean)| (p - mean).abs());
        match norm {
            Norm::L1 => deviations.sum(),
            Norm::L2 => deviations.map(|d| d * d).sum::<f64>().sqrt(),
        }
    })
}

/// Δ₁ʳ over all labels: `(1/NM) Σ Σ_l |P − P̄| / P̄`, 0/0 = 0.
#[must_use]
pub fn relative_pd_over_labels(replicas: &impl ReplicaDistributions) -> ExampleMean {
    distribution_mean(replicas, |_, p, mean| p.iter().zip(mean).map(|(p, mean)| ratio((p - mean).abs(), *mean)).sum())
}

/// Δ₁ᴸ: (1/NM) Σ |P − P̄| / P̄ on the true label of each example; `true_labels` \[N\], each below L.
///
/// # Errors
/// A different number of labels than examples, a label out of range.
pub fn true_label_relative_pd(
    replicas: &impl ReplicaDistributions,
    true_labels: &[usize],
) -> Result<ExampleMean, MetricError> {
    check_length("true labels", true_labels.len(), "predictions", replicas.examples())?;
    let labels = replicas.labels();
    if let Some(row) = true_labels.iter().position(|&label| label >= labels) {
        return Err(MetricError::TrueLabel { row, label: true_labels[row], labels });
    }
    Ok(distribution_mean(replicas, |example, p, mean| {
        let label = true_labels[example];
        ratio((p[label] - mean[label]).abs(), mean[label])
    }))
}

/// `(1/NM) Σ √(½ Σ_l (√P − √P̄)²)`: the Hellinger distance to the mean distribution, between 0 and 1.
#[must_use]
pub fn hellinger_pd(replicas: &impl ReplicaDistributions) -> ExampleMean {
    distribution_mean(replicas, |_, p, mean| {
        let squares = p.iter().zip(mean).map(|(p, mean)| (p.sqrt() - mean.sqrt()).powi(2));
        (0.5 * squares.sum::<f64>()).sqrt()
    })
}

/// The mean over examples and replicas of `distance(|p − p̄|, p̄)`.
fn click_mean(replicas: &ClickReplicas<'_>, distance: impl Fn(f64, f64) -> f64) -> ExampleMean {
    let mut result = ExampleMean::default();
    replicas.for_each_example(|_, p| {
        let mean = stable_mean(p.iter().copied());
        let distances = p.iter().map(|p| distance((p - mean).abs(), mean));
        result.sum.add(distances.sum::<f64>() / p.len() as f64);
        result.examples += 1;
    });
    result
}

/// The mean over examples and replicas of `distance(example, P [L], P̄ [L])`.
fn distribution_mean(
    replicas: &impl ReplicaDistributions,
    distance: impl Fn(usize, &[f64], &[f64]) -> f64,
) -> ExampleMean {
    let (models, labels) = (replicas.models(), replicas.labels());
    let mut p = vec![0.0; models * labels]; // [M, L]
    let mut mean = vec![0.0; labels]; // [L]
    let mut result = ExampleMean::default();
    for example in 0..replicas.examples() {
        replicas.fill(example, &mut p);
        for (label, mean) in mean.iter_mut().enumerate() {
            *mean = stable_mean(p.iter().skip(label).step_by(labels).copied());
        }
        let distances = p.chunks_exact(labels).map(|p| distance(example, p, &mean));
        result.sum.add(distances.sum::<f64>() / models as f64);
        result.examples += 1;
    }
    result
}

/// The mean, taken as an offset from the first value so that equal values have exactly that mean and PD is exactly 0.
fn stable_mean(mut values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    let first = values.next().unwrap_or(f64::NAN);
    first + values.map(|value| value - first).sum::<f64>() / count
}

fn ratio(deviation: f64, mean: f64) -> f64 {
    if deviation == 0.0 { 0.0 } else { deviation / mean }
}

#[cfg(test)]
mod tests;
