//! A sum of `f64` that does not depend on the order of its terms.

/// An exact sum: nothing is rounded while terms are added, and [`value`](Self::value) rounds once, to the nearest `f64`
/// (ties to even).
///
/// The result is therefore the same bits for any order of the terms and any split into chunks merged afterwards, which
/// is what lets a metric be computed in chunks or on several threads without either reaching a number.
///
/// Terms of ordinary size (2⁻³⁸ to 2⁶ in magnitude, where the losses and differences of probabilities lie) go to a
/// 128-bit fixed-point number, which holds all their bits and costs a shift and an addition. All others go to
/// non-overlapping partial sums.
///
/// Reference for the partial sums: J. R. Shewchuk, "Adaptive precision floating-point arithmetic and fast robust
/// geometric predicates", 1997, Grow-Expansion.
///
/// Terms must be finite and their sum must stay within the range of `f64`; the metrics check their input before they
/// add.
#[derive(Debug, Clone, Default)]
pub struct ExactSum {
    /// In units of 2⁻⁹⁰.
    fixed: i128,
    /// In increasing magnitude; no two share a bit position.
    partials: Vec<f64>,
}

/// Binary digits after the point of [`ExactSum::fixed`].
const FRACTION_BITS: i32 = 90;
/// The lowest exponent whose last of 52 fraction bits is still a unit of the fixed-point number.
const LOWEST_EXPONENT: i32 = 52 - FRACTION_BITS;
/// The highest exponent taken: 2³¹ terms below 2⁶ fit in 127 bits, and an addition that would not fit is noticed.
const HIGHEST_EXPONENT: i32 = 5;

impl ExactSum {
    /// The empty sum, 0.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one finite term.
    #[inline]
    pub fn add(&mut self, term: f64) {
        debug_assert!(term.is_finite(), "the callers check their input");
        let bits = term.to_bits();
        let exponent = (bits >> 52 & 0x7ff) as i32 - 1023;
        if (LOWEST_EXPONENT..=HIGHEST_EXPONENT).contains(&exponent) {
            let significand = i128::from(bits & ((1 << 52) - 1) | 1 << 52);
            let magnitude = significand << (exponent - LOWEST_EXPONENT);
            if let Some(sum) = self.fixed.checked_add(if term < 0.0 { -magnitude } else { magnitude }) {
                self.fixed = sum;
                return;
            }
        }
        if term != 0.0 {
            self.add_to_partials(term);
        }
    }

    #[cold]
    fn add_to_partials(&mut self, term: f64) {
        let mut carried = term;
        let mut kept = 0;
        for index in 0..self.partials.len() {
            let (sum, lost) = two_sum(carried, self.partials[index]);
            if lost != 0.0 {
                self.partials[kept] = lost;
                kept += 1;
            }
            carried = sum;
        }
        self.partials.truncate(kept);
        self.partials.push(carried);
    }

    /// Adds all terms of `other`.
    pub fn merge(&mut self, other: &Self) {
        if let Some(sum) = self.fixed.checked_add(other.fixed) {
            self.fixed = sum;
        } else {
            for part in other.fixed_parts() {
                self.add_to_partials(part);
            }
        }
        for &partial in &other.partials {
            self.add_to_partials(partial);
        }
    }

    /// The fixed-point number as `f64` terms, each exact: 43 bits at a time.
    fn fixed_parts(&self) -> [f64; 3] {
        let unit = f64::from_bits(((1023 - FRACTION_BITS) as u64) << 52);
        let (sign, magnitude) = (if self.fixed < 0 { -unit } else { unit }, self.fixed.unsigned_abs());
        [0, 43, 86].map(|shift| sign * (1u128 << shift) as f64 * (magnitude >> shift & ((1 << 43) - 1)) as f64)
    }

    /// The sum, rounded once.
    #[must_use]
    pub fn value(&self) -> f64 {
        let mut whole = Self { fixed: 0, partials: self.partials.clone() };
        for part in self.fixed_parts() {
            whole.add_to_partials(part);
        }
        let mut rest = whole.partials.iter().rev().copied();
        let Some(mut high) = rest.next() else { return 0.0 };
        let mut lost = 0.0;
        for partial in rest.by_ref() {
            (high, lost) = two_sum(high, partial);
            if lost != 0.0 {
                break;
            }
        }
        // `high` is correctly rounded unless `lost` is exactly half a unit: then what lies below decides the direction.
        if let Some(below) = rest.next()
            && (lost > 0.0) == (below > 0.0)
        {
            let doubled = 2.0 * lost;
            let moved = high + doubled;
            if moved - high == doubled {
                high = moved;
            }
        }
        high
    }
}

impl Extend<f64> for ExactSum {
    fn extend<I: IntoIterator<Item = f64>>(&mut self, terms: I) {
        for term in terms {
            self.add(term);
        }
    }
}

impl FromIterator<f64> for ExactSum {
    fn from_iter<I: IntoIterator<Item = f64>>(terms: I) -> Self {
        let mut sum = Self::new();
        sum.extend(terms);
        sum
    }
}

/// The rounded sum and exactly what the rounding lost (Knuth's `TwoSum`).
#[inline]
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let b_part = sum - a;
    let a_part = sum - b_part;
    (sum, (a - a_part) + (b - b_part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keeps_what_plain_addition_loses() {
        let sum: ExactSum = [1e100, 1.0, -1e100].into_iter().collect();
        assert_eq!(sum.value(), 1.0);
        assert_eq!(ExactSum::new().value(), 0.0);
        let small: ExactSum = [1.0, 1e-30, -1.0].into_iter().collect();
        assert_eq!(small.value(), 1e-30);
        let tenths: ExactSum = std::iter::repeat_n(0.1, 10).collect();
        assert_eq!(tenths.value(), 1.0);
    }

    #[test]
    fn half_a_unit_is_rounded_by_what_lies_below() {
        let half = f64::EPSILON / 2.0;
        let above: ExactSum = [1.0, half, 1e-30].into_iter().collect();
        assert_eq!(above.value(), 1.0 + f64::EPSILON);
        let tie: ExactSum = [1.0, half].into_iter().collect();
        assert_eq!(tie.value(), 1.0);
        let below: ExactSum = [1.0, half, -1e-30].into_iter().collect();
        assert_eq!(below.value(), 1.0);
    }

    #[test]
    fn a_full_fixed_point_number_spills_over() {
        let almost_full = ExactSum { fixed: i128::MAX, partials: Vec::new() };
        let mut added = almost_full.clone();
        added.add(60.0);
        assert_eq!(added.value(), 2f64.powi(37) + 60.0);
        let mut merged = almost_full.clone();
        merged.merge(&almost_full);
        assert_eq!(merged.value(), 2f64.powi(38));
        let lowest = ExactSum { fixed: i128::MIN, partials: Vec::new() };
        assert_eq!(lowest.value(), -2f64.powi(37));
    }

    proptest! {
        #[test]
        fn neither_order_nor_chunks_change_a_bit(
            terms in prop::collection::vec((-1.0f64..1.0, -60i32..12).prop_map(|(m, e)| m * 2f64.powi(e)), 0..200),
            cut in 0usize..200,
        ) {
            let whole: ExactSum = terms.iter().copied().collect();
            let reversed: ExactSum = terms.iter().rev().copied().collect();
            prop_assert_eq!(whole.value().to_bits(), reversed.value().to_bits());
            let (left, right) = terms.split_at(cut.min(terms.len()));
            let mut merged: ExactSum = right.iter().copied().collect();
            merged.merge(&left.iter().copied().collect());
            prop_assert_eq!(whole.value().to_bits(), merged.value().to_bits());
        }
    }
}
