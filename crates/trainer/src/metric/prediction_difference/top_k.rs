//! Top-k overlap: whether replicas would show the same items.

use super::super::MetricError;
use super::super::ranked_scores::Score;
use super::super::streaming::check_length;
use super::PairMatrix;
use super::replicas::{ClickReplicas, ReplicaDistributions};

/// Top-k overlap of every pair of replicas, with what it leaves out.
#[derive(Debug, Clone)]
pub struct TopKOverlap {
    /// For every pair the mean over groups of |A ∩ B| / k, A and B the k rows each replica ranks highest in the group.
    /// `None` when no group has more than k rows.
    pub overlap: Option<PairMatrix>,
    /// Groups that enter.
    pub groups: u64,
    /// Groups of at most k rows: any two rankings overlap fully there, so they are left out.
    pub small_groups: u64,
}

/// The overlap of the `k` highest rows of each group (user, request); `groups` \[N\].
///
/// Rows that tie are ordered by their position, the same for every replica, so identical predictions overlap fully.
///
/// # Errors
/// A different number of groups than predictions, k = 0.
pub fn top_k_overlap(replicas: &ClickReplicas<'_>, groups: &[u64], k: usize) -> Result<TopKOverlap, MetricError> {
    check_length("groups", groups.len(), "predictions", replicas.examples())?;
    if k == 0 {
        return Err(MetricError::Argument { name: "k", value: 0.0, expected: "at least 1" });
    }
    let mut rows: Vec<usize> = (0..groups.len()).collect();
    rows.sort_unstable_by_key(|&row| (groups[row], row));

    let mut matrix = PairMatrix::new(replicas.models());
    let (mut used, mut small) = (0, 0);
    for group in rows.chunk_by(|&a, &b| groups[a] == groups[b]) {
        if group.len() <= k {
            small += 1;
            continue;
        }
        used += 1;
        let best: Vec<Vec<usize>> = replicas.logits().iter().map(|logits| top_k(group, logits, k)).collect();
        matrix.add(|a, b| shared(&best[a], &best[b]) as f64 / k as f64);
    }
    Ok(TopKOverlap { overlap: (used > 0).then_some(matrix), groups: used, small_groups: small })
}

/// The `k` rows of the highest logits, sorted by row; `k` is below the number of rows.
fn top_k(group: &[usize], logits: &[f32], k: usize) -> Vec<usize> {
    let mut rows = group.to_vec();
    rows.select_nth_unstable_by_key(k, |&row| (std::cmp::Reverse(logits[row].key()), row));
    rows.truncate(k);
    rows.sort_unstable();
    rows
}

/// How many rows two sorted lists share.
fn shared(a: &[usize], b: &[usize]) -> usize {
    a.iter().filter(|row| b.binary_search(row).is_ok()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_shared_rows_and_leaves_small_groups_out() {
        let groups = [5, 1, 5, 5, 1, 9, 1];
        let a = [3.0, 1.0, 2.0, 1.0, 2.0, 0.0, 3.0];
        let b = [3.0, 3.0, 1.0, 2.0, 2.0, 0.0, 1.0];
        let replicas = ClickReplicas::new(vec![&a, &b]).unwrap();
        let result = top_k_overlap(&replicas, &groups, 2).unwrap();
        // Group 5: {0, 2} and {0, 3}; group 1: {4, 6} and {1, 4}; group 9 has one row.
        assert_eq!(result.overlap.unwrap().mean(), 0.5);
        assert_eq!((result.groups, result.small_groups), (2, 1));
    }

    #[test]
    fn ties_are_broken_alike_for_every_replica() {
        let flat = [0.5; 6];
        let replicas = ClickReplicas::new(vec![&flat, &flat]).unwrap();
        assert_eq!(top_k_overlap(&replicas, &[1; 6], 3).unwrap().overlap.unwrap().mean(), 1.0);
    }

    #[test]
    fn nothing_to_rank_is_undefined_and_bad_arguments_are_errors() {
        let replicas = ClickReplicas::new(vec![&[0.0, 1.0], &[1.0, 0.0]]).unwrap();
        assert!(top_k_overlap(&replicas, &[1, 1], 2).unwrap().overlap.is_none());
        assert!(top_k_overlap(&replicas, &[1, 1], 0).is_err());
        assert!(top_k_overlap(&replicas, &[1], 1).is_err());
    }
}
