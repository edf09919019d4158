//! The figures of a study.
use std::collections::BTreeMap;

use super::examples::ExampleFigures;
use super::scale::Spacing;
use super::svg::{AxisStyle, Figure, Point, Series, Style};
use crate::ablation::{AblationError, Estimate, Results, SettingSummary, Study, Summary};

/// Settings shown in figures of single rows and epochs: more lines cannot be told apart.
const SHOWN: usize = 6;

const PD: &str = "pairwise_relative_pd";

/// Every figure that the finished runs give.
pub(super) fn figures(results: &Results<'_>, summary: &Summary) -> Result<Vec<Figure>, AblationError> {
    let study = results.study();
    let loss = if summary.settings.iter().any(|setting| setting.statistics.estimates.contains_key("excess_log_loss")) {
        ("excess_log_loss", "excess log loss (nats)")
    } else {
        ("log_loss", "log loss (nats)")
    };
    let mut all = vec![frontier(study, summary, loss)];
    all.extend(against_beta(study, summary, "pd_beta", (PD, "prediction difference (PD)")));
    all.extend(against_beta(study, summary, "loss_beta", loss));
    let shown = shown(study, summary);
    let examples = shown
        .iter()
        .filter(|&&setting| summary.settings[setting].statistics.replicas.len() >= 2)
        .map(|&setting| Ok((setting, ExampleFigures::of(&results.predictions(setting)?)?)))
        .collect::<Result<Vec<_>, AblationError>>()?;
    all.extend(example_figures(study, &examples));
    all.push(curves(results, &shown));
    all.retain(|figure| figure.series.iter().any(|series| !series.points.is_empty()));
    Ok(all)
}

/// A series for each activation family at each combination of the other axes, in the order of the settings.
fn families<'a>(study: &'a Study, summary: &'a Summary) -> Vec<(String, Vec<(usize, &'a SettingSummary)>)> {
    let mut order: Vec<String> = Vec::new();
    let mut members: BTreeMap<String, Vec<(usize, &SettingSummary)>> = BTreeMap::new();
    for (index, (setting, summary)) in study.settings.iter().zip(&summary.settings).enumerate() {
        // What the family does not say: the levels of the axes that do not choose the activation.
        let others: Vec<&str> = setting
            .levels
            .iter()
            .map(String::as_str)
            .filter(|level| {
                !level.to_lowercase().starts_with(&setting.family.split(',').next().unwrap_or_default().to_lowercase())
            })
            .collect();
        let name = std::iter::once(setting.family.as_str()).chain(others).collect::<Vec<_>>().join(", ");
        if !order.contains(&name) {
            order.push(name.clone());
        }
        members.entry(name).or_default().push((index, summary));
    }
    order.into_iter().map(|name| (name.clone(), members.remove(&name).unwrap_or_default())).collect()
}

fn estimate<'a>(summary: &'a SettingSummary, key: &str) -> Option<&'a Estimate> {
    summary.statistics.estimates.get(key)
}

fn interval(estimate: &Estimate) -> Option<(f64, f64)> {
    estimate.low.zip(estimate.high)
}

fn linear(title: &'static str) -> AxisStyle {
    AxisStyle { title, spacing: Spacing::Linear }
}

fn log(title: &'static str) -> AxisStyle {
    AxisStyle { title, spacing: Spacing::Log }
}

fn frontier(study: &Study, summary: &Summary, (loss, loss_title): (&'static str, &'static str)) -> Figure {
    let point = |(index, summary): (usize, &SettingSummary)| {
        let (x, y) = (estimate(summary, loss)?, estimate(summary, PD)?);
        let label = study.settings[index].beta.map_or_else(String::new, |beta| format!("β={beta}"));
        Some(Point { x: x.value, y: y.value, x_interval: interval(x), y_interval: interval(y), label })
    };
    let series = families(study, summary).into_iter().map(|(name, members)| Series {
        name,
        points: members.into_iter().filter_map(point).collect(),
        style: Style::LineAndPoints,
    });
    Figure {
        name: "frontier",
        title: "Prediction difference against accuracy".to_owned(),
        caption: "Lower left is better in both. One series for each family; bars are intervals over replicas."
            .to_owned(),
        x: linear(loss_title),
        y: linear("prediction difference (PD)"),
        series: series.collect(),
        diagonal: false,
    }
}

/// Families with a β as lines, the others as levels; none where no family has two values of β.
fn against_beta(
    study: &Study,
    summary: &Summary,
    name: &'static str,
    (key, title): (&'static str, &'static str),
) -> Option<Figure> {
    let families = families(study, summary);
    let series: Vec<Series> = families
        .into_iter()
        .map(|(name, members)| {
            let mut points: Vec<Point> = members
                .iter()
                .filter_map(|(index, summary)| {
                    let y = estimate(summary, key)?;
                    let x = study.settings[*index].beta.unwrap_or(f64::NAN);
                    Some(Point { x, y: y.value, y_interval: interval(y), ..Point::default() })
                })
                .collect();
            points.sort_by(|a, b| a.x.total_cmp(&b.x));
            let style = if points.len() > 1 && points[0].x.is_finite() { Style::LineAndPoints } else { Style::Level };
            Series { name, points, style }
        })
        .collect();
    let any = series.iter().any(|series| series.style == Style::LineAndPoints);
    any.then(|| Figure {
        name,
        title: format!("{} against β", if key == PD { "Prediction difference" } else { "Log loss" }),
        caption: "β of the activation, logarithmic. Dashed levels: activations without β.".to_owned(),
        x: log("β"),
        y: linear(title),
        series,
        diagonal: false,
    })
}

/// The baseline first, then the settings compared with it; where there are too many, evenly chosen, the last included.
fn shown(study: &Study, summary: &Summary) -> Vec<usize> {
    let done = |&setting: &usize| !summary.settings[setting].statistics.replicas.is_empty();
    let group: Vec<usize> = (0..study.settings.len())
        .filter(|&setting| study.settings[setting].baseline.unwrap_or(setting) == 0)
        .filter(done)
        .collect();
    if group.len() <= SHOWN {
        return group;
    }
    (0..SHOWN).map(|place| group[place * (group.len() - 1) / (SHOWN - 1)]).collect()
}

fn lines(
    study: &Study,
    examples: &[(usize, ExampleFigures)],
    of: impl Fn(&ExampleFigures) -> &[(f64, f64)],
) -> Vec<Series> {
    let series = |(setting, figures): &(usize, ExampleFigures)| Series {
        name: study.settings[*setting].title(),
        points: of(figures).iter().map(|&(x, y)| Point { x, y, ..Point::default() }).collect(),
        style: Style::Line,
    };
    examples.iter().map(series).collect()
}

fn example_figures(study: &Study, examples: &[(usize, ExampleFigures)]) -> Vec<Figure> {
    let figure = |name, title: &str, caption: &str, x, y, series, diagonal| Figure {
        name,
        title: title.to_owned(),
        caption: caption.to_owned(),
        x,
        y,
        series,
        diagonal,
    };
    vec![
        figure(
            "pd_histogram",
            "How prediction difference is spread over the test rows",
            "Share of rows by their own PD, averaged over pairs of replicas; the first bin holds everything below.",
            log("PD of a row"),
            linear("share of rows"),
            lines(study, examples, |figures| &figures.histogram),
            false,
        ),
        figure(
            "pd_probability",
            "Prediction difference against predicted probability",
            "Mean PD in twenty bins of equal mass along the mean predicted probability.",
            log("predicted probability"),
            linear("mean PD"),
            lines(study, examples, |figures| &figures.by_probability),
            false,
        ),
        figure(
            "calibration",
            "Calibration",
            "Click rate against predicted probability in twenty bins of equal mass, first replica; dashed: perfect.",
            linear("predicted probability"),
            linear("click rate"),
            lines(study, examples, |figures| &figures.calibration),
            true,
        ),
    ]
}

/// Validation log loss by epoch, mean over the replicas that came so far.
fn curves(results: &Results<'_>, shown: &[usize]) -> Figure {
    let series = |&setting: &usize| {
        let runs: Vec<_> = results.finished(setting).map(|(_, outcome)| outcome).collect();
        let last = runs.iter().map(|run| run.epochs.len()).max().unwrap_or(0);
        let point = |epoch: usize| {
            let losses: Vec<f64> =
                runs.iter().filter_map(|run| run.epochs.get(epoch)).map(|e| e.valid_log_loss).collect();
            let y = losses.iter().sum::<f64>() / losses.len() as f64;
            Point { x: (epoch + 1) as f64, y, ..Point::default() }
        };
        let name = results.study().settings[setting].title();
        Series { name, points: (0..last).map(point).collect(), style: Style::LineAndPoints }
    };
    Figure {
        name: "curves",
        title: "Training curves".to_owned(),
        caption: "Validation log loss after each epoch, mean over the replicas that came so far.".to_owned(),
        x: linear("epoch"),
        y: linear("validation log loss (nats)"),
        series: shown.iter().map(series).collect(),
        diagonal: false,
    }
}
