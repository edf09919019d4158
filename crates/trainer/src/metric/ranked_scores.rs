//! Scores split by class and sorted: what every rank-based metric starts from.

use super::MetricError;

/// A score that can be ranked: `f32` logits and `f64` probabilities.
pub(super) trait Score: Copy {
    /// An integer with the order of the score.
    type Key: Copy + Ord + std::fmt::Debug;

    /// Maps a finite score to its key. −0 and +0 share one key, as they are equal scores.
    fn key(self) -> Self::Key;

    /// The score of a key.
    fn from_key(key: Self::Key) -> Self;
}

impl Score for f32 {
    type Key = u32;

    fn key(self) -> u32 {
        // Adding +0 turns −0 into +0 and changes nothing else.
        let bits = (self + 0.0).to_bits();
        // Negative numbers count downwards: flip all their bits; positive ones only move above them.
        if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
    }

    fn from_key(key: u32) -> Self {
        Self::from_bits(if key >> 31 == 1 { key & !(1 << 31) } else { !key })
    }
}

impl Score for f64 {
    type Key = u64;

    fn key(self) -> u64 {
        let bits = (self + 0.0).to_bits();
        if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
    }

    fn from_key(key: u64) -> Self {
        Self::from_bits(if key >> 63 == 1 { key & !(1 << 63) } else { !key })
    }
}

/// The keys of positives and negatives, unsorted. 4 (f32) or 8 (f64) bytes a row.
#[derive(Debug, Clone)]
pub(super) struct ScoresByClass<S: Score> {
    positives: Vec<S::Key>,
    negatives: Vec<S::Key>,
}

impl<S: Score> Default for ScoresByClass<S> {
    fn default() -> Self {
        Self { positives: Vec::new(), negatives: Vec::new() }
    }
}

impl<S: Score> ScoresByClass<S> {
    pub(super) fn rows(&self) -> u64 {
        (self.positives.len() + self.negatives.len()) as u64
    }

    /// Adds rows already checked: labels are 0 or 1, scores finite.
    pub(super) fn extend(&mut self, labels: &[f32], scores: &[S]) {
        for (&label, &score) in labels.iter().zip(scores) {
            let class = if label == 1.0 { &mut self.positives } else { &mut self.negatives };
            class.push(score.key());
        }
    }

    pub(super) fn merge(&mut self, mut other: Self) {
        self.positives.append(&mut other.positives);
        self.negatives.append(&mut other.negatives);
    }

    /// Sorts; O(n log n), in place. Equal keys are indistinguishable, so the result depends on no order of arrival.
    pub(super) fn sorted(mut self) -> RankedScores<S> {
        self.positives.sort_unstable();
        self.negatives.sort_unstable();
        RankedScores { classes: self }
    }
}

/// Rows that share one score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct TieGroup<S> {
    pub(super) score: S,
    pub(super) positives: u64,
    pub(super) negatives: u64,
}

impl<S> TieGroup<S> {
    pub(super) fn rows(&self) -> u64 {
        self.positives + self.negatives
    }
}

/// Sorted scores of both classes.
#[derive(Debug, Clone)]
pub(super) struct RankedScores<S: Score> {
    classes: ScoresByClass<S>,
}

impl<S: Score> RankedScores<S> {
    pub(super) fn positives(&self) -> u64 {
        self.classes.positives.len() as u64
    }

    pub(super) fn negatives(&self) -> u64 {
        self.classes.negatives.len() as u64
    }

    /// Tie groups from the lowest score to the highest.
    pub(super) fn ascending(&self) -> impl Iterator<Item = TieGroup<S>> {
        let (mut positives, mut negatives) = (self.classes.positives.as_slice(), self.classes.negatives.as_slice());
        std::iter::from_fn(move || {
            let key = match (positives.first(), negatives.first()) {
                (Some(&p), Some(&n)) => p.min(n),
                (Some(&only), None) | (None, Some(&only)) => only,
                (None, None) => return None,
            };
            let take = |keys: &mut &[S::Key]| {
                let count = keys.iter().take_while(|&&k| k == key).count();
                *keys = &keys[count..];
                count as u64
            };
            Some(TieGroup { score: S::from_key(key), positives: take(&mut positives), negatives: take(&mut negatives) })
        })
    }

    /// Tie groups from the highest score to the lowest.
    pub(super) fn descending(&self) -> impl Iterator<Item = TieGroup<S>> {
        let (mut positives, mut negatives) = (self.classes.positives.as_slice(), self.classes.negatives.as_slice());
        std::iter::from_fn(move || {
            let key = match (positives.last(), negatives.last()) {
                (Some(&p), Some(&n)) => p.max(n),
                (Some(&only), None) | (None, Some(&only)) => only,
                (None, None) => return None,
            };
            let take = |keys: &mut &[S::Key]| {
                let count = keys.iter().rev().take_while(|&&k| k == key).count();
                *keys = &keys[..keys.len() - count];
                count as u64
            };
            Some(TieGroup { score: S::from_key(key), positives: take(&mut positives), negatives: take(&mut negatives) })
        })
    }
}

/// Sorted scores of checked labels and `f64` scores.
pub(super) fn rank_scores(labels: &[f32], scores: &[f64]) -> Result<RankedScores<f64>, MetricError> {
    super::streaming::check_length("labels", labels.len(), "scores", scores.len())?;
    super::streaming::check_labels(labels, 0)?;
    if let Some(index) = scores.iter().position(|score| !score.is_finite()) {
        return Err(MetricError::Score { row: index as u64, value: scores[index] });
    }
    let mut classes = ScoresByClass::default();
    classes.extend(labels, scores);
    Ok(classes.sorted())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn zeros_of_both_signs_tie() {
        assert_eq!((-0.0f32).key(), 0.0f32.key());
        assert_eq!((-0.0f64).key(), 0.0f64.key());
        assert!((-f32::from_bits(1)).key() < 0.0f32.key());
    }

    #[test]
    fn both_directions_list_the_same_groups() {
        let mut classes = ScoresByClass::<f32>::default();
        classes.extend(&[1.0, 0.0, 1.0, 0.0, 0.0], &[2.0, 2.0, -1.0, 5.0, 2.0]);
        let ranked = classes.sorted();
        let up: Vec<_> = ranked.ascending().collect();
        let mut down: Vec<_> = ranked.descending().collect();
        down.reverse();
        assert_eq!(up, down);
        assert_eq!(up[1], TieGroup { score: 2.0, positives: 1, negatives: 2 });
        assert_eq!(up.len(), 3);
    }

    proptest! {
        #[test]
        fn keys_keep_the_order_and_come_back(a in any::<f32>(), b in any::<f32>(), c in any::<f64>(), d in any::<f64>()) {
            prop_assume!(a.is_finite() && b.is_finite() && c.is_finite() && d.is_finite());
            prop_assert_eq!(a.partial_cmp(&b), Some(a.key().cmp(&b.key())));
            prop_assert_eq!(c.partial_cmp(&d), Some(c.key().cmp(&d.key())));
            prop_assert_eq!(f32::from_key(a.key()), a);
            prop_assert_eq!(f64::from_key(c.key()), c);
        }
    }
}
