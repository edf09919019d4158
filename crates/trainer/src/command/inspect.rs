//! `ctr inspect`.
use std::sync::atomic::AtomicBool;

use anyhow::bail;
use ctr_data::{Encoder, Schema};
use ctr_model::ModelBackend;
use ctr_model::model::ModelConfig;
use ctr_model::parameters;

use super::prepare;
use crate::cli::InspectArgs;
use crate::config::Plan;
use crate::dataset;
use crate::device::{WithBackend, with_backend};
use crate::learner::Learner;
use crate::observe::PrepareBar;
use crate::printer::{self, Table};
use crate::run_folder::RunFolder;

pub(super) fn run(args: &InspectArgs, stop: &AtomicBool) -> anyhow::Result<()> {
    let text = if args.path.is_dir() { run_text(args)? } else { config_text(args, stop)? };
    printer::result(&text);
    Ok(())
}

/// A run is shown from its folder alone, as it was trained.
fn run_text(args: &InspectArgs) -> anyhow::Result<String> {
    let options = &args.options;
    let changed = !options.set.is_empty() || options.seed.is_some();
    if changed || options.data_dir.is_some() || options.cache_dir.is_some() {
        bail!(
            "{}: a run is shown as it was trained; leave out --set, --seed, --data-dir and --cache-dir",
            args.path.display()
        );
    }
    let folder = RunFolder::open(&args.path)?;
    let (plan, record) = (folder.plan(&options.overrides())?, folder.record()?);
    folder.check_encoder(&record)?;
    let encoder = Encoder::load(&folder.encoder_path())?;
    let model = with_backend(plan.device, Inspect { plan: &plan, schema: encoder.schema() })??;
    Ok(format!("{}\n{model}\n\n{}", plan.to_toml()?, serde_json::to_string_pretty(&record)?))
}

fn config_text(args: &InspectArgs, stop: &AtomicBool) -> anyhow::Result<String> {
    let plan = Plan::load(&args.path, &args.options.overrides())?;
    let bar = PrepareBar::new();
    let data = dataset::open(&plan, &|progress| bar.update(&progress), stop)?;
    bar.finish();
    let model = with_backend(plan.device, Inspect { plan: &plan, schema: data.schema() })??;
    Ok(format!("{}\n{}\n\n{model}", plan.to_toml()?, prepare::summary(&plan, &data)))
}

struct Inspect<'a> {
    plan: &'a Plan,
    schema: &'a Schema,
}

impl WithBackend for Inspect<'_> {
    type Output = anyhow::Result<String>;

    fn run<B: ModelBackend>(self, device: B::Device) -> Self::Output {
        let learner = Learner::<B>::new(self.plan, self.schema, device)?;
        let mut table = Table::new(&["parameter", "shape", "numbers"]);
        for parameter in parameters::collect(&learner.model) {
            let kind = if parameters::is_statistic(&parameter.name) { " (statistic)" } else { "" };
            let name = format!("{}{kind}", parameter.name);
            table.row(vec![name, format!("{:?}", parameter.shape), parameter.values.len().to_string()]);
        }
        let mut table_bytes = 0;
        for part in learner.tables().tables() {
            let shape = format!("[{}, {}]", part.rows(), part.width());
            table.row(vec![format!("tables.{}", part.name()), shape, (part.rows() * part.width()).to_string()]);
            table_bytes += part.rows() * part.stride() * size_of::<f32>();
        }
        let mut fields = Table::new(&["field", "kind", "ids"]);
        for field in &self.schema.categorical {
            fields.row(vec![field.name.clone(), "categorical".to_owned(), field.cardinality.to_string()]);
        }
        for field in &self.schema.numeric {
            fields.row(vec![field.name.clone(), "numeric".to_owned(), "–".to_owned()]);
        }
        let dense = parameters::count_trainable(&learner.model);
        let dense_bytes = dense * (1 + self.plan.optimizer.for_rows().state_len(1)) * size_of::<f32>();
        let name = self.plan.model.name();
        let about = ModelConfig::ALL.iter().find(|info| info.name == name);
        let about = about.map_or_else(String::new, |info| format!("{name}: {} [{}]\n\n", info.description, info.paper));
        Ok(format!(
            "{about}{}\n\n{}\n\ntrainable parameters  {}, of which {dense} dense\nmemory with optimiser state  {} for tables, {} for dense \
             parameters",
            fields.render(),
            table.render(),
            learner.parameter_count(),
            mebibytes(table_bytes),
            mebibytes(dense_bytes),
        ))
    }
}

fn mebibytes(bytes: usize) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
