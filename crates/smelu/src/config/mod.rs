//! The serialisable description of an activation: what a config file or a log holds.

mod error;
mod parameter;
mod text;

use core::fmt;
use core::str::FromStr;

use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};

pub use error::ActivationError;
pub(crate) use parameter::{Domain, Parameter};

use crate::module::{Activation, SmeluConfig};
use text::{Call, nearest};

/// An activation with its parameters, as one text in a config and in a log.
///
/// [`Display`](fmt::Display), [`FromStr`] and serde use one form, `Name(parameter=value, …)`. The name is taken in any
/// case, a parameter left out has its default:
///
/// ```
/// use smelu::ActivationConfig;
///
/// let activation: ActivationConfig = "smelu(beta=0.5)".parse()?;
/// assert_eq!(activation.to_string(), "SmeLU(beta=0.5)");
/// assert_eq!("SmeLU".parse::<ActivationConfig>()?, activation);
///
/// let error = "SmeLU(betta=1)".parse::<ActivationConfig>().unwrap_err();
/// assert_eq!(error.to_string(), "SmeLU has no parameter \"betta\"; did you mean \"beta\"?");
/// # Ok::<(), smelu::ActivationError>(())
/// ```
///
/// | text | parameter | default | range |
/// |---|---|---|---|
/// | `SmeLU(beta=…)` | half-width of the transition region | 0.5 | 0 to 10³⁰; 0 is ReLU |
/// | `ReLU` | | | |
/// | `Identity` | | | |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum ActivationConfig {
    /// ReLU with a smooth transition.
    Smelu(SmeluConfig),
    /// `max(x, 0)`.
    Relu,
    /// `x`.
    Identity,
}

/// What is known of an activation before its values are.
struct Kind {
    name: &'static str,
    parameters: &'static [Parameter],
    /// Makes the config from checked values, one for each parameter.
    build: fn(&[f64]) -> ActivationConfig,
}

const KINDS: &[Kind] = &[
    Kind {
        name: SmeluConfig::NAME,
        parameters: &[SmeluConfig::BETA],
        build: |values| ActivationConfig::Smelu(SmeluConfig::from_checked(values[0])),
    },
    Kind { name: "ReLU", parameters: &[], build: |_| ActivationConfig::Relu },
    Kind { name: "Identity", parameters: &[], build: |_| ActivationConfig::Identity },
];

impl Kind {
    fn named(name: &str) -> Result<&'static Self, ActivationError> {
        KINDS.iter().find(|kind| kind.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
            let names = || KINDS.iter().map(|kind| kind.name);
            ActivationError::UnknownActivation {
                name: name.to_owned(),
                nearest: nearest(name, names()).unwrap_or_default(),
                known: names().collect::<Vec<_>>().join(", "),
            }
        })
    }

    fn position_of(&self, parameter: &str) -> Result<usize, ActivationError> {
        self.parameters.iter().position(|known| known.name == parameter).ok_or_else(|| {
            ActivationError::UnknownParameter {
                activation: self.name,
                parameter: parameter.to_owned(),
                hint: nearest(parameter, self.parameters.iter().map(|known| known.name))
                    .map_or_else(|| "it takes none".to_owned(), |name| format!("did you mean {name:?}?")),
            }
        })
    }
}

impl ActivationConfig {
    /// The module for layers of `units` outputs, on `device`.
    #[must_use]
    pub fn init<B: Backend>(&self, units: usize, device: &B::Device) -> Activation<B> {
        Activation::new(self, units, device)
    }

    /// The name and the values of the parameters in the order of the text.
    fn parts(&self) -> (&'static str, &'static [Parameter], Vec<f64>) {
        match self {
            Self::Smelu(config) => (SmeluConfig::NAME, &[SmeluConfig::BETA], vec![config.beta()]),
            Self::Relu => ("ReLU", &[], Vec::new()),
            Self::Identity => ("Identity", &[], Vec::new()),
        }
    }
}

impl fmt::Display for ActivationConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, parameters, values) = self.parts();
        f.write_str(name)?;
        for (position, (parameter, value)) in parameters.iter().zip(values).enumerate() {
            write!(f, "{}{}={value}", if position == 0 { "(" } else { ", " }, parameter.name)?;
        }
        f.write_str(if parameters.is_empty() { "" } else { ")" })
    }
}

impl FromStr for ActivationConfig {
    type Err = ActivationError;

    fn from_str(text: &str) -> Result<Self, ActivationError> {
        let call = Call::parse(text)?;
        let kind = Kind::named(call.name)?;
        let mut values = vec![None; kind.parameters.len()];
        for (key, value) in call.arguments {
            let position = kind.position_of(key)?;
            let parameter = kind.parameters[position];
            if values[position].replace(parameter.parse(kind.name, value)?).is_some() {
                return Err(ActivationError::RepeatedParameter { activation: kind.name, parameter: parameter.name });
            }
        }
        let values: Vec<f64> =
            kind.parameters.iter().zip(values).map(|(parameter, value)| value.unwrap_or(parameter.default)).collect();
        Ok((kind.build)(&values))
    }
}

impl TryFrom<String> for ActivationConfig {
    type Error = ActivationError;

    fn try_from(text: String) -> Result<Self, ActivationError> {
        text.parse()
    }
}

impl From<ActivationConfig> for String {
    fn from(config: ActivationConfig) -> Self {
        config.to_string()
    }
}
