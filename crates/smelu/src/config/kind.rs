//! What is known of an activation before its parameters are.

use super::parameter::{Domain, Parameter, ParameterConfig};
use super::text::nearest;
use super::{ActivationConfig, ActivationError};
use crate::op::Formula;

/// A row of the table of activations.
#[derive(Debug)]
pub(crate) struct Kind {
    /// The name in the text of a config.
    pub(crate) name: &'static str,
    /// The formula.
    pub(crate) formula: Formula,
    /// The parameters, in the order of the formula.
    pub(crate) parameters: &'static [Parameter],
}

impl Kind {
    /// The activation called `name`, in any case.
    pub(super) fn named(name: &str) -> Result<&'static Self, ActivationError> {
        // The established name of Swish with its default parameter.
        let name = if name.eq_ignore_ascii_case("SiLU") { "Swish" } else { name };
        ActivationConfig::kinds().find(|kind| kind.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
            let names = || ActivationConfig::kinds().map(|kind| kind.name);
            ActivationError::UnknownActivation {
                name: name.to_owned(),
                nearest: nearest(name, names()).unwrap_or_default(),
                known: names().collect::<Vec<_>>().join(", "),
            }
        })
    }

    /// Where the parameter called `name` stands.
    pub(super) fn position_of(&self, name: &str) -> Result<usize, ActivationError> {
        self.parameters.iter().position(|known| known.name == name).ok_or_else(|| ActivationError::UnknownParameter {
            activation: self.name,
            parameter: name.to_owned(),
            hint: nearest(name, self.parameters.iter().map(|known| known.name))
                .map_or_else(|| "it takes none".to_owned(), |name| format!("did you mean {name:?}?")),
        })
    }

    /// Of `items`, one for each parameter, that of the parameter called `name`.
    pub(crate) fn of<'a, T>(&self, items: &'a [T], name: &str) -> &'a T {
        let mut known = items.iter().zip(self.parameters);
        known.find_map(|(item, known)| (known.name == name).then_some(item)).expect("the table names every parameter")
    }

    /// `configs`, one for each parameter, if each may be so and they go together.
    pub(crate) fn check<C: AsMut<[ParameterConfig]>>(&self, mut configs: C) -> Result<C, ActivationError> {
        let checked = configs.as_mut();
        for (config, parameter) in checked.iter_mut().zip(self.parameters) {
            *config = parameter.check(self.name, *config)?;
        }
        self.check_order(checked)?;
        Ok(configs)
    }

    /// The regions of a cascade follow one another: lo₁ <= hi₁ <= lo₂ …
    pub(super) fn check_order(&self, configs: &[ParameterConfig]) -> Result<(), ActivationError> {
        let Some(regions) = self.formula.regions() else { return Ok(()) };
        let bounds = (0..regions).flat_map(|k| [k, regions + k]);
        for (low, high) in bounds.clone().zip(bounds.skip(1)) {
            if configs[low].value > configs[high].value {
                let problem = format!(
                    "{} = {} lies above {} = {}; expected lo1 <= hi1 <= lo2 and so on",
                    self.parameters[low].name, configs[low].value, self.parameters[high].name, configs[high].value
                );
                return Err(ActivationError::Inconsistent { activation: self.name, problem });
            }
        }
        Ok(())
    }
}

/// A parameter's row in the table.
pub(crate) const fn parameter(name: &'static str, domain: Domain, default: ParameterConfig) -> Parameter {
    Parameter { name, default, domain }
}
