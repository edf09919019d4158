//! `ctr verify`.
use std::fmt::Write as _;
use std::sync::atomic::AtomicBool;

use anyhow::bail;
use ctr_model::ModelBackend;

use super::use_threads;
use crate::cli::VerifyArgs;
use crate::config::{Overrides, Plan};
use crate::device::{WithBackend, with_backend};
use crate::observe::PrepareBar;
use crate::run_folder::RunFolder;
use crate::verify::{Parting, Replay, Verification, Verified};
use crate::{dataset, printer};

pub(super) fn run(args: &VerifyArgs, stop: &AtomicBool) -> anyhow::Result<()> {
    let folder = RunFolder::open(&args.run)?;
    let plan = folder.plan(&Overrides {
        data_dir: args.data_dir.clone(),
        cache_dir: args.cache_dir.clone(),
        ..args.device.overrides()
    })?;
    use_threads(&plan)?;
    let verified = with_backend(plan.device, Verify { args, folder: &folder, plan: &plan, stop })??;
    printer::result(&report(&verified));
    match verified.replay.and_then(|replay| replay.parted) {
        Some(parting) => bail!(
            "{}: step {} is the first recorded one after which this machine has other parameters; `environment` in run.json says where and by \
             what the run was computed",
            args.run.display(),
            parting.step
        ),
        None => Ok(()),
    }
}

struct Verify<'a> {
    args: &'a VerifyArgs,
    folder: &'a RunFolder,
    plan: &'a Plan,
    stop: &'a AtomicBool,
}

impl WithBackend for Verify<'_> {
    type Output = anyhow::Result<Verified>;

    fn run<B: ModelBackend>(self, device: B::Device) -> Self::Output {
        let record = self.folder.record()?;
        self.folder.check_encoder(&record)?;
        let bar = PrepareBar::new();
        let dataset = dataset::open(self.plan, &|progress| bar.update(&progress), self.stop)?;
        bar.finish();
        if dataset.digest() != record.dataset_digest {
            bail!(
                "{}: the data has digest {}, the run was trained on {}; give the folder of that data with `--data-dir`",
                dataset.dir().display(),
                dataset.digest(),
                record.dataset_digest
            );
        }
        let verification = Verification { plan: self.plan, dataset: &dataset, folder: self.folder, stop: self.stop };
        verification.run::<B>(self.args.steps, &device)
    }
}

/// What was verified, for people.
fn report(verified: &Verified) -> String {
    let mut text = format!("checkpoints  {} loaded, every digest as written", verified.checkpoints);
    if let Some(ledger) = &verified.ledger {
        let _ = write!(
            text,
            "\nrows         {} steps, {} whole epochs, {} resumes, {} steps made again: no row repeated or skipped",
            ledger.steps, ledger.epochs, ledger.resumes, ledger.redone
        );
    }
    let _ = match &verified.replay {
        None => write!(text, "\nsteps        none made again: the run records no digest, see `watch.step_digests`"),
        Some(Replay { steps, compared, parted: None }) => {
            write!(text, "\nsteps        {steps} made again, {compared} digests compared: identical")
        }
        Some(Replay { steps, parted: Some(Parting { step, source, expected, found }), .. }) => write!(
            text,
            "\nsteps        {steps} made again: they part at step {step}\n  {expected}  {source}\n  {found}  here"
        ),
    };
    text
}
