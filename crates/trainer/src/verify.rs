//! `ctr verify`: whether a run is what it says, and whether this machine computes the same.
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use ctr_data::{Dataset, Split};
use ctr_model::ModelBackend;
use serde::Deserialize;

use crate::checkpoint::CheckpointStore;
use crate::config::Plan;
use crate::fit::{FitContext, FitError, FitState, fit};
use crate::learner::Learner;
use crate::observe::{Event, LedgerSummary, ObserveError, Observer, check_ledger};
use crate::pretrained;
use crate::repro::FileError;
use crate::run_folder::RunFolder;
use crate::training_run::{identity, parameter_digest};
use crate::warm_start;

/// A run to verify.
pub struct Verification<'a> {
    /// The plan of the run.
    pub plan: &'a Plan,
    /// The encoded data.
    pub dataset: &'a Dataset,
    /// The run.
    pub folder: &'a RunFolder,
    /// Set when the user asks to stop.
    pub stop: &'a AtomicBool,
}

/// What was verified.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    /// Checkpoints whose every part has the digest that it was written with.
    pub checkpoints: usize,
    /// What the row ledger proves, where the run has one.
    pub ledger: Option<LedgerSummary>,
    /// The first steps, made again; none where the run records nothing to compare them with.
    pub replay: Option<Replay>,
}

/// The first steps of a run, made again.
#[derive(Clone, Debug, PartialEq)]
pub struct Replay {
    /// How many were made.
    pub steps: u64,
    /// After how many of them the digest was compared.
    pub compared: usize,
    /// The first one whose digest differs.
    pub parted: Option<Parting>,
}

/// The first step after which two trainings differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parting {
    /// The step, counted from 1 over the whole run.
    pub step: u64,
    /// Where the run's digest stands.
    pub source: String,
    /// Digest of all parameters in the run.
    pub expected: String,
    /// Digest of all parameters here.
    pub found: String,
}

/// Steps that are made again where nobody says how many, as far as the run records them.
const STEPS: u64 = 100;

impl Verification<'_> {
    /// Reads every checkpoint and the row ledger, then makes the first `steps` steps again.
    ///
    /// # Errors
    /// When a part of the run is damaged, the ledger breaks its proof, `steps` leaves nothing to compare, or the steps cannot be made.
    pub fn run<B: ModelBackend>(&self, steps: Option<u64>, device: &B::Device) -> anyhow::Result<Verified> {
        let store = CheckpointStore::new(self.folder.checkpoints_path(), identity(self.plan, self.dataset)?);
        let learner = || Learner::<B>::new(self.plan, self.dataset.schema(), device.clone());
        let mut digests = recorded(&self.folder.metrics_path())?;
        let entries = store.index()?.checkpoints;
        for entry in entries.iter().filter(|entry| entry.steps > 0) {
            let digest = parameter_digest(&store.load_named(&entry.name)?.restore(learner()?)?);
            digests.entry(entry.steps).or_insert((format!("checkpoints/{}", entry.name), digest));
        }
        let rows = self.dataset.split(Split::Train).len() as u64;
        let ledger = self.folder.ledger_path();
        let ledger = ledger.exists().then(|| check_ledger(&ledger, rows)).transpose()?;
        let replay = match (steps, digests.keys().next()) {
            (None, None) => None,
            (Some(steps), first) if first.is_none_or(|&first| first > steps) => {
                let recorded = first.map_or("none".to_owned(), |first| format!("step {first}"));
                anyhow::bail!(
                    "--steps {steps}: the first digest that the run records is {recorded}; ask for at least as many steps, or train with \
                     `watch.step_digests = 1`"
                )
            }
            (asked, first) => {
                let first = first.copied().unwrap_or(0);
                let upto =
                    asked.unwrap_or_else(|| digests.range(..=STEPS).next_back().map_or(first, |(&step, _)| step));
                Some(self.replay(learner()?, upto, digests)?)
            }
        };
        Ok(Verified { checkpoints: entries.len(), ledger, replay })
    }

    /// Trains as the run did, by the same loop, into a folder that is thrown away.
    fn replay<B: ModelBackend>(
        &self,
        mut learner: Learner<B>,
        steps: u64,
        expected: BTreeMap<u64, (String, String)>,
    ) -> anyhow::Result<Replay> {
        let mut plan = self.plan.clone();
        plan.watch.step_digests = 1;
        (plan.watch.row_ledger, plan.watch.statistics) = (false, 0);
        (plan.checkpoint.every_steps, plan.checkpoint.every_minutes) = (0, 0.0);
        let scratch = tempfile::tempdir()?;
        let store = CheckpointStore::new(scratch.path().to_owned(), identity(&plan, self.dataset)?);
        let enough = AtomicBool::new(false);
        let mut comparison =
            Comparison { expected, asked: self.stop, enough: &enough, steps, made: 0, compared: 0, parted: None };
        let context = FitContext { plan: &plan, dataset: self.dataset, store: &store, stop: &enough };
        pretrained::load(&mut learner, &plan, self.dataset)?;
        let learner = match &plan.warm_start {
            None => learner,
            Some(warm_start) => warm_start::apply(learner, warm_start)?,
        };
        match fit(learner, FitState::default(), &context, &mut comparison) {
            Ok(_) => {}
            Err(FitError::Interrupted { .. }) if !self.stop.load(Ordering::Relaxed) => {}
            Err(FitError::Interrupted { .. }) => anyhow::bail!("the verification was interrupted"),
            Err(error) => return Err(error.into()),
        }
        let Comparison { made: steps, compared, parted, .. } = comparison;
        Ok(Replay { steps, compared, parted })
    }
}

/// Compares the digest of each step with the one that is recorded, and ends the training when that is enough.
struct Comparison<'a> {
    expected: BTreeMap<u64, (String, String)>,
    asked: &'a AtomicBool,
    enough: &'a AtomicBool,
    steps: u64,
    made: u64,
    compared: usize,
    parted: Option<Parting>,
}

impl Observer for Comparison<'_> {
    fn observe(&mut self, event: &Event) -> Result<(), ObserveError> {
        let Event::StepDigest { step, parameter_digest: found, .. } = event else { return Ok(()) };
        self.made = *step;
        if let Some((source, expected)) = self.expected.get(step).filter(|_| self.parted.is_none()) {
            self.compared += 1;
            if expected != found {
                let (source, expected, found) = (source.clone(), expected.clone(), found.clone());
                self.parted = Some(Parting { step: *step, source, expected, found });
            }
        }
        if *step >= self.steps || self.parted.is_some() || self.asked.load(Ordering::Relaxed) {
            self.enough.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct StepLine {
    step: u64,
    parameter_digest: String,
}

/// The digests of steps in `metrics.jsonl`, each with its place.
fn recorded(path: &Path) -> Result<BTreeMap<u64, (String, String)>, FileError> {
    let text = fs::read(path).map_err(|cause| FileError::read(path, cause))?;
    let lines = text.split(|&byte| byte == b'\n').enumerate();
    let steps = lines.filter_map(|(number, line)| {
        let StepLine { step, parameter_digest } = serde_json::from_slice(line).ok()?;
        Some((step, (format!("metrics.jsonl, line {}", number + 1), parameter_digest)))
    });
    Ok(steps.collect())
}
