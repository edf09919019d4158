//! Many lines, joined one after another.

use super::define::imports;
use crate::config::Parameter;
use crate::op::Regions;

imports!();

/// The description of a [`LongCascade`] module, in a text `Cascade5(…)` to `Cascade16(…)`.
#[derive(Debug, Clone, PartialEq)]
pub struct LongCascadeConfig {
    /// lo₁ … `lo_K`, hi₁ … `hi_K`, g₀ … `g_K`, t.
    parameters: Vec<ParameterConfig>,
}

impl LongCascadeConfig {
    /// A cascade with K regions from `begins` to `ends`, with lines of `slopes` before, between and behind them, and the
    /// value `t` at the first begin; a number alone is fixed.
    ///
    /// ```
    /// use smelu::{ActivationConfig, LongCascadeConfig, ParameterConfig};
    ///
    /// let fixed = |numbers: &[f64]| numbers.iter().map(|number| ParameterConfig::from(*number)).collect::<Vec<_>>();
    /// let begins = fixed(&[-2.0, -1.0, 0.0, 1.0, 2.0]);
    /// let ends = fixed(&[-1.5, -0.5, 0.5, 1.5, 2.5]);
    /// let mut slopes = fixed(&[0.0, 0.1, 0.3, 0.6, 0.8, 1.0]);
    /// slopes[5] = ParameterConfig::per_unit(1.0);
    /// let config = ActivationConfig::from(LongCascadeConfig::new(&begins, &ends, &slopes, 0.0)?);
    /// assert!(config.to_string().starts_with("Cascade5(lo1=-2, lo2=-1, "));
    /// # Ok::<(), smelu::ActivationError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// There are fewer than 5 regions (those cascades have types of their own) or more than 16, not one end for each
    /// begin, not one slope more than begins; a parameter is not finite or out of its range; the regions do not follow
    /// one another.
    pub fn new(
        begins: &[ParameterConfig],
        ends: &[ParameterConfig],
        slopes: &[ParameterConfig],
        t: impl Into<ParameterConfig>,
    ) -> Result<Self, ActivationError> {
        let wrong = |problem| ActivationError::Inconsistent { activation: "LongCascade", problem };
        let (fewest, most, regions) = (Regions::FEWEST, Regions::MOST, begins.len());
        if Regions::new(regions).is_none() {
            let problem = format!("{regions} begins of regions; expected {fewest} to {most}");
            return Err(wrong(problem));
        }
        if ends.len() != regions || slopes.len() != regions + 1 {
            let problem = format!(
                "{} ends and {} slopes for {regions} begins of regions; expected {regions} ends and {} slopes",
                ends.len(),
                slopes.len(),
                regions + 1
            );
            return Err(wrong(problem));
        }
        let parameters = [begins, ends, slopes, &[t.into()]].concat();
        Ok(Self { parameters: kind(regions).check(parameters)? })
    }

    pub(crate) fn kinds() -> impl Iterator<Item = &'static Kind> {
        KINDS.iter()
    }

    pub(crate) fn from_checked(parameters: Vec<ParameterConfig>) -> Self {
        Self { parameters }
    }

    pub(crate) fn kind(&self) -> &'static Kind {
        kind(self.regions())
    }

    pub(crate) fn parameters(&self) -> &[ParameterConfig] {
        &self.parameters
    }

    /// The number K of regions.
    #[must_use]
    pub fn regions(&self) -> usize {
        regions(&self.parameters)
    }

    /// Where the regions begin, from left to right.
    #[must_use]
    pub fn begins(&self) -> &[ParameterConfig] {
        begins(&self.parameters)
    }

    /// Where the regions end, from left to right.
    #[must_use]
    pub fn ends(&self) -> &[ParameterConfig] {
        ends(&self.parameters)
    }

    /// The slopes of the K + 1 lines, from left to right.
    #[must_use]
    pub fn slopes(&self) -> &[ParameterConfig] {
        slopes(&self.parameters)
    }

    /// The value at the begin of the first region.
    #[must_use]
    pub fn t(&self) -> ParameterConfig {
        *t(&self.parameters)
    }

    /// The module for layers of `units` outputs.
    #[must_use]
    pub fn init<B: Backend>(&self, units: usize, device: &B::Device) -> LongCascade<B> {
        let known = self.kind().parameters.iter().zip(&self.parameters);
        let parameter = |(known, config): (_, &_)| ModuleParameter::new(known, *config, units, device);
        LongCascade { parameters: known.map(parameter).collect() }
    }
}

impl From<LongCascadeConfig> for ActivationConfig {
    fn from(config: LongCascadeConfig) -> Self {
        Self::LongCascade(config)
    }
}

/// 6 to 17 lines joined by 5 to 16 regions [lo, hi], in which the slope changes linearly.
///
/// Formula, gradient and edge cases: [`scalar::Cascade`](crate::scalar::Cascade). Fewer regions have modules of their own,
/// [`Cascade1`](crate::Cascade1) to [`Cascade4`](crate::Cascade4), and kernels of their own.
///
/// # Shapes
///
/// `[…, units]` to `[…, units]`, any rank. Where no parameter is learnt per unit the last axis may have any size.
#[derive(Module, Debug)]
#[module(custom_display)]
pub struct LongCascade<B: Backend> {
    /// lo₁ … `lo_K`, hi₁ … `hi_K`, g₀ … `g_K`, t.
    parameters: Vec<ModuleParameter<B>>,
}

impl<B: Backend> LongCascade<B> {
    /// The description this module was made from.
    #[must_use]
    pub fn config(&self) -> LongCascadeConfig {
        LongCascadeConfig { parameters: self.parameters.iter().map(ModuleParameter::config).collect() }
    }

    /// The number K of regions.
    #[must_use]
    pub fn regions(&self) -> usize {
        regions(&self.parameters)
    }

    /// Where the regions begin, from left to right.
    #[must_use]
    pub fn begins(&self) -> &[ModuleParameter<B>] {
        begins(&self.parameters)
    }

    /// Where the regions end, from left to right.
    #[must_use]
    pub fn ends(&self) -> &[ModuleParameter<B>] {
        ends(&self.parameters)
    }

    /// The slopes of the K + 1 lines, from left to right.
    #[must_use]
    pub fn slopes(&self) -> &[ModuleParameter<B>] {
        slopes(&self.parameters)
    }

    /// The value at the begin of the first region.
    #[must_use]
    pub fn t(&self) -> &ModuleParameter<B> {
        t(&self.parameters)
    }

    /// Applies the activation to every element; the shape stays.
    #[must_use]
    pub fn forward<const D: usize>(&self, x: Tensor<B, D>) -> Tensor<B, D>
    where
        B: ActivationBackend,
    {
        apply(x, kind(self.regions()), &self.parameters)
    }
}

impl<B: Backend> ModuleDisplay for LongCascade<B> {
    fn custom_content(&self, content: Content) -> Option<Content> {
        content.add_formatted(&ActivationConfig::from(self.config())).optional()
    }
}

// Where each kind of parameter stands among all of them.

fn regions<T>(parameters: &[T]) -> usize {
    (parameters.len() - 2) / 3
}

fn begins<T>(parameters: &[T]) -> &[T] {
    &parameters[..regions(parameters)]
}

fn ends<T>(parameters: &[T]) -> &[T] {
    let regions = regions(parameters);
    &parameters[regions..2 * regions]
}

fn slopes<T>(parameters: &[T]) -> &[T] {
    let regions = regions(parameters);
    &parameters[2 * regions..=3 * regions]
}

fn t<T>(parameters: &[T]) -> &T {
    &parameters[parameters.len() - 1]
}

/// The kind with this many regions, which are as many as there may be.
fn kind(regions: usize) -> &'static Kind {
    &KINDS[regions - Regions::FEWEST]
}

/// Names, domains and defaults of the parameters of `COUNT / 3` regions. The default is that of the shorter cascades:
/// regions of width 1 from −1.5 on, one apart, and slopes that rise evenly from 0 to 1, to four decimals.
const fn parameters<const COUNT: usize>() -> [Parameter; COUNT] {
    const LO: [&str; Regions::MOST] = [
        "lo1", "lo2", "lo3", "lo4", "lo5", "lo6", "lo7", "lo8", "lo9", "lo10", "lo11", "lo12", "lo13", "lo14", "lo15",
        "lo16",
    ];
    const HI: [&str; Regions::MOST] = [
        "hi1", "hi2", "hi3", "hi4", "hi5", "hi6", "hi7", "hi8", "hi9", "hi10", "hi11", "hi12", "hi13", "hi14", "hi15",
        "hi16",
    ];
    const G: [&str; Regions::MOST + 1] =
        ["g0", "g1", "g2", "g3", "g4", "g5", "g6", "g7", "g8", "g9", "g10", "g11", "g12", "g13", "g14", "g15", "g16"];
    const fn fixed(name: &'static str, value: f64) -> Parameter {
        parameter(name, Domain::Free, ParameterConfig::new(value, Learning::Fixed))
    }
    let regions = COUNT / 3;
    let mut parameters = [fixed("t", 0.0); COUNT];
    let mut k = 0;
    while k <= regions {
        if k < regions {
            let begin = 2.0 * k as f64 - 1.5;
            parameters[k] = fixed(LO[k], begin);
            parameters[regions + k] = fixed(HI[k], begin + 1.0);
        }
        let rounded = (10_000 * k + regions / 2) / regions;
        parameters[2 * regions + k] = fixed(G[k], rounded as f64 / 10_000.0);
        k += 1;
    }
    parameters
}

macro_rules! kinds {
    ($($regions:literal => $name:literal),* $(,)?) => {
        /// The kinds, from 5 regions on.
        static KINDS: [Kind; Regions::MOST - Regions::FEWEST + 1] = [$(Kind {
            name: $name,
            formula: Formula::LongCascade(Regions::new($regions).expect("it is in range")),
            parameters: &const { parameters::<{ 3 * $regions + 2 }>() },
        }),*];
    };
}

kinds!(
    5 => "Cascade5",
    6 => "Cascade6",
    7 => "Cascade7",
    8 => "Cascade8",
    9 => "Cascade9",
    10 => "Cascade10",
    11 => "Cascade11",
    12 => "Cascade12",
    13 => "Cascade13",
    14 => "Cascade14",
    15 => "Cascade15",
    16 => "Cascade16",
);
