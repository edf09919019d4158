//! `ctr prepare`.
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use ctr_data::{Dataset, Reason, Split};

use crate::cli::PrepareArgs;
use crate::config::Plan;
use crate::observe::PrepareBar;
use crate::{dataset, printer};

pub(super) fn run(args: &PrepareArgs, stop: &AtomicBool) -> anyhow::Result<()> {
    let plan = Plan::load(&args.config, &args.options.overrides())?;
    let bar = PrepareBar::new();
    let data = dataset::open(&plan, &|progress| bar.update(&progress), stop)?;
    bar.finish();
    printer::result(&summary(&plan, &data));
    Ok(())
}

/// What was prepared, for people.
pub(super) fn summary(plan: &Plan, data: &Dataset) -> String {
    let schema = data.schema();
    let state = if data.was_cached() { "found in the cache" } else { "encoded" };
    let rows = |split: Split| data.split(split).len();
    let values: u64 = schema.categorical.iter().map(|field| field.cardinality).sum();
    let left_out: Vec<String> =
        data.bad_rows().iter().map(|(of, counts)| format!("\nleft out  {of}: {}", by_reason(counts))).collect();
    format!(
        "dataset   {} ({state})\nfolder    {}\ndigest    {}\nrows      {} train, {} valid, {} test\nfields    {} categorical with {values} \
         ids, {} numeric{}",
        plan.data.dataset.name,
        data.dir().display(),
        data.digest(),
        rows(Split::Train),
        rows(Split::Valid),
        rows(Split::Test),
        schema.categorical.len(),
        schema.numeric.len(),
        left_out.concat(),
    )
}

/// `3 rows (2 label, 1 number)`
fn by_reason(counts: &BTreeMap<Reason, u64>) -> String {
    let each: Vec<String> = counts.iter().map(|(reason, count)| format!("{count} {}", reason.name())).collect();
    format!("{} rows ({})", counts.values().sum::<u64>(), each.join(", "))
}
