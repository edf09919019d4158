//! Smooth activations for [Burn](https://burn.dev), with hand-written backward passes.
//!
//! - [`ActivationConfig`] is the text in a config or a log, `SmeLU(beta=0.5)`; [`Activation`] the module made from it.
//! - [`scalar`] holds the definitions, value and slope side by side; in `f64` they are the oracle.
//! - [`op`] applies them to tensors: [`ActivationBackend`] is the one extension trait, with single-pass kernels on the
//!   CPU and CubeCL backends, a composed reference for all others, and one backward pass in the autodiff decorator.

// The readme's example is tested with the documentation.
#[cfg(all(doctest, feature = "flex"))]
#[doc = include_str!("../README.md")]
struct Readme;

mod config;
mod module;
pub mod op;
pub mod scalar;

pub use config::{ActivationConfig, ActivationError, Gain, Learning, ParameterConfig, Positivity};
pub use module::{
    Activation, Cascade1, Cascade1Config, Cascade2, Cascade2Config, Cascade3, Cascade3Config, Cascade4, Cascade4Config,
    Celu, CeluConfig, Elu, EluConfig, GSmelu, GSmeluConfig, Gelu, GeluConfig, GeluTanh, Identity, LeakyRelu,
    LeakyReluConfig, LeakySmelu, LeakySmeluConfig, LongCascade, LongCascadeConfig, MeanFreeSmelu, MeanFreeSmeluConfig,
    Mish, MishConfig, ModuleParameter, PRelu, PReluConfig, Relu, RescuCosine, RescuCosineConfig, RescuQuintic,
    RescuQuinticConfig, RescuSmoothstep, RescuSmoothstepConfig, Selu, Smelu, SmeluConfig, Softplus, SoftplusConfig,
    SquarePlus, SquarePlusConfig, Swish, SwishConfig, TanhExp, TanhExpConfig,
};
pub use op::ActivationBackend;
