//! What becomes of a raw number before it is standardised.

use serde::{Deserialize, Serialize};

use crate::error::DataError;

/// A function of one raw value v. Logarithms are natural and computed by the `libm` crate: the same bits on every platform.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transform {
    /// v
    #[default]
    None,
    /// sign(v) · ln(1 + |v|): a logarithm that keeps sign and zero.
    Log1p,
    /// ⌊ln²(v)⌋ for v > 2, otherwise v: the bucketing customary for Criteo's counts.
    LogSquared,
    /// `{ buckets = [b₁, b₂, …] }`: how many of the boundaries b are ≤ v, 0 to their number. They ascend.
    Buckets(Vec<f64>),
    /// `{ quantiles = q }`: buckets that each hold about a q-th of the training rows, 2 ≤ q ≤ 1000.
    ///
    /// Boundary i of q − 1 is the value of rank ⌊i·n/q⌋ + 1 among the n values present in the training rows, its significand cut to 13
    /// bits (so that memory does not grow with the rows): integers up to 8191 are kept, other numbers are lowered by less than a 4096-th in
    /// magnitude. Equal boundaries become one, so that frequent values leave fewer buckets. What is fitted, and saved in `schema.json`, are
    /// [`Transform::Buckets`].
    Quantiles(u32),
}

/// More buckets are no statistics any more but a copy of the values.
const MOST: usize = 1000;

impl Transform {
    /// The transformed value. Quantiles have no value before they are fitted: v stays as it is.
    #[must_use]
    pub fn apply(&self, value: f64) -> f64 {
        match self {
            Self::Log1p => libm::copysign(libm::log1p(value.abs()), value),
            Self::LogSquared if value > 2.0 => {
                let log = libm::log(value);
                libm::floor(log * log)
            }
            Self::Buckets(boundaries) => boundaries.partition_point(|boundary| *boundary <= value) as f64,
            Self::None | Self::LogSquared | Self::Quantiles(_) => value,
        }
    }

    /// Whether values become numbers of buckets, which every float can hold.
    pub(crate) const fn is_bucketed(&self) -> bool {
        matches!(self, Self::Buckets(_) | Self::Quantiles(_))
    }

    pub(super) fn validate(&self, key: &str) -> Result<(), DataError> {
        match self {
            Self::Quantiles(buckets) if !(2..=MOST).contains(&(*buckets as usize)) => {
                Err(DataError::config(format!("{key}.quantiles"), buckets, format!("2 to {MOST}")))
            }
            Self::Buckets(boundaries) => {
                let ascending = boundaries.windows(2).all(|pair| pair[0] < pair[1]);
                let finite = boundaries.iter().all(|boundary| boundary.is_finite());
                if ascending && finite && (1..MOST).contains(&boundaries.len()) {
                    return Ok(());
                }
                let expected = format!("1 to {} finite numbers, each greater than the one before", MOST - 1);
                Err(DataError::config(format!("{key}.buckets"), boundaries, expected))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transforms_have_their_values() {
        assert_eq!(Transform::Log1p.apply(0.0), 0.0);
        assert_eq!(Transform::Log1p.apply(-1.5), -Transform::Log1p.apply(1.5));
        assert!((Transform::Log1p.apply(std::f64::consts::E - 1.0) - 1.0).abs() < 1e-15);
        assert_eq!([-1.0, 0.0, 2.0, 3.0, 1000.0].map(|v| Transform::LogSquared.apply(v)), [-1.0, 0.0, 2.0, 1.0, 47.0]);
        let buckets = Transform::Buckets(vec![0.0, 1.5, 10.0]);
        assert_eq!(
            [-1.0, -0.0, 0.0, 1.0, 1.5, 9.9, 10.0, 1e300].map(|v| buckets.apply(v)),
            [0., 1., 1., 1., 2., 2., 3., 3.]
        );
    }
}
