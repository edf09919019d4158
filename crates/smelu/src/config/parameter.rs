//! What a parameter may be.

use super::ActivationError;

/// The values a parameter may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Domain {
    /// From 0 to 10³⁰: wide enough for any use, and far enough from the largest `f32` for sums of it.
    NotNegative,
}

impl Domain {
    fn contains(self, value: f64) -> bool {
        match self {
            Self::NotNegative => (0.0..=1e30).contains(&value),
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::NotNegative => "a number from 0 to 1e30",
        }
    }
}

/// The description of one parameter of an activation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Parameter {
    /// Its name in the text of a config.
    pub(crate) name: &'static str,
    /// Its value where the text leaves it out.
    pub(crate) default: f64,
    /// The values it may take.
    pub(crate) domain: Domain,
}

impl Parameter {
    /// `value`, if the parameter of `activation` may take it.
    pub(crate) fn check(&self, activation: &'static str, value: f64) -> Result<f64, ActivationError> {
        if self.domain.contains(value) {
            // −0 is taken as 0, so that equal configs have equal texts.
            return Ok(value + 0.0);
        }
        Err(ActivationError::OutOfRange { activation, parameter: self.name, value, expected: self.domain.expected() })
    }

    /// The value written as `text`.
    pub(crate) fn parse(&self, activation: &'static str, text: &str) -> Result<f64, ActivationError> {
        let value = text.parse().map_err(|_| ActivationError::NotANumber {
            activation,
            parameter: self.name,
            value: text.to_owned(),
            expected: self.domain.expected(),
        })?;
        self.check(activation, value)
    }
}
