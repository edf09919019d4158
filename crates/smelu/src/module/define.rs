//! The one definition of what an activation's config and module consist of.

/// Defines the config and the module of an activation with parameters.
///
/// The parameters stand in the order of the formula, each with its domain and its default.
macro_rules! parametric {
    (
        $(#[$doc:meta])*
        $Module:ident, $Config:ident, $name:literal, $formula:ident {
            $($(#[$of_parameter:meta])* $parameter:ident: $domain:ident = $default:literal $(@ $learning:ident)?),+ $(,)?
        }
    ) => {
        #[doc = concat!("The description of a [`", stringify!($Module), "`] module, in a text `", $name, "(…)`.")]
        #[derive(Debug, Clone, PartialEq)]
        pub struct $Config {
            $($parameter: ParameterConfig,)+
        }

        impl $Config {
            const COUNT: usize = [$(stringify!($parameter)),+].len();

            pub(crate) const KIND: &'static Kind = &Kind {
                name: $name,
                formula: Formula::$formula,
                parameters: &[$(parameter(
                    stringify!($parameter),
                    Domain::$domain,
                    parametric!(@ $default $(, $learning)?),
                )),+],
            };

            #[doc = concat!("A `", $name, "` with these parameters; a number alone is a fixed one.")]
            ///
            /// # Errors
            ///
            /// A parameter is not finite or out of its range.
            #[allow(clippy::too_many_arguments, reason = "one for each parameter of the formula, in its order")]
            pub fn new($($parameter: impl Into<ParameterConfig>),+) -> Result<Self, ActivationError> {
                Ok(Self::from_checked(Self::KIND.check([$($parameter.into()),+])?))
            }

            pub(crate) fn from_checked([$($parameter),+]: [ParameterConfig; Self::COUNT]) -> Self {
                Self { $($parameter),+ }
            }

            $($(#[$of_parameter])*
            #[must_use]
            pub fn $parameter(&self) -> ParameterConfig {
                self.$parameter
            })+

            pub(crate) fn parameters(&self) -> Vec<ParameterConfig> {
                vec![$(self.$parameter),+]
            }

            /// The module for layers of `units` outputs.
            #[must_use]
            pub fn init<B: Backend>(&self, units: usize, device: &B::Device) -> $Module<B> {
                let known = Self::KIND.parameters.iter().zip(self.parameters());
                let parameter = |(known, config)| ModuleParameter::new(known, config, units, device);
                $Module { parameters: known.map(parameter).collect() }
            }
        }

        impl Default for $Config {
            fn default() -> Self {
                Self { $($parameter: parametric!(@ $default $(, $learning)?)),+ }
            }
        }

        impl From<$Config> for ActivationConfig {
            fn from(config: $Config) -> Self {
                Self::$Module(config)
            }
        }

        $(#[$doc])*
        ///
        /// # Shapes
        ///
        /// `[…, units]` to `[…, units]`, any rank. Where no parameter is learnt per unit the last axis may have any size.
        #[derive(Module, Debug)]
        #[module(custom_display)]
        pub struct $Module<B: Backend> {
            parameters: Vec<ModuleParameter<B>>,
        }

        impl<B: Backend> $Module<B> {
            /// The description this module was made from.
            #[must_use]
            pub fn config(&self) -> $Config {
                $Config { $($parameter: self.$parameter().config()),+ }
            }

            $($(#[$of_parameter])*
            #[must_use]
            pub fn $parameter(&self) -> &ModuleParameter<B> {
                $Config::KIND.of(&self.parameters, stringify!($parameter))
            })+

            /// Applies the activation to every element; the shape stays.
            #[must_use]
            pub fn forward<const D: usize>(&self, x: Tensor<B, D>) -> Tensor<B, D>
            where
                B: ActivationBackend,
            {
                apply(x, $Config::KIND, &self.parameters)
            }
        }

        impl<B: Backend> ModuleDisplay for $Module<B> {
            fn custom_content(&self, content: Content) -> Option<Content> {
                content.add_formatted(&ActivationConfig::from(self.config())).optional()
            }
        }
    };
    (@ $default:literal) => { ParameterConfig::new($default, Learning::Fixed) };
    (@ $default:literal, $learning:ident) => { ParameterConfig::new($default, Learning::$learning) };
}

/// Defines the module of an activation without parameters.
macro_rules! plain {
    ($(#[$doc:meta])* $Module:ident, $name:literal) => {
        $(#[$doc])*
        ///
        /// # Shapes
        ///
        /// `[…]` to `[…]`, any rank.
        #[derive(Module, Clone, Debug, Default)]
        #[module(custom_display)]
        pub struct $Module;

        impl $Module {
            pub(crate) const KIND: &'static Kind =
                &Kind { name: $name, formula: Formula::$Module, parameters: &[] };

            /// Applies the activation to every element; the shape stays.
            #[must_use]
            pub fn forward<B: ActivationBackend, const D: usize>(&self, x: Tensor<B, D>) -> Tensor<B, D> {
                apply(x, Self::KIND, &[])
            }
        }

        impl ModuleDisplay for $Module {
            fn custom_content(&self, content: Content) -> Option<Content> {
                content.add_formatted(&ActivationConfig::$Module).optional()
            }
        }
    };
}

/// Everything the definitions name.
macro_rules! imports {
    () => {
        use burn::module::{Content, Module, ModuleDisplay};
        use burn::tensor::Tensor;
        #[allow(unused_imports, reason = "only activations with parameters are generic over the backend")]
        use burn::tensor::backend::Backend;

        #[allow(unused_imports, reason = "only activations with parameters name all of them")]
        use crate::config::{ActivationConfig, ActivationError, Domain, Kind, Learning, ParameterConfig, parameter};
        #[allow(unused_imports, reason = "only activations with parameters have one")]
        use crate::module::parameter::{ModuleParameter, apply};
        use crate::op::{ActivationBackend, Formula};
    };
}

pub(super) use {imports, parametric, plain};
