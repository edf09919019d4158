//! Model architecture: the `[model]` table.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The model to train, told apart by the key `type`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ModelConfig {
    /// `type = "lr"`: logistic regression, one weight per feature value and a bias.
    Lr(LrConfig),
    /// `type = "dnn"`: concatenated embeddings, then a multi-layer perceptron.
    Dnn(DnnConfig),
}

/// Keys of `[model]` for `type = "lr"`: none besides `type`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LrConfig {}

/// Keys of `[model]` for `type = "dnn"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DnnConfig {
    /// Width of each hidden layer, in units, from input to output. Required; `[]` leaves one linear layer.
    pub hidden_units: Vec<usize>,
    /// Activation after each hidden layer. Default `"ReLU"`.
    #[serde(default)]
    pub activation: Activation,
    /// Batch normalisation between each hidden linear layer and its activation. Default `false`.
    #[serde(default)]
    pub batch_norm: bool,
    /// Probability that a hidden unit is dropped in a training step, in [0, 1). Default `0.0`.
    #[serde(default)]
    pub dropout: f64,
}

/// The text of an activation: a name with optional numeric parameters, `ReLU` or `SmeLU(beta=0.5)`.
///
/// The grammar is checked here; whether the name and its parameters exist is for the activation library to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Activation(String);

impl Activation {
    /// The text as it was given, without surrounding blanks.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Activation {
    fn default() -> Self {
        Self("ReLU".to_owned())
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Why a text is no activation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}; expected a name such as `ReLU`, with parameters in the form `SmeLU(beta=0.5)`")]
pub struct ParseActivationError {
    reason: String,
}

impl FromStr for Activation {
    type Err = ParseActivationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        check_activation(text).map_err(|reason| ParseActivationError { reason })?;
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Activation {
    type Error = ParseActivationError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Activation> for String {
    fn from(activation: Activation) -> Self {
        activation.0
    }
}

fn check_activation(text: &str) -> Result<(), String> {
    let (name, parameters) = match text.split_once('(') {
        None => (text, None),
        Some((name, rest)) => {
            let Some(parameters) = rest.strip_suffix(')') else {
                return Err("the closing `)` is missing at the end".to_owned());
            };
            (name, Some(parameters))
        }
    };
    if !is_identifier(name) {
        return Err(format!("`{name}` is not a name"));
    }
    let mut seen: Vec<&str> = Vec::new();
    for parameter in parameters.into_iter().flat_map(|list| list.split(',')) {
        let Some((key, value)) = parameter.split_once('=') else {
            return Err(format!("the parameter `{}` has no `=`", parameter.trim()));
        };
        let (key, value) = (key.trim(), value.trim());
        if !is_identifier(key) {
            return Err(format!("`{key}` is not a parameter name"));
        }
        if seen.contains(&key) {
            return Err(format!("the parameter `{key}` is given twice"));
        }
        if !value.parse::<f64>().is_ok_and(f64::is_finite) {
            return Err(format!("the parameter `{key}` is `{value}`, not a finite number"));
        }
        seen.push(key);
    }
    Ok(())
}

fn is_identifier(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activations_with_and_without_parameters_are_accepted() {
        for text in ["ReLU", " SmeLU(beta=0.5) ", "gSmeLU(alpha=1e-1, beta = 2, g_minus=-0.1)"] {
            let activation: Activation = text.parse().expect(text);
            assert_eq!(activation.as_str(), text.trim());
        }
    }

    #[test]
    fn malformed_activations_name_what_is_wrong() {
        for (text, part) in [
            ("", "`` is not a name"),
            ("SmeLU(beta=0.5", "closing `)`"),
            ("SmeLU()", "has no `=`"),
            ("SmeLU(0.5)", "`0.5` has no `=`"),
            ("SmeLU(beta=x)", "`beta` is `x`"),
            ("SmeLU(beta=inf)", "not a finite number"),
            ("SmeLU(beta=1,beta=2)", "given twice"),
            ("Sme LU", "is not a name"),
        ] {
            let message = text.parse::<Activation>().expect_err(text).to_string();
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
