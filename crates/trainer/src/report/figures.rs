//! The figures of a study.
use super::examples::ExampleFigures;
use super::panels::{Member, Panel, panels};
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
    let panels = panels(study, summary);
    let mut all: Vec<Figure> = panels.iter().map(|panel| frontier(study, panel, loss)).collect();
    let pd = (PD, "prediction difference (PD)");
    let along = [
        AlongBeta { name: "pd_beta", heading: "Prediction difference against β", y: pd, scaled: false },
        AlongBeta { name: "pd_beta_spread", heading: "Prediction difference against β / σ", y: pd, scaled: true },
        AlongBeta { name: "loss_beta", heading: "Log loss against β", y: loss, scaled: false },
    ];
    for what in &along {
        all.extend(panels.iter().filter_map(|panel| along_beta(study, panel, what)));
    }
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

fn frontier(study: &Study, panel: &Panel<'_>, (loss, loss_title): (&'static str, &'static str)) -> Figure {
    let point = |&(index, summary): &Member<'_>| {
        let (x, y) = (estimate(summary, loss)?, estimate(summary, PD)?);
        // Those of other families are converted and end in rounding errors.
        let label =
            study.settings[index].beta.map_or_else(String::new, |beta| format!("β={}", (beta * 1e3).round() / 1e3));
        Some(Point { x: x.value, y: y.value, x_interval: interval(x), y_interval: interval(y), label })
    };
    let series = panel.families.iter().map(|(name, members)| Series {
        name: name.clone(),
        points: members.iter().filter_map(point).collect(),
        style: Style::LineAndPoints,
    });
    Figure {
        name: panel.file("frontier"),
        title: panel.heading("Prediction difference against accuracy"),
        caption: "Lower left is better in both. One series for each family; bars are intervals over replicas."
            .to_owned(),
        x: linear(loss_title),
        y: linear("prediction difference (PD)"),
        series: series.collect(),
        diagonal: false,
    }
}

/// What a figure along β shows.
struct AlongBeta {
    name: &'static str,
    heading: &'static str,
    y: (&'static str, &'static str),
    /// Whether β is measured in standard deviations of the pre-activations.
    scaled: bool,
}

/// Families with a β as lines, the others as levels; none where no family has two values of β.
fn along_beta(study: &Study, panel: &Panel<'_>, what: &AlongBeta) -> Option<Figure> {
    let (key, title) = what.y;
    let place = |&(index, summary): &Member<'_>| {
        let spread =
            || estimate(summary, "pre_activation_std").map(|spread| spread.value).filter(|&spread| spread > 0.0);
        let unit = if what.scaled { spread() } else { Some(1.0) };
        study.settings[index].beta.zip(unit).map_or(f64::NAN, |(beta, unit)| beta / unit)
    };
    let series: Vec<Series> = panel
        .families
        .iter()
        .map(|(name, members)| {
            let point = |member: &Member<'_>| {
                let y = estimate(member.1, key)?;
                Some(Point { x: place(member), y: y.value, y_interval: interval(y), ..Point::default() })
            };
            let mut points: Vec<Point> = members.iter().filter_map(point).collect();
            points.sort_by(|a, b| a.x.total_cmp(&b.x));
            let style = if points.len() > 1 && points[0].x.is_finite() { Style::LineAndPoints } else { Style::Level };
            Series { name: name.clone(), points, style }
        })
        .collect();
    let any = series.iter().any(|series| series.style == Style::LineAndPoints);
    let caption = if what.scaled {
        "β of the activation over the standard deviation of what it is applied to (mean over hidden layers and replicas), logarithmic. Dashed \
         levels: activations without β."
    } else {
        "β of the activation, logarithmic; for other families that of the SmeLU with the same curvature at 0. Dashed levels: activations \
         without β."
    };
    any.then(|| Figure {
        name: panel.file(what.name),
        title: panel.heading(what.heading),
        caption: caption.to_owned(),
        x: log(if what.scaled { "β / σ" } else { "β" }),
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
    let figure = |name: &str, title: &str, caption: &str, x, y, series, diagonal| Figure {
        name: name.to_owned(),
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
        name: "curves".to_owned(),
        title: "Training curves".to_owned(),
        caption: "Validation log loss after each epoch, mean over the replicas that came so far.".to_owned(),
        x: linear("epoch"),
        y: linear("validation log loss (nats)"),
        series: shown.iter().map(series).collect(),
        diagonal: false,
    }
}
