//! Any activation of the crate, as one module.

use burn::module::{Content, Module, ModuleDisplay};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::{
    Cascade1, Cascade2, Cascade3, Cascade4, Celu, Elu, GSmelu, Gelu, GeluTanh, Identity, LeakyRelu, LeakySmelu,
    LongCascade, MeanFreeSmelu, Mish, PRelu, Relu, RescuCosine, RescuQuintic, RescuSmoothstep, Selu, Smelu, Softplus,
    SquarePlus, Swish, TanhExp, with_every_activation,
};
use crate::config::ActivationConfig;
use crate::op::ActivationBackend;

macro_rules! define {
    ([$($Parametric:ident($Config:ident),)+] [$($Plain:ident,)+]) => {
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
            $(
                #[doc = concat!("[`", stringify!($Parametric), "`].")]
                $Parametric($Parametric<B>),
            )+
            $(
                #[doc = concat!("[`", stringify!($Plain), "`].")]
                $Plain($Plain),
            )+
            /// [`LongCascade`].
            LongCascade(LongCascade<B>),
        }

        impl<B: Backend> Activation<B> {
            pub(crate) fn new(config: &ActivationConfig, units: usize, device: &B::Device) -> Self {
                match config {
                    $(ActivationConfig::$Parametric(config) => Self::$Parametric(config.init(units, device)),)+
                    $(ActivationConfig::$Plain => Self::$Plain($Plain),)+
                    ActivationConfig::LongCascade(config) => Self::LongCascade(config.init(units, device)),
                }
            }

            /// The description this module was made from.
            #[must_use]
            pub fn config(&self) -> ActivationConfig {
                match self {
                    $(Self::$Parametric(module) => ActivationConfig::$Parametric(module.config()),)+
                    $(Self::$Plain(_) => ActivationConfig::$Plain,)+
                    Self::LongCascade(module) => ActivationConfig::LongCascade(module.config()),
                }
            }

            /// Applies the activation to every element of `x` (`[…, units]`); the shape stays.
            #[must_use]
            pub fn forward<const D: usize>(&self, x: Tensor<B, D>) -> Tensor<B, D>
            where
                B: ActivationBackend,
            {
                match self {
                    $(Self::$Parametric(module) => module.forward(x),)+
                    $(Self::$Plain(module) => module.forward(x),)+
                    Self::LongCascade(module) => module.forward(x),
                }
            }
        }
    };
}

with_every_activation!(define);

impl<B: Backend> ModuleDisplay for Activation<B> {
    fn custom_content(&self, content: Content) -> Option<Content> {
        content.add_formatted(&self.config()).optional()
    }
}
