//! The serialisable description of an activation: what a config file or a log holds.

mod error;
mod gain;
mod kind;
mod parameter;
mod text;

use core::fmt;
use core::str::FromStr;

use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};

pub use error::ActivationError;
pub use gain::Gain;
pub(crate) use kind::{Kind, parameter};
pub(crate) use parameter::{Domain, Parameter};
pub use parameter::{Learning, ParameterConfig, Positivity};

use crate::module::{
    Activation, Cascade1Config, Cascade2Config, Cascade3Config, Cascade4Config, CeluConfig, EluConfig, GSmeluConfig,
    GeluConfig, GeluTanh, Identity, LeakyReluConfig, LeakySmeluConfig, LongCascadeConfig, MeanFreeSmeluConfig,
    MishConfig, PReluConfig, Relu, RescuCosineConfig, RescuQuinticConfig, RescuSmoothstepConfig, Selu, SmeluConfig,
    SoftplusConfig, SquarePlusConfig, SwishConfig, TanhExpConfig, curve, with_every_activation,
};
use crate::op::Curve;
use text::Call;

macro_rules! define {
    ([$($Parametric:ident($Config:ident),)+] [$($Plain:ident,)+]) => {
        /// An activation with its parameters, as one text in a config and in a log.
        ///
        /// [`Display`](fmt::Display), [`FromStr`] and serde use one form, `Name(parameter=value, …)`. The name is taken in
        /// any case, a parameter left out has its default, and `@layer` or `@unit` behind a value makes it learnt. A parameter
        /// that must be positive is learnt as an exponential, with `:softplus` behind that as a [`Positivity::Softplus`]:
        ///
        /// ```
        /// use smelu::ActivationConfig;
        ///
        /// let activation: ActivationConfig = "smelu(beta=0.5)".parse()?;
        /// assert_eq!(activation.to_string(), "SmeLU(beta=0.5)");
        /// assert_eq!("SmeLU".parse::<ActivationConfig>()?, activation);
        ///
        /// let learnt: ActivationConfig = "SmeLU(beta=0.5@unit)".parse()?;
        /// assert_ne!(learnt, activation);
        ///
        /// let error = "SmeLU(betta=1)".parse::<ActivationConfig>().unwrap_err();
        /// assert_eq!(error.to_string(), "SmeLU has no parameter \"betta\"; did you mean \"beta\"?");
        /// # Ok::<(), smelu::ActivationError>(())
        /// ```
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        #[non_exhaustive]
        pub enum ActivationConfig {
            $(
                #[doc = concat!("For [`", stringify!($Parametric), "`](crate::", stringify!($Parametric), ").")]
                $Parametric($Config),
            )+
            $(
                #[doc = concat!("For [`", stringify!($Plain), "`](crate::", stringify!($Plain), ").")]
                $Plain,
            )+
            /// For [`LongCascade`](crate::LongCascade).
            LongCascade(LongCascadeConfig),
        }

        impl ActivationConfig {
            /// Every kind of activation.
            pub(crate) fn kinds() -> impl Iterator<Item = &'static Kind> {
                let kinds: &[&Kind] = &[$($Config::KIND,)+ $($Plain::KIND,)+];
                kinds.iter().copied().chain(LongCascadeConfig::kinds())
            }

            pub(crate) fn kind(&self) -> &'static Kind {
                match self {
                    $(Self::$Parametric(_) => $Config::KIND,)+
                    Self::LongCascade(config) => config.kind(),
                    $(Self::$Plain => $Plain::KIND,)+
                }
            }

            /// The parameters, in the order of the text.
            #[must_use]
            pub fn parameters(&self) -> Vec<ParameterConfig> {
                match self {
                    $(Self::$Parametric(config) => config.parameters(),)+
                    Self::LongCascade(config) => config.parameters().to_vec(),
                    $(Self::$Plain => Vec::new(),)+
                }
            }

            /// The config of `kind` with checked parameters.
            fn build(kind: &'static Kind, parameters: &[ParameterConfig]) -> Self {
                $(
                    if kind.name == $Config::KIND.name {
                        let parameters = parameters.try_into().expect("one for each parameter of the kind");
                        return Self::$Parametric($Config::from_checked(parameters));
                    }
                )+
                $(
                    if kind.name == $Plain::KIND.name {
                        return Self::$Plain;
                    }
                )+
                Self::LongCascade(LongCascadeConfig::from_checked(parameters.to_vec()))
            }
        }
    };
}

with_every_activation!(define);

impl ActivationConfig {
    /// The module for layers of `units` outputs, on `device`.
    #[must_use]
    pub fn init<B: Backend>(&self, units: usize, device: &B::Device) -> Activation<B> {
        Activation::new(self, units, device)
    }

    /// The curve with the parameters at their values, learnt or not.
    #[must_use]
    pub fn curve(&self) -> Curve {
        curve(self.kind(), self.parameters().into_iter())
    }

    /// The curve, where no parameter is learnt: the activation is then a function of its input alone.
    #[must_use]
    pub fn fixed_curve(&self) -> Option<Curve> {
        self.parameters().iter().all(|parameter| parameter.learning == Learning::Fixed).then(|| self.curve())
    }
}

impl fmt::Display for ActivationConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind();
        f.write_str(kind.name)?;
        for (position, (parameter, config)) in kind.parameters.iter().zip(self.parameters()).enumerate() {
            write!(f, "{}{}={config}", if position == 0 { "(" } else { ", " }, parameter.name)?;
        }
        f.write_str(if kind.parameters.is_empty() { "" } else { ")" })
    }
}

impl FromStr for ActivationConfig {
    type Err = ActivationError;

    fn from_str(text: &str) -> Result<Self, ActivationError> {
        let call = Call::parse(text)?;
        let kind = Kind::named(call.name)?;
        let mut given = vec![None; kind.parameters.len()];
        for (name, value) in call.arguments {
            let position = kind.position_of(name)?;
            let parameter = kind.parameters[position];
            if given[position].replace(parameter.parse(kind.name, value)?).is_some() {
                return Err(ActivationError::RepeatedParameter { activation: kind.name, parameter: parameter.name });
            }
        }
        let given = kind.parameters.iter().zip(given);
        let parameters: Vec<_> = given.map(|(parameter, given)| given.unwrap_or(parameter.default)).collect();
        kind.check_order(&parameters)?;
        Ok(Self::build(kind, &parameters))
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
