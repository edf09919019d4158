//! `ctr predict`.
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::bail;
use ctr_data::{EncodeOptions, Labels};
use ctr_model::ModelBackend;

use super::use_threads;
use crate::cli::PredictArgs;
use crate::config::Plan;
use crate::device::{WithBackend, with_backend};
use crate::metric::ClassificationMetrics;
use crate::observe::PrepareBar;
use crate::predictions::{self, PredictionMetadata, Predictions};
use crate::printer::{self, metric};
use crate::run_folder::RunFolder;
use crate::scorer::Scorer;

pub(super) fn run(args: &PredictArgs, stop: &AtomicBool) -> anyhow::Result<()> {
    let folder = RunFolder::open(&args.run)?;
    check_output(args)?;
    let plan = folder.plan(&args.device.overrides())?;
    use_threads(&plan)?;
    let (predictions, metadata) = with_backend(plan.device, Predict { args, folder: &folder, plan: &plan, stop })??;
    predictions::write(&args.output, &predictions, &metadata)?;
    printer::result(&summary(args, &predictions)?);
    Ok(())
}

struct Predict<'a> {
    args: &'a PredictArgs,
    folder: &'a RunFolder,
    plan: &'a Plan,
    stop: &'a AtomicBool,
}

impl WithBackend for Predict<'_> {
    type Output = anyhow::Result<(Predictions, PredictionMetadata)>;

    fn run<B: ModelBackend>(self, device: B::Device) -> Self::Output {
        let scorer = Scorer::<B>::of(self.folder, self.plan.clone(), device)?;
        let bar = PrepareBar::new();
        let options = EncodeOptions {
            labels: Labels::Optional,
            threads: self.plan.threads.unwrap_or_default(),
            max_line_bytes: self.plan.data.dataset.rows.max_line_bytes,
            scratch_dir: output_folder(&self.args.output),
            progress: &|progress| bar.update(&progress),
            cancelled: self.stop,
        };
        let shards = Arc::new(scorer.encoder().encode_file(&self.args.data, &options)?);
        bar.finish();
        let metadata = scorer.metadata(self.args.data.display().to_string());
        Ok((scorer.score(&shards, self.stop)?, metadata))
    }
}

/// Refuses an output that could not be written, or that would replace the rows it is made from, before any work is done.
fn check_output(args: &PredictArgs) -> anyhow::Result<()> {
    let folder = output_folder(&args.output);
    if !folder.is_dir() {
        bail!("--output {}: there is no folder `{}`; create it first", args.output.display(), folder.display());
    }
    let same = |a: &Path, b: &Path| matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b);
    if same(&args.data, &args.output) {
        bail!("--output {}: this is the file to predict; choose another name", args.output.display());
    }
    Ok(())
}

/// Where the encoded rows lie meanwhile: predictions of the same rows have room there, or nothing has.
fn output_folder(output: &Path) -> &Path {
    match output.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn summary(args: &PredictArgs, predictions: &Predictions) -> anyhow::Result<String> {
    let mut text = format!(
        "{} predictions in {}\nprediction digest  {}",
        predictions.len(),
        args.output.display(),
        predictions.digest()
    );
    if let Some(labels) = predictions.labels() {
        let metrics = ClassificationMetrics::from_logits(labels, predictions.logits())?;
        let _ = write!(text, "\nAUC {}  log loss {}", metric(metrics.auc), metric(Some(metrics.log_loss)));
    }
    Ok(text)
}
