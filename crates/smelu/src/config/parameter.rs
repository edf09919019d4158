//! What a parameter may be, and how it is given.

use core::fmt;

use super::ActivationError;

/// Whether training changes a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Learning {
    /// It keeps its value.
    #[default]
    Fixed,
    /// One value for the layer is learnt.
    PerLayer,
    /// One value for each unit is learnt.
    PerUnit,
}

/// The value of a parameter, and whether training changes it: `0.5`, `0.5@layer` or `0.5@unit` in a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ParameterConfig {
    /// The value, at the start of training if it is learnt.
    pub value: f64,
    /// Whether it is learnt.
    pub learning: Learning,
}

impl ParameterConfig {
    /// One value for the layer, learnt from `value` on.
    #[must_use]
    pub fn per_layer(value: f64) -> Self {
        Self { value, learning: Learning::PerLayer }
    }

    /// One value for each unit, learnt from `value` on.
    #[must_use]
    pub fn per_unit(value: f64) -> Self {
        Self { value, learning: Learning::PerUnit }
    }
}

impl From<f64> for ParameterConfig {
    /// A value that stays.
    fn from(value: f64) -> Self {
        Self { value, learning: Learning::Fixed }
    }
}

impl fmt::Display for ParameterConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suffix = match self.learning {
            Learning::Fixed => "",
            Learning::PerLayer => "@layer",
            Learning::PerUnit => "@unit",
        };
        write!(f, "{}{suffix}", self.value)
    }
}

/// The values a parameter may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Domain {
    /// A width, from 0 to 10³⁰: wide enough for any use, and far enough from the largest `f32` for sums of it. Learnt as the
    /// exponential of a free number: scaling the input and the widths by one factor scales the output, so what matters is
    /// the ratio, and steps of the logarithm change the ratio evenly at any scale.
    Width,
    /// A scale, from 10⁻⁶ to 10⁶; learnt like a width.
    Positive,
    /// A slope or an offset, from −10⁶ to 10⁶; learnt as it is.
    Free,
}

impl Domain {
    fn contains(self, value: f64) -> bool {
        match self {
            Self::Width => (0.0..=1e30).contains(&value),
            Self::Positive => (1e-6..=1e6).contains(&value),
            Self::Free => (-1e6..=1e6).contains(&value),
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Width => "a number from 0 to 1e30",
            Self::Positive => "a number from 1e-6 to 1e6",
            Self::Free => "a number from -1e6 to 1e6",
        }
    }

    /// Whether a learnt value is the exponential of the number that is trained.
    pub(crate) fn is_exponential(self) -> bool {
        self != Self::Free
    }
}

/// The description of one parameter of an activation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Parameter {
    /// Its name in the text of a config.
    pub(crate) name: &'static str,
    /// What it is where the text leaves it out.
    pub(crate) default: ParameterConfig,
    /// The values it may take.
    pub(crate) domain: Domain,
}

impl Parameter {
    /// `config`, if the parameter of `activation` may be so.
    pub(crate) fn check(
        &self,
        activation: &'static str,
        config: ParameterConfig,
    ) -> Result<ParameterConfig, ActivationError> {
        let ParameterConfig { value, learning } = config;
        let out_of_range = |expected| ActivationError::OutOfRange { activation, parameter: self.name, value, expected };
        if !self.domain.contains(value) {
            return Err(out_of_range(self.domain.expected()));
        }
        if learning != Learning::Fixed && self.domain.is_exponential() && !(1e-30..).contains(&value) {
            return Err(out_of_range(
                "a number from 1e-30 on where it is learnt, since it is learnt as an exponential",
            ));
        }
        // −0 is taken as 0, so that equal configs have equal texts.
        Ok(ParameterConfig { value: value + 0.0, learning })
    }

    /// The config written as `text`.
    pub(crate) fn parse(&self, activation: &'static str, text: &str) -> Result<ParameterConfig, ActivationError> {
        let (number, learning) = match text.split_once('@') {
            None => (text, Learning::Fixed),
            Some((number, "layer")) => (number, Learning::PerLayer),
            Some((number, "unit")) => (number, Learning::PerUnit),
            Some((_, suffix)) => {
                return Err(ActivationError::UnknownLearning {
                    activation,
                    parameter: self.name,
                    suffix: suffix.to_owned(),
                });
            }
        };
        let value = number.trim().parse().map_err(|_| ActivationError::NotANumber {
            activation,
            parameter: self.name,
            value: text.to_owned(),
            expected: self.domain.expected(),
        })?;
        self.check(activation, ParameterConfig { value, learning })
    }
}
