//! Churn: how often a decision changes from one replica to another.

use super::super::MetricError;
use super::PairMatrix;
use super::replicas::{ClickReplicas, LabelDistributions, ReplicaDistributions};

/// For every pair of replicas the share of examples on which "p ≥ threshold" differs.
///
/// # Errors
/// A threshold that is NaN or outside \[0, 1\].
pub fn churn(replicas: &ClickReplicas<'_>, threshold: f64) -> Result<PairMatrix, MetricError> {
    if !(0.0..=1.0).contains(&threshold) {
        return Err(MetricError::Argument { name: "the churn threshold", value: threshold, expected: "0 to 1" });
    }
    let mut matrix = PairMatrix::new(replicas.models());
    replicas.for_each_example(|_, p| matrix.add(|a, b| f64::from((p[a] >= threshold) != (p[b] >= threshold))));
    Ok(matrix)
}

/// For every pair of replicas the share of examples whose most probable label differs; of labels that tie, the first.
#[must_use]
pub fn argmax_churn(replicas: &LabelDistributions<'_>) -> PairMatrix {
    let labels = replicas.labels();
    let mut p = vec![0.0; replicas.models() * labels]; // [M, L]
    let mut decisions = vec![0; replicas.models()]; // [M]
    let mut matrix = PairMatrix::new(replicas.models());
    for example in 0..replicas.examples() {
        replicas.fill(example, &mut p);
        for (decision, p) in decisions.iter_mut().zip(p.chunks_exact(labels)) {
            *decision = (1..labels).fold(0, |best, label| if p[label] > p[best] { label } else { best });
        }
        matrix.add(|a, b| f64::from(decisions[a] != decisions[b]));
    }
    matrix
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_threshold_itself_is_a_yes() {
        let replicas = ClickReplicas::new(vec![&[0.0, -1.0, 2.0, 3.0], &[-0.1, -2.0, 1.0, -3.0]]).unwrap();
        assert_eq!(churn(&replicas, 0.5).unwrap().mean(), 0.5);
        assert_eq!(churn(&replicas, 0.0).unwrap().mean(), 0.0);
        assert!(churn(&replicas, f64::NAN).is_err());
        assert!(churn(&replicas, 1.5).is_err());
    }

    #[test]
    fn tied_labels_go_to_the_first() {
        let (even, first) = ([0.5, 0.5], [0.6, 0.4]);
        let replicas = LabelDistributions::new(vec![&even, &first], 2).unwrap();
        assert_eq!(argmax_churn(&replicas).mean(), 0.0);
    }
}
