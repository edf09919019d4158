//! Any activation of the crate, as one module.

use burn::module::{Content, Module, ModuleDisplay};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::{Identity, Relu, Smelu};
use crate::config::ActivationConfig;
use crate::op::ActivationBackend;

/// Any activation of the crate, chosen at run time by its [`ActivationConfig`].
///
/// ```
/// use burn::backend::Flex;
/// use burn::tensor::Tensor;
/// use smelu::ActivationConfig;
///
/// let device = Default::default();
/// let activation = "SmeLU(beta=1)".parse::<ActivationConfig>()?.init::<Flex>(3, &device);
/// let y = activation.forward(Tensor::<Flex, 2>::from_floats([[-1.0, 0.0, 1.0]], &device));
/// assert_eq!(y.into_data().to_vec::<f32>().unwrap(), [0.0, 0.25, 1.0]);
/// assert_eq!(activation.to_string(), "SmeLU(beta=1)");
/// # Ok::<(), smelu::ActivationError>(())
/// ```
#[derive(Module, Debug)]
#[module(custom_display)]
#[non_exhaustive]
pub enum Activation<B: Backend> {
    /// ReLU with a smooth transition.
    Smelu(Smelu<B>),
    /// `max(x, 0)`.
    Relu(Relu),
    /// `x`.
    Identity(Identity),
}

impl<B: Backend> Activation<B> {
    pub(crate) fn new(config: &ActivationConfig, _units: usize, _device: &B::Device) -> Self {
        match config {
            ActivationConfig::Smelu(config) => Self::Smelu(config.init()),
            ActivationConfig::Relu => Self::Relu(Relu),
            ActivationConfig::Identity => Self::Identity(Identity),
        }
    }

    /// The description this module was made from.
    #[must_use]
    pub fn config(&self) -> ActivationConfig {
        match self {
            Self::Smelu(module) => ActivationConfig::Smelu(module.config()),
            Self::Relu(_) => ActivationConfig::Relu,
            Self::Identity(_) => ActivationConfig::Identity,
        }
    }

    /// Applies the activation to every element of `x` (`[…, units]`); the shape stays.
    #[must_use]
    pub fn forward<const D: usize>(&self, x: Tensor<B, D>) -> Tensor<B, D>
    where
        B: ActivationBackend,
    {
        match self {
            Self::Smelu(module) => module.forward(x),
            Self::Relu(module) => module.forward(x),
            Self::Identity(module) => module.forward(x),
        }
    }
}

impl<B: Backend> ModuleDisplay for Activation<B> {
    fn custom_content(&self, content: Content) -> Option<Content> {
        content.add_formatted(&self.config()).optional()
    }
}
