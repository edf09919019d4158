//! The ids of a categorical field's values.

use super::interner::{Interner, Lookup};

/// The id of every value that a vocabulary does not hold.
pub(super) const OOV: u32 = 0;

/// Values and their ids: 1 for the most frequent training value, and so on; equal counts in the order of their bytes.
///
/// Frequent values are neighbours, so the rows of an embedding that a batch touches are, too.
#[derive(Debug, Clone, Default)]
pub(super) struct Vocabulary {
    values: Interner,
}

impl Vocabulary {
    /// The vocabulary of values given in the order of their ids; none if a value occurs twice.
    pub(super) fn from_values<'a>(values: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut interner = Interner::default();
        for (number, value) in values.into_iter().enumerate() {
            if interner.insert(value)? as usize != number {
                return None;
            }
        }
        Some(Self { values: interner })
    }

    /// The id of a value, [`OOV`] for one that is not in the vocabulary.
    pub(super) fn id(&self, value: &[u8]) -> u32 {
        self.end(self.begin(value), value)
    }

    /// The first step of finding a value's id: see [`Interner`].
    pub(super) fn begin(&self, value: &[u8]) -> Lookup {
        self.values.begin(value)
    }

    /// The second step: the id of the value that the first was about, [`OOV`] for one that is not in the vocabulary.
    pub(super) fn end(&self, lookup: Lookup, value: &[u8]) -> u32 {
        self.values.end(lookup, value).map_or(OOV, |number| number + 1)
    }

    /// The value of an id; none for [`OOV`] and for ids that are not in use.
    pub(super) fn value(&self, id: u32) -> Option<&str> {
        self.values.get(id.checked_sub(1)?)
    }

    /// Number of ids, [`OOV`] included.
    pub(super) fn cardinality(&self) -> u64 {
        self.values.len() as u64 + 1
    }

    /// The values in the order of their ids.
    pub(super) fn values(&self) -> impl Iterator<Item = &str> {
        self.values.iter()
    }
}

/// Counts the values of a field.
#[derive(Debug, Default)]
pub(super) struct ValueCounts {
    values: Interner,
    counts: Vec<u64>,
}

impl ValueCounts {
    /// The first step of counting a value, for the values of several fields at once.
    pub(super) fn begin(&self, value: &[u8]) -> Lookup {
        self.values.begin(value)
    }

    /// The second step: counts one occurrence; false if there are too many different values.
    #[must_use]
    pub(super) fn end(&mut self, lookup: Lookup, value: &str) -> bool {
        match self.values.end(lookup, value.as_bytes()) {
            Some(number) => {
                self.counts[number as usize] += 1;
                true
            }
            None => self.add(value, 1),
        }
    }

    /// Counts some occurrences; false if there are too many different values.
    #[must_use]
    pub(super) fn add(&mut self, value: &str, occurrences: u64) -> bool {
        let Some(number) = self.values.insert(value) else { return false };
        if number as usize == self.counts.len() {
            self.counts.push(0);
        }
        self.counts[number as usize] += occurrences;
        true
    }

    /// The counts of several runs of rows together; none if there are too many different values.
    pub(super) fn merged(mut all: Vec<Self>) -> Option<Self> {
        all.sort_by_key(|counts| counts.values.len());
        let mut merged = all.pop().unwrap_or_default();
        for counts in all {
            for (value, &count) in counts.values.iter().zip(&counts.counts) {
                if !merged.add(value, count) {
                    return None;
                }
            }
        }
        Some(merged)
    }

    /// The vocabulary of the values seen at least `min_count` times, or of the `top_k` most frequent of them.
    pub(super) fn into_vocabulary(self, min_count: u64, top_k: Option<u64>) -> Vocabulary {
        let mut kept: Vec<(u64, &str)> =
            self.counts.iter().copied().zip(self.values.iter()).filter(|(count, _)| *count >= min_count).collect();
        kept.sort_unstable_by(|(a_count, a), (b_count, b)| b_count.cmp(a_count).then_with(|| a.cmp(b)));
        kept.truncate(top_k.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX));
        Vocabulary::from_values(kept.into_iter().map(|(_, value)| value)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn fitted(values: &[&str], min_count: u64) -> Vocabulary {
        let mut counts = ValueCounts::default();
        assert!(values.iter().all(|value| counts.add(value, 1)));
        counts.into_vocabulary(min_count, None)
    }

    #[test]
    fn ids_go_by_descending_count_then_bytes() {
        let vocabulary = fitted(&["b", "a", "c", "c", "", "é"], 1);
        assert_eq!(vocabulary.values().collect::<Vec<_>>(), ["c", "", "a", "b", "é"]);
        assert_eq!(["c", "", "é", "z"].map(|value| vocabulary.id(value.as_bytes())), [1, 2, 5, OOV]);
        assert_eq!((vocabulary.value(5), vocabulary.value(OOV), vocabulary.value(6)), (Some("é"), None, None));
        assert_eq!(vocabulary.cardinality(), 6);
    }

    #[test]
    fn rare_values_share_the_oov_id() {
        let vocabulary = fitted(&["a", "b", "a", "c", "b", "a"], 2);
        assert_eq!(vocabulary.values().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(vocabulary.id(b"c"), OOV);
        assert_eq!(fitted(&["a", "b"], 2).cardinality(), 1);
    }

    #[test]
    fn the_most_frequent_values_are_kept_and_ties_go_by_bytes() {
        let kept = |min_count, top_k| {
            let mut counts = ValueCounts::default();
            assert!(["d", "a", "c", "c", "b", "d", "d"].iter().all(|value| counts.add(value, 1)));
            counts.into_vocabulary(min_count, Some(top_k)).values().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(kept(1, 1), ["d"]);
        assert_eq!(kept(1, 3), ["d", "c", "a"]);
        assert_eq!(kept(2, 3), ["d", "c"]);
        assert_eq!(kept(1, u64::MAX).len(), 4);
    }

    proptest! {
        #[test]
        fn equals_a_sorted_map(values in prop::collection::vec("[ab]{0,3}", 0..200), min_count in 1_u64..5) {
            let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
            for value in &values {
                *counts.entry(value).or_default() += 1;
            }
            let mut expected: Vec<_> = counts.into_iter().filter(|(_, count)| *count >= min_count).collect();
            expected.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            let vocabulary = fitted(&values, min_count);
            prop_assert!(vocabulary.values().eq(expected.iter().map(|(value, _)| *value)));
            for (number, (value, _)) in expected.iter().enumerate() {
                prop_assert_eq!(vocabulary.id(value.as_bytes()), number as u32 + 1);
            }
        }
    }

    #[test]
    fn a_repeated_value_is_not_a_vocabulary() {
        assert!(Vocabulary::from_values(["a", "b", "a"]).is_none());
    }
}
