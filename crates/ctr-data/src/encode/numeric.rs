//! The statistics of a numeric field, and its values.

use super::quantiles::Quantiles;
use crate::config::{NumericConfig, NumericMissing, Transform};
use crate::error::{DataError, Reason, Refusal, shown};
use crate::schema::NumericField;

const NEXT: &str = "correct the row, or check the field's type";

/// Reads a raw number; none where it is missing.
pub(super) fn parse(text: &str) -> Result<Option<f64>, Refusal> {
    if text.is_empty() {
        return Ok(None);
    }
    if let Some(value) = small_integer(text.as_bytes()) {
        return Ok(Some(value));
    }
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(Some(value)),
        _ => Err(Refusal::new(shown(text.as_bytes()), "a finite number", NEXT).reason(Reason::Number)),
    }
}

/// An integer of up to 15 digits, which a float holds exactly; most numbers of click logs are.
fn small_integer(text: &[u8]) -> Option<f64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || digits.len() > 15 {
        return None;
    }
    let mut value = 0_u64;
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = 10 * value + u64::from(digit);
    }
    Some(if negative { -(value as f64) } else { value as f64 })
}

/// A raw value of a training row, if encoding will not refuse it.
pub(super) fn fitted_value(text: &str, config: &NumericConfig) -> Result<Option<f64>, Refusal> {
    let value = parse(text)?;
    let raw = match (value, config.missing) {
        (Some(raw), _) | (None, NumericMissing::Constant(raw)) => raw,
        (None, NumericMissing::Error) => return Err(missing()),
        (None, NumericMissing::Mean) => return Ok(None),
    };
    // Standardised training values are at most √n from 0, and no transform makes a number larger.
    let bounded = config.standardise || config.transform.is_bucketed();
    if raw.abs() > f64::from(f32::MAX) && !bounded && !(config.transform.apply(raw) as f32).is_finite() {
        return Err(beyond_f32(text));
    }
    Ok(value)
}

fn missing() -> Refusal {
    let next = "fill the value in, or set `missing` for this field";
    Refusal::new(shown(b""), "a number", next).reason(Reason::Missing)
}

fn beyond_f32(text: &str) -> Refusal {
    Refusal::new(shown(text.as_bytes()), "a number that f32 can hold", "choose a logarithmic transform")
        .reason(Reason::Number)
}

impl NumericField {
    /// x = (T(v) − mean) / scale of a raw value's text.
    pub(super) fn encode(&self, text: &str) -> Result<f32, Refusal> {
        let raw = parse(text)?.or(self.fill).ok_or_else(missing)?;
        let value = ((self.transform.apply(raw) - self.mean) / self.scale) as f32;
        if value.is_finite() { Ok(value) } else { Err(beyond_f32(text)) }
    }
}

/// The encoded numbers below a thousand, which most counts of click logs are: no parsing, no logarithm.
#[derive(Debug, Clone)]
pub(super) struct SmallNumbers(Box<[Option<f32>]>);

impl SmallNumbers {
    pub(super) fn of(field: &NumericField) -> Self {
        Self((0..1000).map(|number| field.encode(&number.to_string()).ok()).collect())
    }

    /// What [`NumericField::encode`] says of a text of one to three digits; none for others, and where it refuses.
    #[inline]
    pub(super) fn get(&self, text: &[u8]) -> Option<f32> {
        if text.is_empty() || text.len() > 3 {
            return None;
        }
        let mut number = 0;
        for digit in text {
            let digit = digit.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            number = 10 * number + usize::from(digit);
        }
        self.0[number]
    }
}

/// Collects what [`NumericField`] needs from the training rows.
#[derive(Debug)]
pub(super) struct NumericStatistics {
    config: NumericConfig,
    name: String,
    raw: Moments,
    transformed: Moments,
    quantiles: Quantiles,
    missing: u64,
}

impl NumericStatistics {
    pub(super) fn new(name: &str, config: &NumericConfig) -> Self {
        let (raw, transformed, quantiles) = (Moments::default(), Moments::default(), Quantiles::default());
        Self { config: config.clone(), name: name.to_owned(), raw, transformed, quantiles, missing: 0 }
    }

    /// The next training row's value, as [`fitted_value`] gave it.
    pub(super) fn add(&mut self, value: Option<f64>) {
        let Some(value) = value else {
            self.missing += 1;
            return;
        };
        // A division for each value: only where something comes of it.
        if self.config.missing == NumericMissing::Mean {
            self.raw.add(value);
        }
        if matches!(self.config.transform, Transform::Quantiles(_)) {
            self.quantiles.add(value);
        } else if self.config.standardise {
            self.transformed.add(self.config.transform.apply(value));
        }
    }

    pub(super) fn finish(self) -> Result<NumericField, DataError> {
        let fill = match self.config.missing {
            NumericMissing::Error => None,
            NumericMissing::Constant(value) => Some(value),
            NumericMissing::Mean if self.raw.count > 0 => Some(self.raw.mean),
            NumericMissing::Mean => {
                let expected = "at least one value among the training rows, or a constant";
                return Err(DataError::config(format!("fields.{}.missing", self.name), "mean", expected));
            }
        };
        let mut transformed = self.transformed;
        let transform = match self.config.transform {
            Transform::Quantiles(buckets) => {
                let fitted = Transform::Buckets(self.quantiles.boundaries(buckets));
                // A cell lies on one side of each boundary: its values are in one bucket.
                for (value, count) in self.quantiles.cells() {
                    transformed = transformed.merged(Moments { count, mean: fitted.apply(value), squares: 0.0 });
                }
                fitted
            }
            transform => transform,
        };
        let (mut mean, mut scale) = (0.0, 1.0);
        if self.config.standardise {
            let filled = fill.map_or_else(Moments::default, |fill| Moments {
                count: self.missing,
                mean: transform.apply(fill),
                squares: 0.0,
            });
            let all = transformed.merged(filled);
            let deviation = libm::sqrt(all.squares / all.count as f64);
            (mean, scale) = (all.mean, if deviation > 0.0 { deviation } else { 1.0 });
        }
        let field = NumericField { name: self.name, fill, transform, mean, scale };
        if ![field.mean, field.scale, fill.unwrap_or_default()].into_iter().all(f64::is_finite) {
            let key = format!("fields.{}.transform", field.name);
            return Err(DataError::config(
                key,
                field.transform,
                "a transform under which mean and variance stay finite",
            ));
        }
        Ok(field)
    }
}

/// Number, mean and sum of squared deviations, updated one value at a time (Welford, Technometrics 4(3), 1962) and merged pairwise (Chan,
/// Golub, `LeVeque`, 1979).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Moments {
    count: u64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, value: f64) {
        self.count += 1;
        let before = value - self.mean;
        self.mean += before / self.count as f64;
        self.squares += before * (value - self.mean);
    }

    fn merged(self, other: Self) -> Self {
        if other.count == 0 {
            return self;
        }
        if self.count == 0 {
            return other;
        }
        let count = self.count + other.count;
        let apart = other.mean - self.mean;
        let share = other.count as f64 / count as f64;
        Self {
            count,
            mean: self.mean + apart * share,
            squares: self.squares + other.squares + apart * apart * self.count as f64 * share,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Transform;

    fn fitted(values: &[&str], missing: NumericMissing, transform: Transform, standardise: bool) -> NumericField {
        let config = NumericConfig { names: vec!["x".into()], missing, transform, standardise };
        let mut statistics = NumericStatistics::new("x", &config);
        for value in values {
            statistics.add(fitted_value(value, &config).unwrap());
        }
        statistics.finish().unwrap()
    }

    #[test]
    fn plain_values_pass_unchanged() {
        let field = fitted(&["1", "2"], NumericMissing::Error, Transform::None, false);
        assert_eq!(["-3.5", "1e3", "+2", "-0.0"].map(|text| field.encode(text).unwrap()), [-3.5, 1000.0, 2.0, 0.0]);
    }

    #[test]
    fn only_finite_numbers_are_numbers() {
        let field = fitted(&["1"], NumericMissing::Constant(0.0), Transform::None, false);
        for text in ["abc", "nan", "inf", "-infinity", "1 ", " 1", "1,5", "0x10", "1e999"] {
            assert_eq!(field.encode(text).unwrap_err().expected, "a finite number", "{text}");
        }
        assert_eq!(field.encode("1e300").unwrap_err().expected, "a number that f32 can hold");
    }

    #[test]
    fn missing_values_follow_their_policy() {
        let error = fitted(&["1"], NumericMissing::Error, Transform::None, false);
        assert_eq!(error.encode("").unwrap_err().value, "nothing");
        // The constant and the mean are raw values: the transform applies to them.
        let constant = fitted(&["1"], NumericMissing::Constant(20.0), Transform::LogSquared, false);
        assert_eq!(constant.encode("").unwrap(), 8.0);
        let mean = fitted(&["1", "", "5"], NumericMissing::Mean, Transform::None, false);
        assert_eq!((mean.fill, mean.encode("").unwrap()), (Some(3.0), 3.0));
    }

    #[test]
    fn a_mean_of_nothing_is_an_error() {
        let config = NumericConfig {
            names: vec![],
            missing: NumericMissing::Mean,
            transform: Transform::None,
            standardise: true,
        };
        let message = NumericStatistics::new("x", &config).finish().unwrap_err().to_string();
        assert!(message.contains("fields.x.missing"), "{message}");
    }

    #[test]
    fn standardised_training_values_have_mean_0_and_variance_1() {
        let texts = ["0", "3", "", "8", "-20", "1000000"];
        for transform in [Transform::None, Transform::Log1p, Transform::LogSquared] {
            let field = fitted(&texts, NumericMissing::Mean, transform.clone(), true);
            let values = texts.map(|text| f64::from(field.encode(text).unwrap()));
            let mean = values.iter().sum::<f64>() / 6.0;
            let variance = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 6.0;
            assert!(mean.abs() < 1e-6 && (variance - 1.0).abs() < 1e-6, "{transform:?}: {mean} {variance}");
        }
    }

    #[test]
    fn a_constant_field_is_centred_and_not_divided_by_zero() {
        let field = fitted(&["7", "7"], NumericMissing::Error, Transform::None, true);
        assert_eq!((field.mean, field.scale, field.encode("9").unwrap()), (7.0, 1.0, 2.0));
    }

    #[test]
    fn integers_read_quickly_are_those_read_slowly() {
        for text in ["0", "-0", "7", "-12", "999999999999999", "-999999999999999", "000000000000001", "0012"] {
            let slowly: f64 = text.parse().unwrap();
            assert_eq!(small_integer(text.as_bytes()).map(f64::to_bits), Some(slowly.to_bits()), "{text}");
        }
        for text in ["", "-", "+1", "1.0", "1e3", "9999999999999999", "1 ", "--1", "1:"] {
            assert_eq!(small_integer(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn quantiles_become_buckets_that_are_saved() {
        let texts: Vec<String> = (1..=100).map(|value| value.to_string()).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).chain(["", ""]).collect();
        let field = fitted(&texts, NumericMissing::Constant(1e300), Transform::Quantiles(4), false);
        assert_eq!(field.transform, Transform::Buckets(vec![26.0, 51.0, 76.0]));
        let values = ["-1e300", "25", "26", "75.9", "76", "1e300", ""].map(|text| field.encode(text).unwrap());
        assert_eq!(values, [0.0, 0.0, 1.0, 2.0, 3.0, 3.0, 3.0]);
    }

    #[test]
    fn standardised_buckets_have_mean_0_and_variance_1() {
        let texts = ["0", "3", "", "8", "-20", "1000000", "7.7"];
        for transform in [Transform::Quantiles(3), Transform::Buckets(vec![0.0, 5.0])] {
            let field = fitted(&texts, NumericMissing::Mean, transform, true);
            let values = texts.map(|text| f64::from(field.encode(text).unwrap()));
            let mean = values.iter().sum::<f64>() / 7.0;
            let variance = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 7.0;
            assert!(mean.abs() < 1e-6 && (variance - 1.0).abs() < 1e-6, "{field:?}: {mean} {variance}");
        }
    }

    #[test]
    fn small_numbers_are_encoded_as_all_are() {
        let field = fitted(&["0", "3", "900"], NumericMissing::Error, Transform::Log1p, true);
        let small = SmallNumbers::of(&field);
        for text in ["0", "7", "00", "007", "10", "999", "1", "", "1000", "-1", "-0", "1.", " 1", "+1", "a"] {
            if let Some(found) = small.get(text.as_bytes()) {
                assert_eq!(Ok(found.to_bits()), field.encode(text).map(f32::to_bits), "{text}");
            } else {
                assert!(!text.bytes().all(|byte| byte.is_ascii_digit()) || text.len() > 3 || text.is_empty(), "{text}");
            }
        }
    }

    #[test]
    fn merging_moments_equals_adding_one_by_one() {
        let values = [3.0, -1.0, 4.0, 1.0, -5.0];
        let collect = |values: &[f64]| {
            let mut moments = Moments::default();
            for &value in values {
                moments.add(value);
            }
            moments
        };
        for cut in 0..=values.len() {
            let merged = collect(&values[..cut]).merged(collect(&values[cut..]));
            let whole = collect(&values);
            assert_eq!(merged.count, whole.count);
            assert!((merged.mean - whole.mean).abs() < 1e-15 && (merged.squares - whole.squares).abs() < 1e-13);
        }
    }
}
