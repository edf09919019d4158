//! Whether two replicas are the same model, bit for bit.

use super::PairMatrix;
use super::replicas::{ClickReplicas, ReplicaDistributions};

/// For every pair of replicas 1 where all their logits have the same bits, else 0: what "every source fixed" must give.
#[must_use]
pub fn identical_predictions(replicas: &ClickReplicas<'_>) -> PairMatrix {
    let logits = replicas.logits();
    let same = |a: usize, b: usize| logits[a].iter().zip(logits[b]).all(|(a, b)| a.to_bits() == b.to_bits());
    let mut matrix = PairMatrix::new(replicas.models());
    matrix.add(|a, b| f64::from(u8::from(same(a, b))));
    matrix
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bit_makes_a_difference() {
        let next = f32::from_bits(1f32.to_bits() + 1);
        let (plain, moved) = ([0.5, 1.0], [0.5, next]);
        let replicas = ClickReplicas::new(vec![&plain, &moved, &plain]).unwrap();
        let matrix = identical_predictions(&replicas);
        assert_eq!((matrix.get(0, 1), matrix.get(0, 2)), (Some(0.0), Some(1.0)));
        assert_eq!(matrix.mean(), 1.0 / 3.0);
    }
}
