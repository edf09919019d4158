//! A parameter of an activation inside a module: fixed or learnt.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use crate::config::{ActivationConfig, Kind, Learning, Parameter, ParameterConfig, Positivity};
use crate::module::SoftplusConfig;
use crate::op::{ActivationBackend, Curve, Formula, activation, activation_with};

/// A parameter as a module holds it: a number, or a tensor of one number for the layer or one for each unit.
#[derive(Module, Debug)]
pub struct ModuleParameter<B: Backend> {
    /// What training changes: the parameter itself, or the number that [`Positivity`] maps to it.
    trained: Option<Param<Tensor<B, 1>>>,
    #[module(skip)]
    config: ParameterConfig,
    /// Whether the parameter has to stay positive.
    positive: bool,
}

impl<B: Backend> ModuleParameter<B> {
    pub(super) fn new(parameter: &Parameter, config: ParameterConfig, units: usize, device: &B::Device) -> Self {
        let positive = parameter.domain.is_positive();
        let value = config.value;
        let start = match config.positivity {
            _ if !positive => value,
            Positivity::Exponential => value.ln(),
            // ln(eᵛ − 1) = v + ln(1 − e⁻ᵛ), which neither overflows nor cancels.
            Positivity::Softplus => value + (-(-value).exp_m1()).ln(),
        };
        let filled = |count| Some(Param::from_tensor(Tensor::full([count], start, device)));
        let trained = match config.learning {
            Learning::Fixed => None,
            Learning::PerLayer => filled(1),
            Learning::PerUnit => filled(units),
        };
        Self { trained, config, positive }
    }

    /// The description this parameter was made from.
    #[must_use]
    pub fn config(&self) -> ParameterConfig {
        self.config
    }

    /// The values of a learnt parameter, `[1]` or `[units]`; `None` for a fixed one.
    #[must_use]
    pub fn learnt(&self) -> Option<Tensor<B, 1>>
    where
        B: ActivationBackend,
    {
        let trained = self.trained.as_ref()?.val();
        Some(match self.config.positivity {
            _ if !self.positive => trained,
            Positivity::Exponential => trained.exp(),
            Positivity::Softplus => activation(trained, ActivationConfig::from(SoftplusConfig::default()).curve()),
        })
    }
}

/// Applies the formula of `kind` with `parameters` in its order.
pub(super) fn apply<B: ActivationBackend, const D: usize>(
    x: Tensor<B, D>,
    kind: &Kind,
    parameters: &[ModuleParameter<B>],
) -> Tensor<B, D> {
    if kind.formula == Formula::Identity {
        return x;
    }
    let learnt: Vec<_> = parameters.iter().map(ModuleParameter::learnt).collect();
    let Some(units) = learnt.iter().flatten().map(|values| values.dims()[0]).max() else {
        return activation(x, curve(kind, parameters.iter().map(|parameter| parameter.config)));
    };
    let device = x.device();
    let options = (&device, x.dtype());
    let rows = learnt.into_iter().zip(parameters).map(|(learnt, parameter)| match learnt {
        Some(values) => values.unsqueeze::<2>().expand([1, units]),
        None => Tensor::full([1, units], parameter.config.value, options),
    });
    activation_with(x, Tensor::cat(rows.collect(), 0), kind.formula)
}

/// The curve of `kind` with the parameters at their configured values.
pub(crate) fn curve(kind: &Kind, parameters: impl Iterator<Item = ParameterConfig>) -> Curve {
    let values: Vec<f64> = parameters.map(|parameter| parameter.value).collect();
    Curve::new(kind.formula, &values).expect("a kind has one parameter for each of its formula")
}
