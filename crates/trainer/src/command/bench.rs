//! `ctr bench`.
use std::sync::atomic::AtomicBool;

use ctr_model::ModelBackend;

use super::use_threads;
use crate::bench::{self, BenchOptions, BenchReport};
use crate::cli::BenchArgs;
use crate::config::Plan;
use crate::device::{WithBackend, with_backend};
use crate::learner::Learner;
use crate::observe::PrepareBar;
use crate::printer::{self, Table};
use crate::{dataset, pretrained};

pub(super) fn run(args: &BenchArgs, stop: &AtomicBool) -> anyhow::Result<()> {
    let options = BenchOptions::new(args.warmup, args.steps)?;
    let plan = Plan::load(&args.config, &args.options.overrides())?;
    use_threads(&plan)?;
    let report = with_backend(plan.device, Bench { plan: &plan, options, stop })??;
    let text = if args.json { serde_json::to_string_pretty(&report)? } else { render(&report) };
    printer::result(&text);
    Ok(())
}

struct Bench<'a> {
    plan: &'a Plan,
    options: BenchOptions,
    stop: &'a AtomicBool,
}

impl WithBackend for Bench<'_> {
    type Output = anyhow::Result<BenchReport>;

    fn run<B: ModelBackend>(self, device: B::Device) -> Self::Output {
        let bar = PrepareBar::new();
        let data = dataset::open(self.plan, &|progress| bar.update(&progress), self.stop)?;
        bar.finish();
        let mut learner = Learner::<B>::new(self.plan, data.schema(), device)?;
        pretrained::load(&mut learner, self.plan, &data)?;
        learner.place_tables()?;
        Ok(bench::bench(learner, self.plan, &data, self.options, self.stop)?)
    }
}

fn render(report: &BenchReport) -> String {
    let mut split = Table::new(&["part of a step", "ms", "%"]);
    let parts = report.parts_ms.by_name();
    let total: f64 = parts.iter().map(|(_, part)| part).sum();
    for (name, part) in parts {
        let share = 100.0 * part / total;
        split.row(vec![name.to_owned(), format!("{part:.3}"), format!("{share:.1}")]);
    }
    let step = &report.step_ms;
    let memory = report.peak_resident_bytes.map_or_else(|| "–".to_owned(), |bytes| format!("{} MiB", bytes >> 20));
    let known = |value: &Option<String>| value.clone().unwrap_or_else(|| "–".to_owned());
    format!(
        "{}: {} steps after {} of warm-up\n\nsamples/s        {:.0}\nms a step        {:.3} (median; p5 {:.3}, p95 {:.3}, mean {:.3})\nbatch size       \
         {}\nparameters       {}\ndevice           {}\nthreads          {}, and {} of the loader\npeak memory      {memory}\nprocessor        \
         {}\ncommit           {}\noptimisation     {}\n\n{}",
        report.name,
        report.steps,
        report.warmup_steps,
        report.samples_per_second,
        step.median,
        step.p5,
        step.p95,
        step.mean,
        report.batch_size,
        report.parameters,
        report.device,
        report.threads,
        report.loader_threads,
        known(&report.cpu_model),
        known(&report.git_commit),
        known(&report.opt_level),
        split.render(),
    )
}
