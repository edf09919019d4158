//! In which format the matrix products of linear layers are computed.
use serde::{Deserialize, Serialize};

/// The format of the factors and of the result of a linear layer's products, forward and backward.
///
/// Parameters, optimiser state, embedding tables and everything between the products stay in `f32`.
/// Source: Kalamkar et al. 2019, "A Study of BFLOAT16 for Deep Learning Training", arXiv 1905.12322, section 3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// 24 significant bits.
    #[default]
    F32,
    /// TF32: the range of `f32` with 11 significant bits. Factors are rounded to it, products of them are summed in `f32`. A backend on the host
    /// rounds and multiplies in `f32`: the numbers, without the speed, of a device with such units (NVIDIA's, from Ampere on).
    Tf32,
    /// bfloat16: the range of `f32` with 8 significant bits. Factors are rounded to it, products of them are summed in `f32`, and the sum is
    /// rounded to it. A backend on the host rounds and multiplies in `f32`: the numbers, without the speed, of a device with such units.
    Bf16,
}

impl Precision {
    /// The name that a configuration has for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Tf32 => "tf32",
            Self::Bf16 => "bf16",
        }
    }

    /// Whether nothing else is asked for.
    #[must_use]
    pub fn is_f32(&self) -> bool {
        *self == Self::F32
    }
}
