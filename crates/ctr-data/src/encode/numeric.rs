//! The statistics of a numeric field, and its values.

use crate::config::{NumericConfig, NumericMissing};
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
    if raw.abs() > f64::from(f32::MAX) && !config.standardise && !(config.transform.apply(raw) as f32).is_finite() {
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

/// Collects what [`NumericField`] needs from the training rows.
#[derive(Debug)]
pub(super) struct NumericStatistics {
    config: NumericConfig,
    name: String,
    raw: Moments,
    transformed: Moments,
    missing: u64,
}

impl NumericStatistics {
    pub(super) fn new(name: &str, config: &NumericConfig) -> Self {
        let (raw, transformed) = (Moments::default(), Moments::default());
        Self { config: config.clone(), name: name.to_owned(), raw, transformed, missing: 0 }
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
        if self.config.standardise {
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
        let transform = self.config.transform;
        let mut field = NumericField { name: self.name, fill, transform, mean: 0.0, scale: 1.0 };
        if self.config.standardise {
            let filled = fill.map_or_else(Moments::default, |fill| Moments {
                count: self.missing,
                mean: transform.apply(fill),
                squares: 0.0,
            });
            let all = self.transformed.merged(filled);
            let deviation = libm::sqrt(all.squares / all.count as f64);
            field.mean = all.mean;
            field.scale = if deviation > 0.0 { deviation } else { 1.0 };
        }
        if ![field.mean, field.scale, fill.unwrap_or_default()].into_iter().all(f64::is_finite) {
            let key = format!("fields.{}.transform", field.name);
            return Err(DataError::config(key, transform, "a transform under which mean and variance stay finite"));
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
            let field = fitted(&texts, NumericMissing::Mean, transform, true);
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
    fn transforms_have_their_values() {
        assert_eq!(Transform::Log1p.apply(0.0), 0.0);
        assert_eq!(Transform::Log1p.apply(-1.5), -Transform::Log1p.apply(1.5));
        assert!((Transform::Log1p.apply(std::f64::consts::E - 1.0) - 1.0).abs() < 1e-15);
        assert_eq!([-1.0, 0.0, 2.0, 3.0, 1000.0].map(|v| Transform::LogSquared.apply(v)), [-1.0, 0.0, 2.0, 1.0, 47.0]);
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
