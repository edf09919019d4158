//! Keys that many models share.

/// Defines the keys of a model: its own, then those of a perceptron, which stand beside them in `[model]`.
///
/// `empty` says in the documentation what `hidden_units = []` means for the model.
macro_rules! with_perceptron {
    (
        $(#[$doc:meta])*
        $Config:ident(empty = $empty:literal) {
            $($(#[$of_key:meta])* $key:ident: $Type:ty,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $Config {
            $($(#[$of_key])* pub $key: $Type,)*
            #[doc = concat!("Width of each hidden layer, in units, from input to output; ", $empty, ". Required.")]
            pub hidden_units: Vec<usize>,
            /// The activation wherever the model has one. Default `"ReLU"`.
            #[serde(default = "crate::mlp::relu")]
            pub activation: smelu::ActivationConfig,
            /// Batch normalisation between each hidden linear layer and its activation. Default `false`.
            #[serde(default)]
            pub batch_norm: bool,
            /// Probability that a hidden unit is dropped in a training step, in [0, 1). Default `0.0`.
            #[serde(default)]
            pub dropout: f64,
            /// How the weights start: `"xavier"` or `"auto"`. Default `"xavier"`.
            #[serde(default)]
            pub init: crate::mlp::WeightInit,
        }

        impl $Config {
            /// The perceptron.
            #[must_use]
            pub fn mlp(&self) -> crate::mlp::MlpConfig {
                crate::mlp::MlpConfig {
                    hidden_units: self.hidden_units.clone(),
                    activation: self.activation.clone(),
                    batch_norm: self.batch_norm,
                    dropout: self.dropout,
                    init: self.init,
                }
            }
        }
    };
}

pub(super) use with_perceptron;

/// A default of `true`.
pub(super) fn yes() -> bool {
    true
}

/// A default of 2.
pub(super) fn two() -> f64 {
    2.0
}
