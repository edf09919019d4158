//! gAUC: AUC within each group, averaged.

use serde::{Deserialize, Serialize};

use super::MetricError;
use super::exact_sum::ExactSum;
use super::ranked_scores::Score;
use super::streaming::{check_chunk, check_length};

/// gAUC over chunks of groups, labels and logits.
///
/// # Formula
/// `Σ_g n_g · AUC_g / Σ_g n_g` over the groups g (users, sessions) that hold both classes; `n_g` is the number of
/// impressions (rows) of g.
///
/// # Policy
/// Groups with one class have no AUC: they are left out and counted. Ties count half. NaN and infinite logits are
/// errors.
///
/// # Cost
/// 16 bytes a row; O(n log n). The value does not depend on the order of rows, chunks or groups.
#[derive(Debug, Clone, Default)]
pub struct GroupedAuc {
    /// Group, then score key with the label in its lowest bit: sorting brings groups together and ties side by side.
    rows: Vec<(u64, u64)>,
}

/// The value of gAUC, with what it leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GroupedAucValue {
    /// gAUC; `None` when no group holds both classes.
    pub gauc: Option<f64>,
    /// Groups that enter.
    pub groups: u64,
    /// Groups with one class only.
    pub one_class_groups: u64,
    /// Rows of the groups that enter.
    pub impressions: u64,
    /// Rows of the groups left out.
    pub one_class_impressions: u64,
}

impl GroupedAuc {
    /// No rows yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds rows: the group, the label in {0, 1} and the logit of each, all \[N\].
    ///
    /// # Errors
    /// Different lengths, a label other than 0 and 1, a logit that is NaN or infinite; nothing is added then.
    pub fn update(&mut self, groups: &[u64], labels: &[f32], logits: &[f32]) -> Result<(), MetricError> {
        check_length("groups", groups.len(), "labels", labels.len())?;
        check_chunk(labels, logits, self.rows.len() as u64)?;
        let rows = groups.iter().zip(labels).zip(logits);
        self.rows.extend(rows.map(|((&g, &y), &z)| (g, u64::from(z.key()) << 1 | u64::from(y == 1.0))));
        Ok(())
    }

    /// Adds the rows of `other`.
    pub fn merge(&mut self, mut other: Self) {
        self.rows.append(&mut other.rows);
    }

    /// The value over all rows.
    #[must_use]
    pub fn finish(mut self) -> GroupedAucValue {
        self.rows.sort_unstable();
        let mut value =
            GroupedAucValue { gauc: None, groups: 0, one_class_groups: 0, impressions: 0, one_class_impressions: 0 };
        let mut weighted = ExactSum::new();
        for group in self.rows.chunk_by(|a, b| a.0 == b.0) {
            let impressions = group.len() as u64;
            if let Some(auc) = auc_of_sorted(group) {
                value.groups += 1;
                value.impressions += impressions;
                weighted.add(impressions as f64 * auc);
            } else {
                value.one_class_groups += 1;
                value.one_class_impressions += impressions;
            }
        }
        value.gauc = (value.groups > 0).then(|| weighted.value() / value.impressions as f64);
        value
    }
}

/// gAUC in one call; see [`GroupedAuc`].
///
/// # Errors
/// As [`GroupedAuc::update`].
pub fn grouped_auc(groups: &[u64], labels: &[f32], logits: &[f32]) -> Result<GroupedAucValue, MetricError> {
    let mut metric = GroupedAuc::new();
    metric.update(groups, labels, logits)?;
    Ok(metric.finish())
}

/// The AUC of rows sorted by score, label in the lowest bit.
fn auc_of_sorted(rows: &[(u64, u64)]) -> Option<f64> {
    let (mut positives, mut negatives, mut twice_won) = (0u64, 0u64, 0u128);
    for tie in rows.chunk_by(|a, b| a.1 >> 1 == b.1 >> 1) {
        let tied_positives = tie.iter().filter(|row| row.1 & 1 == 1).count() as u64;
        let tied_negatives = tie.len() as u64 - tied_positives;
        twice_won += u128::from(tied_positives) * u128::from(2 * negatives + tied_negatives);
        positives += tied_positives;
        negatives += tied_negatives;
    }
    (positives > 0 && negatives > 0)
        .then(|| twice_won as f64 / (2 * u128::from(positives) * u128::from(negatives)) as f64)
}

#[cfg(test)]
mod tests {
    use super::super::auc;
    use super::*;

    #[test]
    fn groups_are_weighted_by_impressions_and_one_class_groups_counted() {
        // Group 7: AUC ½ over 3 rows; group 2: AUC 1 over 2 rows; group 9: only clicks.
        let groups = [7, 2, 7, 9, 2, 7];
        let labels = [1.0, 0.0, 0.0, 1.0, 1.0, 0.0];
        let logits = [0.5, -1.0, 0.1, 3.0, 2.0, 0.9];
        let value = grouped_auc(&groups, &labels, &logits).unwrap();
        assert_eq!(value.gauc, Some((3.0 * 0.5 + 2.0 * 1.0) / 5.0));
        assert_eq!((value.groups, value.one_class_groups), (2, 1));
        assert_eq!((value.impressions, value.one_class_impressions), (5, 1));
    }

    #[test]
    fn one_group_is_plain_auc_and_no_usable_group_is_undefined() {
        let labels = [1.0, 0.0, 1.0, 0.0, 0.0];
        let logits = [-0.5, -1.0, 0.1, 0.1, -0.5];
        assert_eq!(grouped_auc(&[4; 5], &labels, &logits).unwrap().gauc, auc(&labels, &logits).unwrap());
        assert_eq!(grouped_auc(&[1, 2], &[0.0, 1.0], &[0.0, 1.0]).unwrap().gauc, None);
        assert_eq!(grouped_auc(&[], &[], &[]).unwrap().gauc, None);
    }

    #[test]
    fn bad_rows_are_errors_and_chunks_merge() {
        assert!(grouped_auc(&[1], &[0.0, 1.0], &[0.0, 1.0]).is_err());
        assert!(grouped_auc(&[1, 1], &[0.0, 1.0], &[0.0, f32::NAN]).unwrap_err().to_string().starts_with("row 1"));
        let (groups, labels, logits) = ([1, 2, 1, 2], [0.0, 1.0, 1.0, 0.0], [0.3, 0.2, 0.1, 0.4]);
        let (mut left, mut right) = (GroupedAuc::new(), GroupedAuc::new());
        left.update(&groups[..1], &labels[..1], &logits[..1]).unwrap();
        right.update(&groups[1..], &labels[1..], &logits[1..]).unwrap();
        right.merge(left);
        assert_eq!(right.finish(), grouped_auc(&groups, &labels, &logits).unwrap());
    }
}
