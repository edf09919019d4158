//! The quantiles of a numeric field, in memory that does not grow with the rows.

use std::collections::BTreeMap;

/// Bits of a significand that are kept, its leading one left out.
const KEPT: u32 = 12;

/// Counts values by cells: all floats that agree in sign, exponent and the first bits of the significand. Counts are integers and cells are
/// ordered by their values, so that neither order nor threads show.
#[derive(Debug, Default)]
pub(super) struct Quantiles {
    /// Cells are numbered in the order of their values.
    counts: BTreeMap<i64, u64>,
    total: u64,
}

impl Quantiles {
    /// Counts a finite value.
    pub(super) fn add(&mut self, value: f64) {
        *self.counts.entry(cell(value)).or_default() += 1;
        self.total += 1;
    }

    /// The boundaries of `buckets` buckets: see [`Transform::Quantiles`](crate::config::Transform::Quantiles). None without values.
    pub(super) fn boundaries(&self, buckets: u32) -> Vec<f64> {
        let mut boundaries: Vec<f64> = Vec::new();
        let rank = |boundary: u32| (u128::from(self.total) * u128::from(boundary) / u128::from(buckets)) as u64;
        let mut boundary = 1;
        let mut below = 0;
        for (&cell, &count) in &self.counts {
            below += count;
            let before = boundary;
            while boundary < buckets && rank(boundary) < below {
                boundary += 1;
            }
            if boundary > before {
                boundaries.push(least(cell));
            }
        }
        // Nothing lies below the least value: a boundary there would divide nothing.
        if self.counts.keys().next().map(|cell| least(*cell)) == boundaries.first().copied() {
            boundaries.drain(..1.min(boundaries.len()));
        }
        boundaries
    }

    /// The values that the cells stand for and how often each occurs, ascending.
    pub(super) fn cells(&self) -> impl Iterator<Item = (f64, u64)> {
        self.counts.iter().map(|(&cell, &count)| (least(cell), count))
    }
}

/// The cell of a value: its bits as an integer that ascends with the value, without the last bits of the significand.
fn cell(value: f64) -> i64 {
    // Both zeros are one value.
    let bits = (value + 0.0).to_bits() as i64;
    let ascending = if bits < 0 { i64::MIN.wrapping_sub(bits) } else { bits };
    ascending >> (52 - KEPT)
}

/// The least value of a cell.
fn least(cell: i64) -> f64 {
    let ascending = cell << (52 - KEPT);
    let bits = if ascending < 0 { i64::MIN.wrapping_sub(ascending) } else { ascending };
    f64::from_bits(bits as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: impl IntoIterator<Item = f64>) -> Quantiles {
        let mut quantiles = Quantiles::default();
        values.into_iter().for_each(|value| quantiles.add(value));
        quantiles
    }

    #[test]
    fn each_bucket_holds_its_share() {
        assert_eq!(of((1..=100).map(f64::from)).boundaries(4), [26.0, 51.0, 76.0]);
        assert_eq!(of((1..=100).map(f64::from)).boundaries(3), [34.0, 67.0]);
        assert_eq!(of((0..10).rev().map(f64::from)).boundaries(10), [1., 2., 3., 4., 5., 6., 7., 8., 9.]);
    }

    #[test]
    fn frequent_values_leave_fewer_buckets() {
        assert_eq!(of([0.0, -0.0, 0.0, 0.0, 5.0, 6.0]).boundaries(3), [5.0]);
        assert_eq!(of([7.0; 9]).boundaries(5), [0.0; 0]);
        assert_eq!(of([]).boundaries(5), [0.0; 0]);
    }

    proptest! {
        #[test]
        fn a_cell_holds_its_values_in_their_order(a in any::<f64>(), b in any::<f64>()) {
            prop_assume!(a.is_finite() && b.is_finite());
            let (low, high) = if a <= b { (a, b) } else { (b, a) };
            prop_assert!(cell(low) <= cell(high));
            for value in [a, b] {
                let edge = least(cell(value));
                prop_assert!(edge <= value, "{edge} for {value}");
                prop_assert_eq!(cell(edge), cell(value));
                prop_assert!(value - edge <= value.abs() / 4096.0 || value.abs() < 1e-300, "{edge} for {value}");
            }
        }

        #[test]
        fn small_integers_are_exact_and_ranks_are_those_of_a_sorted_list(
            mut values in prop::collection::vec(-8191_i32..8192, 1..200), buckets in 2_u32..20,
        ) {
            let found = of(values.iter().copied().map(f64::from)).boundaries(buckets);
            values.sort_unstable();
            let ranks = (1..buckets as usize).map(|i| i * values.len() / buckets as usize);
            let mut expected: Vec<f64> = ranks.map(|rank| f64::from(values[rank])).collect();
            expected.dedup();
            expected.retain(|boundary| *boundary > f64::from(values[0]));
            prop_assert_eq!(found, expected);
        }
    }
}
