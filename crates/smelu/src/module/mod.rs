//! The activations as Burn modules.

mod activation;
mod cascade;
mod define;
mod exponential;
mod long_cascade;
mod parameter;
mod rectifier;
mod rescu;
mod smelu;
mod square_plus;

pub use activation::Activation;
pub use cascade::{
    Cascade1, Cascade1Config, Cascade2, Cascade2Config, Cascade3, Cascade3Config, Cascade4, Cascade4Config,
};
pub use exponential::{
    Celu, CeluConfig, Elu, EluConfig, Gelu, GeluConfig, GeluTanh, Mish, MishConfig, Selu, Softplus, SoftplusConfig,
    Swish, SwishConfig, TanhExp, TanhExpConfig,
};
pub use long_cascade::{LongCascade, LongCascadeConfig};
pub use parameter::ModuleParameter;
pub(crate) use parameter::curve;
pub use rectifier::{Identity, LeakyRelu, LeakyReluConfig, PRelu, PReluConfig, Relu};
pub use rescu::{
    RescuCosine, RescuCosineConfig, RescuQuintic, RescuQuinticConfig, RescuSmoothstep, RescuSmoothstepConfig,
};
pub use smelu::{
    GSmelu, GSmeluConfig, LeakySmelu, LeakySmeluConfig, MeanFreeSmelu, MeanFreeSmeluConfig, Smelu, SmeluConfig,
};
pub use square_plus::{SquarePlus, SquarePlusConfig};

/// Expands `$then!` with the list of activations: those with parameters, each with its config, and those without. Missing is
/// [`LongCascade`] alone, one type for what are several kinds in a config.
macro_rules! with_every_activation {
    ($then:ident) => {
        $then! {
            [
                Smelu(SmeluConfig),
                LeakySmelu(LeakySmeluConfig),
                MeanFreeSmelu(MeanFreeSmeluConfig),
                GSmelu(GSmeluConfig),
                RescuSmoothstep(RescuSmoothstepConfig),
                RescuCosine(RescuCosineConfig),
                RescuQuintic(RescuQuinticConfig),
                Cascade1(Cascade1Config),
                Cascade2(Cascade2Config),
                Cascade3(Cascade3Config),
                Cascade4(Cascade4Config),
                LeakyRelu(LeakyReluConfig),
                PRelu(PReluConfig),
                Softplus(SoftplusConfig),
                Swish(SwishConfig),
                Gelu(GeluConfig),
                Mish(MishConfig),
                TanhExp(TanhExpConfig),
                Elu(EluConfig),
                Celu(CeluConfig),
                SquarePlus(SquarePlusConfig),
            ]
            [
                Relu,
                Identity,
                GeluTanh,
                Selu,
            ]
        }
    };
}
pub(crate) use with_every_activation;
