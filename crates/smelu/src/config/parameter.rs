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

/// How a learnt parameter that must be positive follows from the free number ρ that is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Positivity {
    /// exp(ρ): steps of ρ change the parameter by a factor, evenly at any scale.
    #[default]
    Exponential,
    /// softplus(ρ) = ln(1 + exp(ρ)): steps of ρ change a large parameter by a difference, and one far below 1 by a factor.
    Softplus,
}

/// The value of a parameter, and whether and how training changes it: `0.5`, `0.5@layer`, `0.5@unit` or
/// `0.5@unit:softplus` in a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ParameterConfig {
    /// The value, at the start of training if it is learnt.
    pub value: f64,
    /// Whether it is learnt.
    pub learning: Learning,
    /// How it stays positive if it is learnt and must be positive; the default otherwise.
    pub positivity: Positivity,
}

impl ParameterConfig {
    /// One value for the layer, learnt from `value` on.
    #[must_use]
    pub fn per_layer(value: f64) -> Self {
        Self::new(value, Learning::PerLayer)
    }

    /// One value for each unit, learnt from `value` on.
    #[must_use]
    pub fn per_unit(value: f64) -> Self {
        Self::new(value, Learning::PerUnit)
    }

    /// The same, learnt through softplus.
    #[must_use]
    pub fn through_softplus(self) -> Self {
        Self { positivity: Positivity::Softplus, ..self }
    }

    pub(crate) const fn new(value: f64, learning: Learning) -> Self {
        Self { value, learning, positivity: Positivity::Exponential }
    }
}

impl From<f64> for ParameterConfig {
    /// A value that stays.
    fn from(value: f64) -> Self {
        Self::new(value, Learning::Fixed)
    }
}

impl fmt::Display for ParameterConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suffix = match self.learning {
            Learning::Fixed => "",
            Learning::PerLayer => "@layer",
            Learning::PerUnit => "@unit",
        };
        let positivity = match self.positivity {
            Positivity::Exponential => "",
            Positivity::Softplus => ":softplus",
        };
        write!(f, "{}{suffix}{positivity}", self.value)
    }
}

/// The values a parameter may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Domain {
    /// A width, from 0 to 10³⁰: wide enough for any use, and far enough from the largest `f32` for sums of it. Learnt through
    /// a [`Positivity`], by default as the exponential of a free number: scaling the input and the widths by one factor
    /// scales the output, so what matters is the ratio, and steps of the logarithm change the ratio evenly at any scale.
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

    /// Whether a learnt value has to stay positive.
    pub(crate) fn is_positive(self) -> bool {
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
        let ParameterConfig { value, learning, positivity } = config;
        let out_of_range = |expected| ActivationError::OutOfRange { activation, parameter: self.name, value, expected };
        if !self.domain.contains(value) {
            return Err(out_of_range(self.domain.expected()));
        }
        if learning != Learning::Fixed && self.domain.is_positive() && !(1e-30..).contains(&value) {
            return Err(out_of_range(
                "a number from 1e-30 on where it is learnt, since the number trained is its logarithm or nearly so",
            ));
        }
        if positivity != Positivity::default() && (learning == Learning::Fixed || !self.domain.is_positive()) {
            let reason = if learning == Learning::Fixed { "it is not learnt" } else { "it may be negative" };
            let problem = format!("{} = {config} has \":softplus\", but {reason}; leave that out", self.name);
            return Err(ActivationError::Inconsistent { activation, problem });
        }
        // −0 is taken as 0, so that equal configs have equal texts.
        Ok(ParameterConfig { value: value + 0.0, ..config })
    }

    /// The config written as `text`.
    pub(crate) fn parse(&self, activation: &'static str, text: &str) -> Result<ParameterConfig, ActivationError> {
        let (number, suffix) = text.split_once('@').map_or((text, None), |(number, suffix)| (number, Some(suffix)));
        let unknown = |suffix: &str| ActivationError::UnknownLearning {
            activation,
            parameter: self.name,
            suffix: suffix.to_owned(),
        };
        let (learning, positivity) = match suffix {
            None => (Learning::Fixed, Positivity::default()),
            Some(suffix) => {
                let (learning, positivity) = suffix.split_once(':').unwrap_or((suffix, "exp"));
                let learning = match learning {
                    "layer" => Learning::PerLayer,
                    "unit" => Learning::PerUnit,
                    _ => return Err(unknown(suffix)),
                };
                let positivity = match positivity {
                    "exp" => Positivity::Exponential,
                    "softplus" => Positivity::Softplus,
                    _ => return Err(unknown(suffix)),
                };
                (learning, positivity)
            }
        };
        let value = number.trim().parse().map_err(|_| ActivationError::NotANumber {
            activation,
            parameter: self.name,
            value: text.to_owned(),
            expected: self.domain.expected(),
        })?;
        self.check(activation, ParameterConfig { value, learning, positivity })
    }
}
