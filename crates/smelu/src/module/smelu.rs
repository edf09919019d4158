//! The SmeLU module.

use core::marker::PhantomData;

use burn::module::{Content, Module, ModuleDisplay};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use crate::config::{ActivationConfig, ActivationError, Domain, Parameter};
use crate::op::{ActivationBackend, Curve, activation};

/// The description of a [`Smelu`] module.
#[derive(Debug, Clone, PartialEq)]
pub struct SmeluConfig {
    beta: f64,
}

impl SmeluConfig {
    pub(crate) const NAME: &str = "SmeLU";
    pub(crate) const BETA: Parameter = Parameter { name: "beta", default: 0.5, domain: Domain::NotNegative };

    /// SmeLU of half-width `beta`, in units of the input.
    ///
    /// # Errors
    ///
    /// `beta` is not finite, negative, or above 10³⁰.
    pub fn new(beta: f64) -> Result<Self, ActivationError> {
        Ok(Self::from_checked(Self::BETA.check(Self::NAME, beta)?))
    }

    pub(crate) fn from_checked(beta: f64) -> Self {
        Self { beta }
    }

    /// The half-width of the transition region.
    #[must_use]
    pub fn beta(&self) -> f64 {
        self.beta
    }

    /// The module.
    #[must_use]
    pub fn init<B: Backend>(&self) -> Smelu<B> {
        Smelu { beta: self.beta, backend: PhantomData }
    }
}

impl Default for SmeluConfig {
    /// β = 0.5.
    fn default() -> Self {
        Self::from_checked(Self::BETA.default)
    }
}

/// SmeLU: ReLU with a quadratic of half-width β in place of the kink.
///
/// # Formula
///
/// ```text
/// m = clamp((x + β) / (2β), 0, 1)
/// f(x) = x for x >= β, β·m² below
/// ```
///
/// # Gradient
///
/// `df/dx = m`, hand-written: one pass over memory, fused with the upstream gradient.
///
/// # Shapes
///
/// `[…]` to `[…]`, any rank.
///
/// # Edge cases
///
/// β = 0 is ReLU; NaN gives NaN in the value and in the gradient; +∞ gives +∞, −∞ gives 0.
///
/// # Reference
///
/// Shamir & Lin 2022, arXiv 2202.06499, Eq. 7.
///
/// ```
/// use burn::backend::Flex;
/// use burn::tensor::Tensor;
/// use smelu::SmeluConfig;
///
/// let device = Default::default();
/// let smelu = SmeluConfig::new(1.0)?.init::<Flex>();
/// let y = smelu.forward(Tensor::<Flex, 1>::from_floats([-2.0, 0.0, 2.0], &device));
/// assert_eq!(y.into_data().to_vec::<f32>().unwrap(), [0.0, 0.25, 2.0]);
/// # Ok::<(), smelu::ActivationError>(())
/// ```
#[derive(Module, Debug)]
#[module(custom_display)]
pub struct Smelu<B: Backend> {
    beta: f64,
    backend: PhantomData<B>,
}

impl<B: Backend> Smelu<B> {
    /// The description this module was made from.
    #[must_use]
    pub fn config(&self) -> SmeluConfig {
        SmeluConfig::from_checked(self.beta)
    }

    /// Applies the activation to every element; the shape stays.
    #[must_use]
    pub fn forward<const D: usize>(&self, x: Tensor<B, D>) -> Tensor<B, D>
    where
        B: ActivationBackend,
    {
        activation(x, Curve::Smelu { beta: self.beta })
    }
}

impl<B: Backend> ModuleDisplay for Smelu<B> {
    fn custom_content(&self, content: Content) -> Option<Content> {
        content.add_formatted(&ActivationConfig::Smelu(self.config())).optional()
    }
}
