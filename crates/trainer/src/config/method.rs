//! Methods against irreproducibility: several models trained side by side (`[ensemble]`), and terms of the loss (`[loss]`).

use std::fs;
use std::path::{Path, PathBuf};

use ctr_model::loss::Objective;
use ctr_model::model::{EnsembleConfig, InputShape, MemberCost, MemberPrediction, ModelConfig};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::check::Checker;
use super::document::Node;
use super::error::ConfigError;
use crate::repro::Digest;

/// Members at most.
const MEMBERS: std::ops::RangeInclusive<usize> = 1..=64;

/// Keys of `[loss]`: terms beside the cross-entropy, each with its weight; `0` leaves a term out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LossConfig {
    /// λ of λ·H(p), the mean entropy of the predictions (arXiv 2102.03349); below 0 it rewards entropy. Default `0.0`.
    pub entropy: f64,
    /// λ of λ·(KL(p‖q) + KL(q‖p)), the mean over pairs of members (arXiv 2102.03349), ≥ 0. Needs an ensemble. Default `0.0`.
    pub symmetric_kl: f64,
    /// λ of λ·ρ², the squared correlation of the members' logits over the batch, the mean over pairs (after arXiv 2010.09923), ≥ 0. Needs an
    /// ensemble. Default `0.0`.
    pub anti_distillation: f64,
    /// λ of λ·CE(z, mean prediction of the other members), without a gradient to the others (arXiv 1804.03235), ≥ 0. Needs an ensemble.
    /// Default `0.0`.
    pub co_distillation: f64,
    /// Steps before co-distillation begins. Default `0`.
    pub co_distillation_from: u64,
    /// Draws the predictions towards those of a finished run. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub churn_distillation: Option<ChurnDistillationConfig>,
}

/// Keys of `[loss.churn_distillation]`: `(1 − λ)·CE(y, f) + λ·CE(f_base, f)` (arXiv 2106.02654).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChurnDistillationConfig {
    /// Folder of the base run: finished, and trained on the same data. Relative to the config file. Required.
    pub run: PathBuf,
    /// λ, in [0, 1]. Required.
    pub weight: f64,
    /// Digest of the base run's plan and parameters, in hexadecimal; another run is then an error. Default: that of the run as it is found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blake3: Option<String>,
}

/// The base run of churn distillation.
#[derive(Clone, Debug, PartialEq)]
pub struct ChurnDistillationPlan {
    /// Its folder, absolute.
    pub run: PathBuf,
    /// λ, in [0, 1].
    pub weight: f64,
    /// See [`base_run_digest`].
    pub blake3: String,
}

/// The terms of the loss.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LossPlan {
    /// Those that need nothing but the batch.
    pub objective: Objective,
    /// The base run to stay near to.
    pub churn_distillation: Option<ChurnDistillationPlan>,
}

impl LossConfig {
    /// Whether the loss is the cross-entropy alone.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn plan(self, root: &Node) -> Result<LossPlan, ConfigError> {
        let objective = Objective {
            entropy: self.entropy,
            symmetric_kl: self.symmetric_kl,
            anti_distillation: self.anti_distillation,
            co_distillation: self.co_distillation,
            co_distillation_from: self.co_distillation_from,
        };
        let churn_distillation = self.churn_distillation.map(|config| churn_plan(root, config)).transpose()?;
        Ok(LossPlan { objective, churn_distillation })
    }
}

impl LossPlan {
    pub(super) fn to_config(&self) -> LossConfig {
        let Objective { entropy, symmetric_kl, anti_distillation, co_distillation, co_distillation_from } =
            self.objective;
        let churn_distillation =
            self.churn_distillation.clone().map(|ChurnDistillationPlan { run, weight, blake3 }| {
                ChurnDistillationConfig { run, weight, blake3: Some(blake3) }
            });
        LossConfig {
            entropy,
            symmetric_kl,
            anti_distillation,
            co_distillation,
            co_distillation_from,
            churn_distillation,
        }
    }
}

/// The digest stands in for the folder in the plan's fingerprint; a plan that has one needs the run only where it trains.
fn churn_plan(root: &Node, config: ChurnDistillationConfig) -> Result<ChurnDistillationPlan, ConfigError> {
    let ChurnDistillationConfig { run, weight, blake3 } = config;
    let table = Checker::new(root).table("loss").table("churn_distillation");
    let blake3 = match blake3 {
        Some(text) if text.parse::<Digest>().is_err() => {
            let expected =
                "64 hexadecimal digits, as `ctr inspect` shows them for a run that was trained with this key";
            return Err(table.invalid("blake3", format!("{text:?}"), expected));
        }
        Some(text) => text.to_lowercase(),
        None => digest_of_run(&run).map_err(|reason| {
            table.invalid("run", run.display(), format!("the folder of a finished run ({reason})"))
        })?,
    };
    Ok(ChurnDistillationPlan { run, weight, blake3 })
}

/// What of `run.json` says which function a run has learnt.
#[derive(Deserialize)]
struct LearntFunction {
    plan: String,
    result: Option<LearntParameters>,
}

#[derive(Deserialize)]
struct LearntParameters {
    parameter_digest: String,
}

fn digest_of_run(folder: &Path) -> Result<String, String> {
    let path = folder.join("run.json");
    let bytes = fs::read(&path).map_err(|cause| format!("{}: {cause}", path.display()))?;
    let record: LearntFunction =
        serde_json::from_slice(&bytes).map_err(|cause| format!("{}: {cause}", path.display()))?;
    let result = record.result.ok_or_else(|| format!("{}: it has no result yet", path.display()))?;
    Ok(base_run_digest(&record.plan, &result.parameter_digest))
}

/// BLAKE3 in hexadecimal of what a run predicts by: the fingerprint of its plan and the digest of its best epoch's parameters.
#[must_use]
pub fn base_run_digest(plan_fingerprint: &str, parameter_digest: &str) -> String {
    Digest::of(format!("{plan_fingerprint} {parameter_digest}").as_bytes()).to_string()
}

/// The model of a member: `[model]`, with hidden layers of 1/√K of their width where the ensemble is to cost what one model does.
pub(super) fn member_model(model: &ModelConfig, ensemble: &EnsembleConfig) -> Option<ModelConfig> {
    if ensemble.is_single() || ensemble.cost == MemberCost::Full {
        return Some(model.clone());
    }
    let mut table = Table::try_from(model).ok()?;
    let factor = 1.0 / (ensemble.members as f64).sqrt();
    let mut narrowed = false;
    for (_, value) in table.iter_mut().filter(|(key, _)| key.ends_with("hidden_units")) {
        for width in value.as_array_mut()? {
            let units = width.as_integer()? as f64 * factor;
            *width = Value::Integer((units.round() as i64).max(1));
            narrowed = true;
        }
    }
    if narrowed { table.try_into().ok() } else { None }
}

/// Ranges, and keys that contradict each other.
pub(super) fn check(
    top: &Checker<'_>,
    (model, shape): (&ModelConfig, InputShape),
    ensemble: &EnsembleConfig,
    loss: &LossConfig,
) -> Result<(), ConfigError> {
    let table = top.table("ensemble");
    table.whole("members", ensemble.members, &MEMBERS)?;
    if ensemble.is_single() && ensemble.predict != MemberPrediction::MeanLogit {
        let expected = "no such key, or `members` of 2 and more beside it";
        return Err(table.invalid("predict", "given", expected));
    }
    match member_model(model, ensemble) {
        None => {
            let expected = "\"full\", because this model has no hidden layers to narrow";
            return Err(table.invalid("cost", "\"equal\"", expected));
        }
        Some(member) if member != *model => top.table("model").model(&member, shape)?,
        Some(_) => {}
    }
    let table = top.table("loss");
    table.finite("entropy", loss.entropy)?;
    for (key, weight) in [
        ("symmetric_kl", loss.symmetric_kl),
        ("anti_distillation", loss.anti_distillation),
        ("co_distillation", loss.co_distillation),
    ] {
        table.not_negative(key, weight)?;
        if weight > 0.0 && ensemble.is_single() {
            let expected = "0, or `ensemble.members` of 2 and more: it is a term between members";
            return Err(table.invalid(key, weight, expected));
        }
    }
    if loss.co_distillation == 0.0 && loss.co_distillation_from > 0 {
        let expected = "0, or `co_distillation` above 0 beside it";
        return Err(table.invalid("co_distillation_from", loss.co_distillation_from, expected));
    }
    if let Some(churn) = &loss.churn_distillation {
        table.table("churn_distillation").closed_fraction("weight", churn.weight)?;
    }
    Ok(())
}
