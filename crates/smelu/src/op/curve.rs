//! Which activation an operation applies.

use burn::tensor::DType;

use super::regions::Regions;
use crate::scalar::{LongCascade, Parameters, Real, ScalarActivation};

/// The formula of an activation, its parameters left open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Formula {
    /// [`scalar::Identity`](crate::scalar::Identity).
    Identity,
    /// [`scalar::Relu`](crate::scalar::Relu).
    Relu,
    /// [`scalar::Smelu`](crate::scalar::Smelu): β.
    Smelu,
    /// [`scalar::LeakySmelu`](crate::scalar::LeakySmelu): β, g.
    LeakySmelu,
    /// [`scalar::MeanFreeSmelu`](crate::scalar::MeanFreeSmelu): β.
    MeanFreeSmelu,
    /// [`scalar::GSmelu`](crate::scalar::GSmelu): α, β, g₋, g₊, t.
    GSmelu,
    /// [`scalar::Rescu`](crate::scalar::Rescu) with [`Smoothstep`](crate::scalar::Smoothstep): as gSmeLU.
    RescuSmoothstep,
    /// [`scalar::Rescu`](crate::scalar::Rescu) with [`Cosine`](crate::scalar::Cosine): as gSmeLU.
    RescuCosine,
    /// [`scalar::Rescu`](crate::scalar::Rescu) with [`Quintic`](crate::scalar::Quintic): as gSmeLU.
    RescuQuintic,
    /// [`scalar::Cascade`](crate::scalar::Cascade) of 1 region: lo, hi, g₀, g₁, t.
    Cascade1,
    /// [`scalar::Cascade`](crate::scalar::Cascade) of 2 regions.
    Cascade2,
    /// [`scalar::Cascade`](crate::scalar::Cascade) of 3 regions.
    Cascade3,
    /// [`scalar::Cascade`](crate::scalar::Cascade) of 4 regions.
    Cascade4,
    /// [`scalar::LongCascade`](crate::scalar::LongCascade) of 5 to 16 regions.
    LongCascade(Regions),
    /// [`scalar::LeakyRelu`](crate::scalar::LeakyRelu): s.
    LeakyRelu,
    /// [`scalar::Softplus`](crate::scalar::Softplus): b.
    Softplus,
    /// [`scalar::Swish`](crate::scalar::Swish): b.
    Swish,
    /// [`scalar::Gelu`](crate::scalar::Gelu): b.
    Gelu,
    /// [`scalar::GeluTanh`](crate::scalar::GeluTanh).
    GeluTanh,
    /// [`scalar::Mish`](crate::scalar::Mish): b.
    Mish,
    /// [`scalar::TanhExp`](crate::scalar::TanhExp): b.
    TanhExp,
    /// [`scalar::Elu`](crate::scalar::Elu): a.
    Elu,
    /// [`scalar::Celu`](crate::scalar::Celu): a.
    Celu,
    /// [`scalar::Selu`](crate::scalar::Selu).
    Selu,
    /// [`scalar::SquarePlus`](crate::scalar::SquarePlus): b.
    SquarePlus,
}

/// Evaluates `$body` with the type `$Activation` standing for the scalar definition of `$formula` over the number type
/// `$real`; for a cascade of many `$regions`, whose definition is one type for any number of them, `$long`.
///
/// The one place where a formula chosen at run time becomes a type, so that each kernel is compiled once per activation
/// and no element pays for the choice.
macro_rules! with_scalar {
    ($formula:expr, $real:ty, |$Activation:ident| $body:expr, |$regions:pat_param| $long:expr) => {
        $crate::op::curve::with_scalar!(@ $formula, $real, $Activation, $body, $regions, $long,
            Identity => $crate::scalar::Identity,
            Relu => $crate::scalar::Relu,
            Smelu => $crate::scalar::Smelu<$real>,
            LeakySmelu => $crate::scalar::LeakySmelu<$real>,
            MeanFreeSmelu => $crate::scalar::MeanFreeSmelu<$real>,
            GSmelu => $crate::scalar::GSmelu<$real>,
            RescuSmoothstep => $crate::scalar::Rescu<$real, $crate::scalar::Smoothstep>,
            RescuCosine => $crate::scalar::Rescu<$real, $crate::scalar::Cosine>,
            RescuQuintic => $crate::scalar::Rescu<$real, $crate::scalar::Quintic>,
            Cascade1 => $crate::scalar::Cascade<$real, 1>,
            Cascade2 => $crate::scalar::Cascade<$real, 2>,
            Cascade3 => $crate::scalar::Cascade<$real, 3>,
            Cascade4 => $crate::scalar::Cascade<$real, 4>,
            LeakyRelu => $crate::scalar::LeakyRelu<$real>,
            Softplus => $crate::scalar::Softplus<$real>,
            Swish => $crate::scalar::Swish<$real>,
            Gelu => $crate::scalar::Gelu<$real>,
            GeluTanh => $crate::scalar::GeluTanh,
            Mish => $crate::scalar::Mish<$real>,
            TanhExp => $crate::scalar::TanhExp<$real>,
            Elu => $crate::scalar::Elu<$real>,
            Celu => $crate::scalar::Celu<$real>,
            Selu => $crate::scalar::Selu,
            SquarePlus => $crate::scalar::SquarePlus<$real>,
        )
    };
    (
        @ $formula:expr, $real:ty, $Activation:ident, $body:expr, $regions:pat_param, $long:expr,
        $($name:ident => $type:ty),* $(,)?
    ) => {
        match $formula {
            $crate::op::Formula::LongCascade($regions) => $long,
            $($crate::op::Formula::$name => {
                type $Activation = $type;
                $body
            })*
        }
    };
}
pub(crate) use with_scalar;

impl Formula {
    /// How many parameters the formula has.
    #[must_use]
    pub fn parameters(self) -> usize {
        with_scalar!(self, f64, |A| <<A as ScalarActivation<f64>>::Parameters as Parameters<f64>>::COUNT, |regions| {
            regions.parameters()
        })
    }

    /// The cascade of `regions` regions, from 1 to 16; `None` for another number.
    #[must_use]
    pub fn cascade(regions: usize) -> Option<Self> {
        match regions {
            1 => Some(Self::Cascade1),
            2 => Some(Self::Cascade2),
            3 => Some(Self::Cascade3),
            4 => Some(Self::Cascade4),
            _ => Regions::new(regions).map(Self::LongCascade),
        }
    }

    /// How many regions a cascade has; `None` for another formula.
    #[must_use]
    pub fn regions(self) -> Option<usize> {
        match self {
            Self::Cascade1 => Some(1),
            Self::Cascade2 => Some(2),
            Self::Cascade3 => Some(3),
            Self::Cascade4 => Some(4),
            Self::LongCascade(regions) => Some(regions.get()),
            _ => None,
        }
    }
}

/// A formula with its parameters fixed, as the operations of a backend receive it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Curve {
    formula: Formula,
    /// Those of the formula, then zeros.
    parameters: [f64; Regions::MOST_PARAMETERS],
}

impl Curve {
    /// The curve of `formula` with `parameters` in the order of the formula; `None` if their number is another one.
    ///
    /// The ranges are not checked here: an [`ActivationConfig`](crate::ActivationConfig) does that.
    #[must_use]
    pub fn new(formula: Formula, parameters: &[f64]) -> Option<Self> {
        if parameters.len() != formula.parameters() {
            return None;
        }
        let mut all = [0.0; Regions::MOST_PARAMETERS];
        all[..parameters.len()].copy_from_slice(parameters);
        Some(Self { formula, parameters: all })
    }

    /// SmeLU of half-width `beta`: finite, not negative.
    #[must_use]
    pub fn smelu(beta: f64) -> Self {
        Self::first(Formula::Smelu, beta)
    }

    /// ReLU.
    #[must_use]
    pub fn relu() -> Self {
        Self::first(Formula::Relu, 0.0)
    }

    fn first(formula: Formula, parameter: f64) -> Self {
        let mut parameters = [0.0; Regions::MOST_PARAMETERS];
        parameters[0] = parameter;
        Self { formula, parameters }
    }

    /// The formula.
    #[must_use]
    pub fn formula(&self) -> Formula {
        self.formula
    }

    /// The parameters, in the order of the formula.
    #[must_use]
    pub fn parameters(&self) -> &[f64] {
        &self.parameters[..self.formula.parameters()]
    }

    /// The half-width β with which [`Smelu::slope_from_value`](crate::scalar::Smelu::slope_from_value) gives the slope of this curve from its value, as exactly as
    /// the input does, in tensors of `dtype`; β = 0 stands for ReLU.
    ///
    /// `None` in half precision, where the value is rounded to 11 bits or fewer, and for widths whose squares underflow.
    pub(crate) fn half_width_from_value(&self, dtype: DType) -> Option<f64> {
        let beta = match self.formula {
            Formula::Relu => 0.0,
            Formula::Smelu => self.parameters[0],
            _ => return None,
        };
        let exact = matches!(dtype, DType::F32 | DType::F64) && (beta == 0.0 || (1e-30..=1e30).contains(&beta));
        exact.then_some(beta)
    }

    /// The scalar definition over the number type `T`, of a formula that has a type of its own.
    #[inline]
    pub(crate) fn scalar<T: Real, A: ScalarActivation<T>>(&self) -> A {
        A::from_parameters(A::Parameters::from_fn(|i| T::constant(self.parameters[i])))
    }

    /// The parameters over the number type `T`.
    pub(crate) fn numbers<T: Real>(&self) -> Vec<T> {
        self.parameters().iter().map(|parameter| T::constant(*parameter)).collect()
    }

    /// The scalar definition of a cascade of many regions.
    fn long(&self) -> LongCascade<'_, f64> {
        LongCascade::new(self.parameters()).expect("the formula has as many parameters")
    }

    /// `f(x)` in double precision.
    #[must_use]
    pub fn value(&self, x: f64) -> f64 {
        with_scalar!(self.formula, f64, |A| self.scalar::<f64, A>().value(x), |_| self.long().value(x))
    }

    /// `df/dx` in double precision.
    #[must_use]
    pub fn slope(&self, x: f64) -> f64 {
        with_scalar!(self.formula, f64, |A| self.scalar::<f64, A>().slope(x), |_| self.long().slope(x))
    }

    /// The derivative with respect to each parameter, in double precision.
    #[must_use]
    pub fn parameter_slopes(&self, x: f64) -> Vec<f64> {
        with_scalar!(self.formula, f64, |A| self.scalar::<f64, A>().parameter_slopes(x).as_ref().to_vec(), |regions| {
            let mut slopes = vec![0.0; regions.parameters()];
            self.long().parameter_slopes(x, |p, slope| slopes[p] = slope);
            slopes
        })
    }
}
