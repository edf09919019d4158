//! `ctr ablate`.
use std::env;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Instant;

use anyhow::{Context, bail};
use ctr_data::{Dataset, Split};

use crate::ablation::{
    AblationError, Container, Cost, Engine, Launcher, Limits, MEASURES, Progress, Results, Run, SettingStatistics,
    SettingSummary, Study, StudyFolder, Summary, Tasks, estimate, work,
};
use crate::cli::AblateArgs;
use crate::config::BackendKind;
use crate::dataset;
use crate::observe::PrepareBar;
use crate::printer::{self, Table, metric};
use crate::report::write_report;
use crate::repro::write_atomic;

pub(super) fn run(args: &AblateArgs, stop: &AtomicBool) -> anyhow::Result<()> {
    let study = Study::load(&args.config, &args.options.overrides())?;
    let limits = limits(args, &study);
    let folder = StudyFolder::create(&args.out)?;
    let datasets = prepare(&study, stop)?;
    let datasets: Vec<&Dataset> = datasets.iter().map(Arc::as_ref).collect();
    let truths: Vec<_> = datasets.iter().map(|data| truth(data)).collect();
    let mut results = Results::new(&study, &folder, &truths);
    results.refresh()?;
    if args.report_only {
        return report(&mut results);
    }
    let left =
        |setting: usize| results.runs().filter(|(run, outcome)| run.setting == setting && outcome.is_none()).count();
    let left: Vec<usize> = (0..study.settings.len()).map(left).collect();
    if args.share.is_none() {
        let cost = estimate(&study, &datasets, &left, limits)?;
        printer::result(&plan(&study, &left, limits, cost));
    }
    if let Some(engine) = args.export {
        return export(args, &study, engine, limits);
    }
    if args.dry_run {
        return Ok(());
    }
    let abort = AtomicBool::new(false);
    let launcher = Launcher {
        program: env::current_exe().context("cannot find the `ctr` program to start the runs with")?,
        folder: &folder,
        threads: limits.threads,
        keep_checkpoints: study.config.keep_checkpoints,
        stop,
        abort: &abort,
    };
    let mine = |number: usize| args.share.is_none_or(|share| share.contains(number));
    let runs: Vec<&Run> =
        study.runs.iter().enumerate().filter(|&(number, _)| mine(number)).map(|(_, run)| run).collect();
    let started = Instant::now();
    let mut done = 0;
    let failed = work(&runs, limits.jobs, &launcher, &mut results, &mut |progress, results| {
        done += 1;
        printer::note(&line(progress, results, done, started)?);
        Ok(())
    })?;
    if args.share.is_none() {
        report(&mut results)?;
    }
    if !failed.is_empty() {
        bail!(
            "{} of {} runs failed: {}; the same command tries them again",
            failed.len(),
            runs.len(),
            failed.join(", ")
        );
    }
    Ok(())
}

/// Writes the tables and the report of the runs that are finished.
fn report(results: &mut Results<'_>) -> anyhow::Result<()> {
    results.refresh()?;
    results.write_tables()?;
    let summary = Summary::of(results)?;
    summary.write(results)?;
    write_report(results, &summary)?;
    printer::result(&table(results, &summary));
    Ok(())
}

/// Tasks of an export where nobody says how many: Slurm takes arrays up to index 1000 unless it is told otherwise.
const TASKS: usize = 1000;

/// Writes the files for another engine.
fn export(args: &AblateArgs, study: &Study, engine: Engine, limits: Limits) -> anyhow::Result<()> {
    let runs = study.runs.len();
    let directory = env::current_dir().context("cannot find the working directory")?;
    let folder = directory.join(&args.out).join(engine.name());
    let tasks = Tasks {
        name: study.name.clone(),
        program: env::current_exe().context("cannot find the `ctr` program to start the runs with")?,
        directory,
        folder: folder.clone(),
        arguments: args.worker_arguments()?,
        count: args.tasks.map_or(TASKS, usize::from).min(runs).max(1),
        at_a_time: limits.jobs,
        threads: limits.threads,
        gpu: !on_processor(study),
        container: args.image.clone().zip(args.claim.clone()).map(|(image, claim)| Container { image, claim }),
    };
    let export = tasks.export(engine);
    fs::create_dir_all(&folder).with_context(|| format!("{}: cannot create the folder", folder.display()))?;
    for file in &export.files {
        write_atomic(&folder.join(file.name), file.text.as_bytes())?;
    }
    printer::result(&format!(
        "tasks      {} for {}, in {}\nstart      {}",
        tasks.count,
        engine.name(),
        folder.display(),
        export.start
    ));
    Ok(())
}

/// One thread for a run unless asked otherwise: several small runs side by side make better use of cores than one on all of them.
fn limits(args: &AblateArgs, study: &Study) -> Limits {
    let threads = args.options.threads.unwrap_or(1);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let jobs = if on_processor(study) { (cores / threads).max(1) } else { 1 };
    Limits { jobs: args.jobs.map_or(jobs, usize::from), threads }
}

fn on_processor(study: &Study) -> bool {
    study.runs.iter().all(|run| matches!(run.plan.device.backend, BackendKind::Flex | BackendKind::NdArray))
}

/// Encodes each data set of the study once, before any run looks for it.
fn prepare(study: &Study, stop: &AtomicBool) -> anyhow::Result<Vec<Arc<Dataset>>> {
    let mut opened: Vec<(&Run, Arc<Dataset>)> = Vec::new();
    let mut all = Vec::new();
    for setting in 0..study.settings.len() {
        let Some(run) = study.runs_of(setting).next() else { continue };
        let known = opened.iter().find(|(other, _)| other.plan.data == run.plan.data);
        let data = if let Some((_, data)) = known {
            Arc::clone(data)
        } else {
            let bar = PrepareBar::new();
            let data = Arc::new(dataset::open(&run.plan, &|progress| bar.update(&progress), stop)?);
            bar.finish();
            opened.push((run, Arc::clone(&data)));
            data
        };
        all.push(data);
    }
    Ok(all)
}

fn truth(data: &Dataset) -> Option<Vec<f64>> {
    let shards = data.split(Split::Test);
    (0..shards.len()).map(|row| shards.true_probability(row)).collect()
}

/// What is going to happen.
fn plan(study: &Study, left: &[usize], limits: Limits, cost: Cost) -> String {
    let (runs, open) = (study.runs.len(), left.iter().sum::<usize>());
    let axes: Vec<String> = study
        .config
        .axes
        .iter()
        .map(|axis| {
            let levels: Vec<String> = axis.levels().into_iter().map(|level| level.name).collect();
            format!("axis       {}: {}\n", axis.name, levels.join(", "))
        })
        .collect();
    format!(
        "study      {}\n{}settings   {}, {} replicas each\nruns       {runs}, {} finished before\njobs       {} at a time, {} compute threads \
         each\ntime       {} at most, if no run stops early (a few steps of each setting were timed)\ndisk       {}",
        study.name,
        axes.concat(),
        study.settings.len(),
        study.config.replicas,
        runs - open,
        limits.jobs,
        limits.threads,
        duration(cost.seconds),
        size(cost.bytes),
    )
}

fn duration(seconds: f64) -> String {
    if seconds < 90.0 {
        format!("{seconds:.0} s")
    } else if seconds < 5400.0 {
        format!("{:.0} min", seconds / 60.0)
    } else {
        format!("{:.1} h", seconds / 3600.0)
    }
}

fn size(bytes: u64) -> String {
    let mebibytes = bytes as f64 / f64::from(1 << 20);
    if mebibytes < 1024.0 { format!("{mebibytes:.0} MiB") } else { format!("{:.1} GiB", mebibytes / 1024.0) }
}

/// What has just happened, with the setting's figures so far.
fn line(
    progress: &Progress<'_>,
    results: &Results<'_>,
    done: usize,
    started: Instant,
) -> Result<String, AblationError> {
    let total = results.study().runs.len();
    Ok(match progress {
        Progress::Failed { run, reason } => format!("{done}/{total}  {run}  FAILED: {reason}"),
        Progress::Finished { run, new: false, .. } => format!("{done}/{total}  {run}  finished before"),
        Progress::Finished { run, setting, new: true } => {
            let statistics = SettingStatistics::of(results, *setting)?;
            let seconds = started.elapsed().as_secs_f64();
            format!("{done}/{total}  {run}  {}  after {}", figures(&statistics), duration(seconds))
        }
    })
}

/// PD, log loss and AUC with their intervals, in a line.
fn figures(statistics: &SettingStatistics) -> String {
    let shown = ["pairwise_relative_pd", "log_loss", "auc"];
    let cells = MEASURES.iter().filter(|measure| shown.contains(&measure.key)).filter_map(|measure| {
        let estimate = statistics.estimates.get(measure.key)?;
        let interval = estimate.low.zip(estimate.high).map(|(low, high)| format!(" [{low:.5}, {high:.5}]"));
        Some(format!("{} {:.5}{}", measure.title, estimate.value, interval.unwrap_or_default()))
    });
    cells.collect::<Vec<_>>().join("  ")
}

/// The settings beside each other.
fn table(results: &Results<'_>, summary: &Summary) -> String {
    let study = results.study();
    let mut table = Table::new(&["setting", "M", "PD", "±", "log loss", "±", "AUC", "±", "Δ PD", "±"]);
    for (setting, SettingSummary { statistics, differences }) in study.settings.iter().zip(&summary.settings) {
        let mut cells = vec![setting.title(), statistics.replicas.len().to_string()];
        for key in ["pairwise_relative_pd", "log_loss", "auc"] {
            cells.extend(value_and_reach(statistics.estimates.get(key)));
        }
        cells.extend(value_and_reach(differences.get("pairwise_relative_pd")));
        table.row(cells);
    }
    format!(
        "\n{}\n\n± reaches to the ends of the {} % interval over replicas; Δ PD is to the first level of the compared axis, paired by \
         seed\nreport     {}",
        table.render(),
        study.config.confidence * 100.0,
        results.folder().file("report.html").display(),
    )
}

fn value_and_reach(estimate: Option<&crate::ablation::Estimate>) -> [String; 2] {
    let reach = estimate.and_then(|estimate| Some(estimate.high? - estimate.value));
    [metric(estimate.map(|estimate| estimate.value)), metric(reach)]
}
