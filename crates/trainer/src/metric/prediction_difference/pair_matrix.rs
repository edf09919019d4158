//! A mean per pair of replicas.

use super::super::MetricError;
use super::super::exact_sum::ExactSum;

/// One mean for every unordered pair of M replicas: the form of every pairwise metric, and all that an interval over
/// replicas needs.
#[derive(Debug, Clone)]
pub struct PairMatrix {
    models: usize,
    /// Sums in the order (0,1), (0,2), …, (1,2), ….
    sums: Vec<ExactSum>,
    terms: u64,
}

impl PairMatrix {
    pub(super) fn new(models: usize) -> Self {
        Self { models, sums: vec![ExactSum::new(); models * (models - 1) / 2], terms: 0 }
    }

    /// Adds one term to every pair; `term(a, b)` with a < b.
    pub(super) fn add(&mut self, mut term: impl FnMut(usize, usize) -> f64) {
        let mut sums = self.sums.iter_mut();
        for a in 0..self.models {
            for (b, sum) in (a + 1..self.models).zip(sums.by_ref()) {
                sum.add(term(a, b));
            }
        }
        self.terms += 1;
    }

    /// Adds the terms of other examples of the same replicas.
    ///
    /// # Errors
    /// A different number of replicas.
    pub fn merge(&mut self, other: &Self) -> Result<(), MetricError> {
        if self.models != other.models {
            let (left_name, right_name) = ("one chunk's list of models", "another's");
            return Err(MetricError::Length { left_name, left: self.models, right_name, right: other.models });
        }
        for (sum, other) in self.sums.iter_mut().zip(&other.sums) {
            sum.merge(other);
        }
        self.terms += other.terms;
        Ok(())
    }

    /// M.
    #[must_use]
    pub fn models(&self) -> usize {
        self.models
    }

    /// The value of one pair, in either order; `None` for a replica with itself or one that does not exist.
    #[must_use]
    pub fn get(&self, a: usize, b: usize) -> Option<f64> {
        let (a, b) = (a.min(b), a.max(b));
        if a == b || b >= self.models {
            return None;
        }
        let index = a * (2 * self.models - a - 1) / 2 + (b - a - 1);
        (self.terms > 0).then(|| self.sums[index].value() / self.terms as f64)
    }

    /// Every pair with its value, in the order (0,1), (0,2), …, (1,2), ….
    pub fn pairs(&self) -> impl Iterator<Item = (usize, usize, f64)> {
        let pairs = (0..self.models).flat_map(|a| (a + 1..self.models).map(move |b| (a, b)));
        pairs.filter_map(|(a, b)| self.get(a, b).map(|value| (a, b, value)))
    }

    /// The mean over all M(M − 1)/2 pairs. Its expectation does not depend on M.
    ///
    /// NaN when no pair has a value (every replica count that the metrics accept has one).
    #[must_use]
    pub fn mean(&self) -> f64 {
        let all: Vec<usize> = (0..self.models).collect();
        self.mean_over(&all).unwrap_or(f64::NAN)
    }

    /// The mean over the pairs within `models`, for jackknife and bootstrap samples.
    ///
    /// A replica drawn twice is not a pair with itself (its difference, 0, would bias the estimate downwards); its
    /// pairs with others count twice. `None` when fewer than two distinct replicas remain.
    #[must_use]
    pub fn mean_over(&self, models: &[usize]) -> Option<f64> {
        let mut sum = ExactSum::new();
        let mut pairs = 0u64;
        for (i, &a) in models.iter().enumerate() {
            for value in models[i + 1..].iter().filter_map(|&b| self.get(a, b)) {
                sum.add(value);
                pairs += 1;
            }
        }
        (pairs > 0).then(|| sum.value() / pairs as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_index(models: usize) -> PairMatrix {
        let mut matrix = PairMatrix::new(models);
        matrix.add(|a, b| (10 * a + b) as f64);
        matrix
    }

    #[test]
    fn pairs_are_addressed_in_either_order() {
        for models in 2..7 {
            let matrix = by_index(models);
            assert_eq!(matrix.pairs().count(), models * (models - 1) / 2);
            for (a, b, value) in matrix.pairs() {
                assert_eq!(value, (10 * a + b) as f64);
                assert_eq!(matrix.get(b, a), Some(value));
            }
            assert_eq!((matrix.get(1, 1), matrix.get(0, models)), (None, None));
        }
    }

    #[test]
    fn a_repeated_replica_is_no_pair_with_itself() {
        let matrix = by_index(3);
        assert_eq!(matrix.mean_over(&[0, 0, 1]), Some(1.0));
        assert_eq!(matrix.mean_over(&[2, 2, 2]), None);
        assert_eq!(matrix.mean(), (1.0 + 2.0 + 12.0) / 3.0);
    }

    #[test]
    fn chunks_merge_and_other_models_do_not() {
        let mut matrix = by_index(3);
        let mut more = PairMatrix::new(3);
        more.add(|_, _| 0.0);
        matrix.merge(&more).unwrap();
        assert_eq!(matrix.get(1, 2), Some(6.0));
        assert!(matrix.merge(&by_index(4)).is_err());
    }
}
