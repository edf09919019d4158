//! Pairwise symmetric relative PD: the headline of the reproducibility results.

use super::PairMatrix;
use super::replicas::{ClickReplicas, ReplicaDistributions};

/// Pairwise symmetric relative PD of every pair (a, b): `(1/N) Σ 2|p_a − p_b| / (p_a + p_b)`, 0/0 = 0, on the click
/// label.
///
/// The value to report is [`PairMatrix::mean`]; matrices of chunks of examples [`merge`](PairMatrix::merge) to the bits
/// of the whole. Between 0 and 2. Cost: N·M sigmoids and N·M(M − 1)/2 terms.
#[must_use]
pub fn pairwise_relative_pd(replicas: &ClickReplicas<'_>) -> PairMatrix {
    let mut matrix = PairMatrix::new(replicas.models());
    replicas.for_each_example(|_, p| matrix.add(|a, b| symmetric_relative(p[a], p[b])));
    matrix
}

/// For each example, the pairwise symmetric relative PD averaged over the pairs \[N\]: what a histogram of PD, or PD
/// against the predicted probability, is drawn from.
#[must_use]
pub fn per_example_relative_pd(replicas: &ClickReplicas<'_>) -> Vec<f64> {
    let mut means = Vec::with_capacity(replicas.examples());
    replicas.for_each_example(|_, p| {
        let pairs = p.len() * (p.len() - 1) / 2;
        let others = |a: usize| p[a + 1..].iter().map(move |&b| symmetric_relative(p[a], b));
        means.push((0..p.len()).flat_map(others).sum::<f64>() / pairs as f64);
    });
    means
}

fn symmetric_relative(a: f64, b: f64) -> f64 {
    let difference = (a - b).abs();
    if difference == 0.0 { 0.0 } else { 2.0 * difference / (a + b) }
}

#[cfg(test)]
mod tests {
    use super::super::relative_mean_centred_pd;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bounds_and_agreement_on_zero() {
        // σ(−1000) is 0: both replicas say "impossible" and agree; 0 against something is the bound 2.
        let replicas = ClickReplicas::new(vec![&[-1000.0, -1000.0], &[-1000.0, 0.0]]).unwrap();
        assert_eq!(pairwise_relative_pd(&replicas).mean(), 1.0);
        assert_eq!(per_example_relative_pd(&replicas), [0.0, 2.0]);
    }

    proptest! {
        #[test]
        fn trap_one_two_models_give_twice_the_mean_centred_value(
            pairs in prop::collection::vec((-12f32..6.0, -12f32..6.0), 1..60),
        ) {
            let (a, b): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
            let replicas = ClickReplicas::new(vec![&a, &b]).unwrap();
            let pairwise = pairwise_relative_pd(&replicas).mean();
            let centred = relative_mean_centred_pd(&replicas).value();
            prop_assert!((pairwise - 2.0 * centred).abs() <= 1e-13 * pairwise, "{pairwise} {centred}");
        }

        #[test]
        fn identical_replicas_differ_by_exactly_zero_and_chunks_merge(
            logits in prop::collection::vec((-12f32..6.0, -12f32..6.0, -12f32..6.0), 2..40),
            cut in 1usize..40,
        ) {
            let columns: [Vec<f32>; 3] = [
                logits.iter().map(|r| r.0).collect(),
                logits.iter().map(|r| r.1).collect(),
                logits.iter().map(|r| r.2).collect(),
            ];
            let cut = cut.min(logits.len() - 1);
            let same = ClickReplicas::new(vec![&columns[0], &columns[0], &columns[0]]).unwrap();
            prop_assert_eq!(pairwise_relative_pd(&same).mean(), 0.0);
            prop_assert_eq!(relative_mean_centred_pd(&same).value(), 0.0);
            let whole = pairwise_relative_pd(&ClickReplicas::new(columns.iter().map(Vec::as_slice).collect()).unwrap());
            let part = |range: std::ops::Range<usize>| {
                pairwise_relative_pd(&ClickReplicas::new(columns.iter().map(|c| &c[range.clone()]).collect()).unwrap())
            };
            let mut merged = part(cut..logits.len());
            merged.merge(&part(0..cut)).unwrap();
            prop_assert_eq!(merged.pairs().collect::<Vec<_>>(), whole.pairs().collect::<Vec<_>>());
        }
    }
}
