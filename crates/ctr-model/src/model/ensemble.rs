//! Several models of one architecture trained side by side, and what they predict together.
#![allow(clippy::large_enum_variant, reason = "a process holds one model, and the derived records cannot be annotated")]
use burn::module::Module;
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, activation};
use serde::{Deserialize, Serialize};

use super::{AnyModel, CtrModel, InputShape, ModelConfig, ModelInput};
use crate::embedding::TableSpec;
use crate::init::Initializer;
use crate::mlp::Mlp;
use crate::op::ModelBackend;
use crate::pass::Pass;
use crate::random::Philox;

/// Keys of `[ensemble]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EnsembleConfig {
    /// Models trained side by side, 1 to 64; they differ in their initial values and dropout masks. Default `1`.
    pub members: usize,
    /// Whether each member has embedding tables of its own. Default `"separate"`.
    pub tables: MemberTables,
    /// What the members predict together. Default `"mean_logit"`.
    pub predict: MemberPrediction,
    /// Whether members are narrowed to the cost of one model. Default `"full"`.
    pub cost: MemberCost,
}

impl Default for EnsembleConfig {
    fn default() -> Self {
        Self {
            members: 1,
            tables: MemberTables::Separate,
            predict: MemberPrediction::MeanLogit,
            cost: MemberCost::Full,
        }
    }
}

/// Whether each member has embedding tables of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberTables {
    /// Each has its own.
    Separate,
    /// All look up the same rows.
    Shared,
}

/// What the members predict together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberPrediction {
    /// The mean of their logits.
    MeanLogit,
    /// The mean of their click probabilities.
    MeanProbability,
    /// What the first of them predicts; the others have only been trained with it, as in co-distillation.
    First,
}

/// How wide the hidden layers of a member are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberCost {
    /// As `[model]` says: K members cost K times as much.
    Full,
    /// Divided by √K and rounded: the products between hidden layers of all members together cost as those of one full model.
    Equal,
}

/// One model, or several that predict together.
#[derive(Module, Debug)]
pub enum Predictor<B: Backend> {
    /// One model.
    Single(AnyModel<B>),
    /// Several.
    Ensemble(Ensemble<B>),
}

/// Several models of one architecture.
#[derive(Module, Debug)]
pub struct Ensemble<B: Backend> {
    members: Vec<AnyModel<B>>,
    separate_tables: bool,
    #[module(skip)]
    predict: MemberPrediction,
}

impl EnsembleConfig {
    /// Whether there is nothing but one model.
    #[must_use]
    pub fn is_single(&self) -> bool {
        self.members == 1
    }

    /// The tables of all members: those of member 0 have the names of a single model's, those of member m > 0 end in `.member`m.
    #[must_use]
    pub fn tables(&self, member: &ModelConfig, shape: InputShape, init_std: f64) -> Vec<TableSpec> {
        let own = member.tables(shape, init_std);
        let sets = if self.tables == MemberTables::Separate { self.members } else { 1 };
        let of_member = |member: usize| {
            own.iter().cloned().map(move |spec| match member {
                0 => spec,
                _ => TableSpec { name: format!("{}.member{member}", spec.name), ..spec },
            })
        };
        (0..sets).flat_map(of_member).collect()
    }

    /// The members with their initial dense parameters; member 0 is the single model of the same seed.
    #[must_use]
    pub fn init<B: ModelBackend>(
        &self,
        member: &ModelConfig,
        shape: InputShape,
        init: Initializer<'_, B>,
    ) -> Predictor<B> {
        if self.is_single() {
            return Predictor::Single(member.init(shape, init));
        }
        let of_member = |number| member.init(shape, Initializer { seed: member_seed(init.seed, number), ..init });
        Predictor::Ensemble(Ensemble {
            members: (0..self.members).map(of_member).collect(),
            separate_tables: self.tables == MemberTables::Separate,
            predict: self.predict,
        })
    }
}

impl<B: ModelBackend> Predictor<B> {
    /// The perceptron on the concatenated fields that this is, if it is that alone.
    #[must_use]
    pub fn perceptron(&self) -> Option<&Mlp<B>> {
        match self {
            Self::Single(model) => model.perceptron(),
            Self::Ensemble(_) => None,
        }
    }

    /// The same for embedding rows of these widths; each member has [projections](AnyModel::projecting) of its own.
    #[must_use]
    pub fn projecting(self, widths: &[usize], init: Initializer<'_, B>) -> Self {
        match self {
            Self::Single(model) => Self::Single(model.projecting(widths, init)),
            Self::Ensemble(mut ensemble) => {
                let members = ensemble.members.into_iter().enumerate().map(|(number, member)| {
                    member.projecting(widths, Initializer { seed: member_seed(init.seed, number), ..init })
                });
                ensemble.members = members.collect();
                Self::Ensemble(ensemble)
            }
        }
    }

    /// The logits of each member, \[B\].
    #[must_use]
    pub fn member_logits(&self, input: ModelInput<B>, pass: Pass) -> Vec<Tensor<B, 1>> {
        match self {
            Self::Single(model) => vec![model.forward(input, pass)],
            Self::Ensemble(ensemble) => {
                let inputs = ensemble.inputs(input).into_iter().zip(&ensemble.members).enumerate();
                inputs.map(|(member, (input, model))| model.forward(input, member_pass(pass, member))).collect()
            }
        }
    }
}

impl<B: ModelBackend> CtrModel<B> for Predictor<B> {
    fn forward(&self, input: ModelInput<B>, pass: Pass) -> Tensor<B, 1> {
        match self {
            Self::Single(model) => model.forward(input, pass),
            Self::Ensemble(ensemble) => ensemble.combine(self.member_logits(input, pass)),
        }
    }
}

impl<B: ModelBackend> Ensemble<B> {
    /// What each member sees.
    fn inputs(&self, input: ModelInput<B>) -> Vec<ModelInput<B>> {
        let ModelInput { embeddings, numeric } = input;
        let tables = if self.separate_tables { embeddings.len() / self.members.len() } else { 0 };
        let of_member = |member: usize| ModelInput {
            embeddings: match tables {
                0 => embeddings.clone(),
                _ => embeddings[member * tables..][..tables].to_vec(),
            },
            numeric: numeric.clone(),
        };
        (0..self.members.len()).map(of_member).collect()
    }

    fn combine(&self, logits: Vec<Tensor<B, 1>>) -> Tensor<B, 1> {
        match self.predict {
            MemberPrediction::First => logits.into_iter().next(),
            MemberPrediction::MeanLogit => {
                let count = logits.len() as f64;
                logits.into_iter().reduce(|sum, logits| sum + logits).map(|sum| sum / count)
            }
            MemberPrediction::MeanProbability => Some(logit_of_mean_probability(&logits)),
        }
        .unwrap_or_else(|| panic!("an ensemble has members"))
    }
}

/// logit(mean σ(z)) = ln Σ σ(z) − ln Σ σ(−z), from logarithms of probabilities, which do not round to 0 or 1.
fn logit_of_mean_probability<B: Backend>(logits: &[Tensor<B, 1>]) -> Tensor<B, 1> {
    let log_sum = |sign: f64| {
        let logs: Vec<_> =
            logits.iter().map(|z| activation::log_sigmoid(z.clone() * sign).unsqueeze_dim::<2>(0)).collect();
        let logs = Tensor::cat(logs, 0); // [K, B]
        let largest = logs.clone().max_dim(0); // [1, B]
        let sum = (logs - largest.clone()).exp().sum_dim(0).log() + largest; // [1, B]
        sum.squeeze_dim::<1>(0)
    };
    log_sum(1.0) - log_sum(-1.0)
}

/// The seed of a member in place of the run's: the run's own for member 0.
fn member_seed(seed: u64, member: usize) -> u64 {
    if member == 0 {
        return seed;
    }
    let block = Philox::named(seed, &format!("member {member}")).block([0; 4]);
    u64::from(block[1]) << 32 | u64::from(block[0])
}

fn member_pass(pass: Pass, member: usize) -> Pass {
    match pass {
        Pass::Train { dropout_seed, step } => Pass::Train { dropout_seed: member_seed(dropout_seed, member), step },
        Pass::Evaluate => Pass::Evaluate,
    }
}
