//! The report of a study.
use std::fs;

use serde_json::json;

use super::figures::figures;
use super::html::{self, digits, escape};
use super::svg::Figure;
use super::words::findings;
use crate::ablation::{AblationError, MEASURES, Measure, Results, Row, Source, Summary, write_csv};
use crate::repro::write_atomic;

/// Writes `report.html` and `figures/` into the study's folder.
///
/// # Errors
/// When predictions cannot be read, or a file cannot be written.
pub fn write_report(results: &Results<'_>, summary: &Summary) -> Result<(), AblationError> {
    let folder = results.folder().file("figures");
    fs::create_dir_all(&folder).map_err(|cause| AblationError::Io {
        path: folder.clone(),
        what: "cannot create the folder",
        cause,
    })?;
    let figures = figures(results, summary)?;
    for figure in &figures {
        write_atomic(&folder.join(format!("{}.svg", figure.name)), figure.file().as_bytes())?;
        write_csv(&folder.join(format!("{}.csv", figure.name)), &numbers(figure))?;
    }
    let page = html::page(&results.study().name, &body(results, summary, &figures));
    Ok(write_atomic(&results.folder().file("report.html"), page.as_bytes())?)
}

/// The numbers of a figure, one line for each point.
fn numbers(figure: &Figure) -> Vec<Row> {
    let end = |interval: Option<(f64, f64)>, of: fn((f64, f64)) -> f64| json!(interval.map(of));
    let points = figure.series.iter().flat_map(|series| series.points.iter().map(move |point| (series, point)));
    let row = |(series, point): (&super::svg::Series, &super::svg::Point)| {
        vec![
            ("series".to_owned(), json!(series.name)),
            ("x".to_owned(), json!(point.x)),
            ("x_low".to_owned(), end(point.x_interval, |interval| interval.0)),
            ("x_high".to_owned(), end(point.x_interval, |interval| interval.1)),
            ("y".to_owned(), json!(point.y)),
            ("y_low".to_owned(), end(point.y_interval, |interval| interval.0)),
            ("y_high".to_owned(), end(point.y_interval, |interval| interval.1)),
        ]
    };
    points.map(row).collect()
}

fn body(results: &Results<'_>, summary: &Summary, figures: &[Figure]) -> String {
    let study = results.study();
    let question = study.config.question.as_ref().map(|text| format!("<p class=\"question\">{}</p>\n", escape(text)));
    let missing = results.runs().filter(|(_, outcome)| outcome.is_none()).count();
    let headline: Vec<&Measure> = MEASURES.iter().take(4).collect();
    let all: Vec<&Measure> = MEASURES.iter().collect();
    let figures: Vec<String> = figures
        .iter()
        .map(|figure| {
            let title = escape(&figure.title);
            format!("<figure>\n<h3>{title}</h3>\n{}<figcaption>{} <a href=\"figures/{}.csv\">CSV</a></figcaption>\n</figure>\n", figure.svg(), escape(&figure.caption), figure.name)
        })
        .collect();
    [
        format!("<h1>{}</h1>\n{}", escape(&study.name), question.unwrap_or_default()),
        format!("<section id=\"summary\">\n<h2>In words</h2>\n{}</section>\n", findings(study, summary, missing)),
        format!(
            "<section id=\"settings\">\n<h2>Settings</h2>\n{}</section>\n",
            settings_table(results, summary, &headline)
        ),
        format!(
            "<section id=\"figures\">\n<h2>Figures</h2>\n<div class=\"figures\">\n{}</div>\n</section>\n",
            figures.concat()
        ),
        format!("<details>\n<summary>Every measure</summary>\n{}</details>\n", settings_table(results, summary, &all)),
        format!("<section id=\"cost\">\n<h2>Cost</h2>\n{}</section>\n", cost(results)),
        method(results),
    ]
    .concat()
}

/// Each setting with its estimates and, where it has a baseline, its paired differences.
fn settings_table(results: &Results<'_>, summary: &Summary, measures: &[&Measure]) -> String {
    let study = results.study();
    let measures: Vec<&&Measure> = measures
        .iter()
        .filter(|measure| summary.settings.iter().any(|setting| setting.statistics.estimates.contains_key(measure.key)))
        .collect();
    let compared = summary.settings.iter().any(|setting| !setting.differences.is_empty());
    let mut head = vec!["setting".to_owned(), "M".to_owned()];
    for measure in &measures {
        head.push(escape(measure.title));
        if compared {
            head.push(format!("Δ {}", escape(measure.title)));
        }
    }
    let rows: Vec<Vec<String>> = study
        .settings
        .iter()
        .zip(&summary.settings)
        .map(|(setting, summary)| {
            let mut row = vec![escape(&setting.title()), summary.statistics.replicas.len().to_string()];
            for measure in &measures {
                row.push(html::estimate(summary.statistics.estimates.get(measure.key)));
                if compared {
                    row.push(html::difference(summary.differences.get(measure.key), measure));
                }
            }
            row
        })
        .collect();
    html::table(&head, &rows)
}

/// What the runs cost: the only part of the report in which a clock shows.
fn cost(results: &Results<'_>) -> String {
    let study = results.study();
    let head =
        ["setting", "parameters", "epochs", "steps", "training, s", "rows/s", "threads", "device"].map(str::to_owned);
    let rows: Vec<Vec<String>> = (0..study.settings.len())
        .filter_map(|setting| {
            let runs: Vec<_> = results.finished(setting).map(|(_, outcome)| outcome).collect();
            let first = runs.first()?;
            let mean = |of: &dyn Fn(&&crate::ablation::RunOutcome) -> f64| {
                runs.iter().map(of).sum::<f64>() / runs.len() as f64
            };
            Some(vec![
                escape(&study.settings[setting].title()),
                first.record.parameters.to_string(),
                format!("{:.1}", mean(&|run| run.result.epochs as f64)),
                format!("{:.0}", mean(&|run| run.result.steps as f64)),
                format!("{:.1}", mean(&|run| run.train_seconds())),
                format!("{:.0}", mean(&|run| run.samples_per_second().unwrap_or(f64::NAN))),
                first.record.threads.to_string(),
                escape(&first.record.device),
            ])
        })
        .collect();
    format!(
        "<p>Means over the replicas of each setting; several runs may have shared the machine.</p>\n{}",
        html::table(&head, &rows)
    )
}

fn method(results: &Results<'_>) -> String {
    let study = results.study();
    let define =
        |measure: &Measure| format!("<dt>{}</dt><dd>{}</dd>\n", escape(measure.title), escape(measure.formula));
    let definitions: Vec<String> = MEASURES.iter().map(define).collect();
    let rows = results.runs().find_map(|(_, outcome)| Some(outcome?.result.test.rows));
    let vary: Vec<&str> = study.config.vary.iter().copied().map(source_name).collect();
    format!(
        "<section id=\"method\">\n<h2>How to read this</h2>\n<p>Test rows: {}. Replicas of a setting differ in: {}. Intervals are {} % delete-one \
         jackknife intervals over replicas with Student's t: pairs share replicas and rows share models, so neither is resampled. Δ is the \
         setting minus the first level of “{}” with everything else equal, paired by replica, since replica r has the same seeds \
         everywhere.</p>\n<dl>\n{}</dl>\n</section>\n<footer>Made by ctr {}. Every run, its config and its predictions lie beside this file, \
         in runs/.</footer>\n",
        rows.map_or_else(|| "none yet".to_owned(), |rows| digits(rows as f64)),
        if vary.is_empty() { "nothing, unless the setting says so".to_owned() } else { vary.join(", ") },
        study.config.confidence * 100.0,
        study.config.axes.get(study.config.compared_axis()).map_or("none", |axis| axis.name.as_str()),
        definitions.concat(),
        env!("CARGO_PKG_VERSION"),
    )
}

fn source_name(source: Source) -> &'static str {
    match source {
        Source::Init => "initial values",
        Source::Shuffle => "order of the training rows",
        Source::Dropout => "dropout masks",
        Source::OneUlp => "one unit in the last place of one weight",
        Source::ReductionOrder => "order of summation within batches",
    }
}
