//! Whether a model can be built as its keys ask for, for data of a given shape.
use std::fmt::Display;
use std::ops::RangeInclusive;

use super::{InputShape, NamedFields};
use crate::mlp::{MlpConfig, WeightInit};

/// Units of a layer, rows of a matrix: far beyond any use, so that a slip of the keyboard is a message and no failed allocation.
const WIDTH: RangeInclusive<usize> = 1..=1 << 20;

/// A key of `[model]` whose value cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`model.{key}{}` is {value}; expected {expected}", index.map_or_else(String::new, |index| format!("[{index}]")))]
pub struct ModelError {
    /// The key below `[model]`.
    pub key: &'static str,
    /// Which element, where the key holds a list.
    pub index: Option<usize>,
    /// The value.
    pub value: String,
    /// What was expected.
    pub expected: String,
}

impl ModelError {
    /// The error that `key` is `value`.
    #[must_use]
    pub fn new(key: &'static str, value: impl Display, expected: impl Into<String>) -> Self {
        Self { key, index: None, value: value.to_string(), expected: expected.into() }
    }
}

pub(super) type Checked = Result<(), ModelError>;

/// A width in units, from 1.
pub(super) fn width(key: &'static str, value: usize) -> Checked {
    whole(key, value, &WIDTH)
}

/// A whole number of a range.
pub(super) fn whole(key: &'static str, value: usize, range: &RangeInclusive<usize>) -> Checked {
    if range.contains(&value) {
        return Ok(());
    }
    Err(ModelError::new(key, value, format!("a whole number from {} to {}", range.start(), range.end())))
}

/// A number of layers, from 1.
pub(super) fn layers(key: &'static str, value: usize) -> Checked {
    whole(key, value, &(1..=MlpConfig::MAX_LAYERS))
}

/// Widths of layers.
pub(super) fn widths(key: &'static str, values: &[usize]) -> Checked {
    if values.len() > MlpConfig::MAX_LAYERS {
        let found = format!("a list of {} layers", values.len());
        return Err(ModelError::new(key, found, format!("at most {} layers", MlpConfig::MAX_LAYERS)));
    }
    for (index, &value) in values.iter().enumerate() {
        width(key, value).map_err(|error| ModelError { index: Some(index), ..error })?;
    }
    Ok(())
}

/// Widths of at least one layer.
pub(super) fn some_widths(key: &'static str, values: &[usize]) -> Checked {
    if values.is_empty() {
        return Err(ModelError::new(key, "[]", "at least one layer"));
    }
    widths(key, values)
}

/// A probability of dropout.
pub(super) fn dropout(key: &'static str, value: f64) -> Checked {
    let single = value as f32;
    if !(0.0..1.0).contains(&single) {
        return Err(ModelError::new(key, format!("{value:?}"), "a number in [0, 1) (also as f32)"));
    }
    // Masks have sixteen bits an element.
    let finest = 1.0 / 65_536.0;
    if value == 0.0 || (finest..=1.0 - finest).contains(&value) {
        return Ok(());
    }
    Err(ModelError::new(key, value, "0, or a number from 2⁻¹⁶ to 1 − 2⁻¹⁶"))
}

/// A finite number above 0.
pub(super) fn positive(key: &'static str, value: f64) -> Checked {
    if (value as f32).is_finite() && value as f32 > 0.0 {
        return Ok(());
    }
    Err(ModelError::new(key, format!("{value:?}"), "a finite number > 0 (also as f32)"))
}

/// A key that is there if and only if another key calls for it.
pub(super) fn only_if(called_for: bool, key: &'static str, value: Option<usize>, condition: &str) -> Checked {
    match (called_for, value) {
        (true, None) => Err(ModelError::new(key, "absent", format!("a whole number ≥ 1, because {condition}"))),
        (false, Some(value)) => Err(ModelError::new(key, value, format!("no such key, unless {condition}"))),
        _ => Ok(()),
    }
}

/// The keys of a perceptron.
pub(super) fn perceptron(config: &MlpConfig) -> Checked {
    widths("hidden_units", &config.hidden_units)?;
    if config.init == WeightInit::Auto && !(1e-3..=1e3).contains(&config.gain()) {
        let found = format!("\"auto\" with {}, whose gain is {:e}", config.activation, config.gain());
        return Err(ModelError::new("init", found, "\"xavier\", or an activation with a gain from 1e-3 to 1e3"));
    }
    dropout("dropout", config.dropout)
}

/// Names of fields, each once.
pub(super) fn each_once(NamedFields { key, fields, .. }: NamedFields<'_>) -> Checked {
    match (1..fields.len()).find(|&index| fields[..index].contains(&fields[index])) {
        Some(index) => {
            let error = ModelError::new(key, format!("{:?}", fields[index]), "each field once");
            Err(ModelError { index: Some(index), ..error })
        }
        None => Ok(()),
    }
}

/// Names of categorical fields.
pub(super) fn names(NamedFields { key, fields, .. }: NamedFields<'_>, categorical: &[&str]) -> Checked {
    match fields.iter().position(|name| !categorical.contains(&name.as_str())) {
        Some(index) => {
            let expected = format!("a categorical field ({})", categorical.join(", "));
            let error = ModelError::new(key, format!("{:?}", fields[index]), expected);
            Err(ModelError { index: Some(index), ..error })
        }
        None => Ok(()),
    }
}

/// At least two fields, numeric ones included, for models made of pairs.
pub(super) fn two_fields(name: &str, shape: InputShape) -> Checked {
    if shape.fields() >= 2 {
        return Ok(());
    }
    let expected = format!(
        "a model for one field, such as \"dnn\" or \"lr\": {name} pairs fields, and the data set has {}",
        shape.fields()
    );
    Err(ModelError::new("type", format!("{name:?}"), expected))
}

/// A number of at most `most`.
pub(super) fn at_most(key: &'static str, value: f64, most: f64) -> Checked {
    if value <= most {
        return Ok(());
    }
    Err(ModelError::new(key, format!("{value:?}"), format!("a number of at most {most}")))
}

/// A number from 1 that divides another key's.
pub(super) fn divides(key: &'static str, value: usize, of: &str, whole: usize) -> Checked {
    if value >= 1 && whole.is_multiple_of(value) {
        return Ok(());
    }
    Err(ModelError::new(key, value, format!("a divisor of {whole}, to which `{of}` comes")))
}
