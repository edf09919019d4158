//! `ctr eval`.
use std::sync::atomic::AtomicBool;

use anyhow::bail;
use ctr_data::Split;
use ctr_model::ModelBackend;

use super::{saved_run, use_threads};
use crate::cli::{EvalArgs, SplitName};
use crate::config::{Overrides, Plan};
use crate::device::{WithBackend, with_backend};
use crate::metric::ClassificationMetrics;
use crate::observe::PrepareBar;
use crate::printer::{self, metric};
use crate::run_folder::RunFolder;
use crate::training_run::predict;
use crate::{dataset, evaluate};

pub(super) fn run(args: &EvalArgs, stop: &AtomicBool) -> anyhow::Result<()> {
    let folder = RunFolder::open(&args.run)?;
    let plan = folder.plan(&Overrides { data_dir: args.data_dir.clone(), ..args.device.overrides() })?;
    use_threads(&plan)?;
    let metrics = with_backend(plan.device, Eval { args, folder: &folder, plan: &plan, stop })??;
    let text = if args.json { serde_json::to_string_pretty(&metrics)? } else { table(&metrics) };
    printer::result(&text);
    Ok(())
}

struct Eval<'a> {
    args: &'a EvalArgs,
    folder: &'a RunFolder,
    plan: &'a Plan,
    stop: &'a AtomicBool,
}

impl WithBackend for Eval<'_> {
    type Output = anyhow::Result<ClassificationMetrics>;

    fn run<B: ModelBackend>(self, device: B::Device) -> Self::Output {
        let record = self.folder.record()?;
        let bar = PrepareBar::new();
        let data = dataset::open(self.plan, &|progress| bar.update(&progress), self.stop)?;
        bar.finish();
        if data.digest() != record.dataset_digest {
            bail!(
                "{}: the data has digest {}, the run was trained on {}; give the folder of that data with `--data-dir`",
                data.dir().display(),
                data.digest(),
                record.dataset_digest
            );
        }
        let learner = saved_run::best::<B>(self.folder, self.plan, &record, data.schema(), device)?;
        let shards = data.split(match self.args.split {
            SplitName::Train => Split::Train,
            SplitName::Valid => Split::Valid,
            SplitName::Test => Split::Test,
        });
        let predictions = predict(&learner, shards, self.plan, self.stop)?;
        Ok(ClassificationMetrics::from_logits(&evaluate::labels(shards), predictions.logits())?)
    }
}

fn table(metrics: &ClassificationMetrics) -> String {
    let mut table = printer::Table::new(&["metric", "value"]);
    let mut row = |name: &str, value: Option<f64>| table.row(vec![name.to_owned(), metric(value)]);
    row("AUC", metrics.auc);
    row("log loss", Some(metrics.log_loss));
    row("PR-AUC", metrics.average_precision);
    row("normalised entropy", metrics.normalized_entropy);
    row("mean probability", Some(metrics.mean_probability));
    row("base rate", Some(metrics.base_rate));
    row("calibration ratio", metrics.calibration_ratio);
    row("expected calibration error", Some(metrics.expected_calibration_error));
    format!("{} rows\n{}", metrics.rows, table.render())
}
