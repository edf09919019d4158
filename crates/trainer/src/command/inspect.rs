//! `ctr inspect`.
use std::sync::atomic::AtomicBool;

use ctr_model::ModelBackend;
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
    let overrides = args.options.overrides();
    let (plan, record) = if args.path.is_dir() {
        let folder = RunFolder::open(&args.path)?;
        (folder.plan(&overrides)?, Some(folder.record()?))
    } else {
        (Plan::load(&args.path, &overrides)?, None)
    };
    let mut text = plan.to_toml()?;
    text += &with_backend(plan.device, Inspect { plan: &plan, stop })??;
    if let Some(record) = record {
        text.push_str("\n\n");
        text.push_str(&serde_json::to_string_pretty(&record)?);
    }
    printer::result(&text);
    Ok(())
}

struct Inspect<'a> {
    plan: &'a Plan,
    stop: &'a AtomicBool,
}

impl WithBackend for Inspect<'_> {
    type Output = anyhow::Result<String>;

    fn run<B: ModelBackend>(self, device: B::Device) -> Self::Output {
        let bar = PrepareBar::new();
        let data = dataset::open(self.plan, &|progress| bar.update(&progress), self.stop)?;
        bar.finish();
        let learner = Learner::<B>::new(self.plan, data.schema(), device)?;
        let mut table = Table::new(&["parameter", "shape", "numbers"]);
        for parameter in parameters::collect(&learner.model) {
            let kind = if parameters::is_statistic(&parameter.name) { " (statistic)" } else { "" };
            let name = format!("{}{kind}", parameter.name);
            table.row(vec![name, format!("{:?}", parameter.shape), parameter.values.len().to_string()]);
        }
        let mut bytes = 0;
        for part in learner.tables().tables() {
            let shape = format!("[{}, {}]", part.rows(), part.width());
            table.row(vec![format!("tables.{}", part.name()), shape, (part.rows() * part.width()).to_string()]);
            bytes += part.rows() * part.stride() * size_of::<f32>();
        }
        let mut fields = Table::new(&["field", "kind", "ids"]);
        for field in &data.schema().categorical {
            fields.row(vec![field.name.clone(), "categorical".to_owned(), field.cardinality.to_string()]);
        }
        for field in &data.schema().numeric {
            fields.row(vec![field.name.clone(), "numeric".to_owned(), "–".to_owned()]);
        }
        Ok(format!(
            "\n{}\n\n{}\n\n{}\n\ntrainable parameters  {}\ntables with optimiser state  {bytes} bytes",
            prepare::summary(self.plan, &data),
            fields.render(),
            table.render(),
            learner.parameter_count(),
        ))
    }
}
