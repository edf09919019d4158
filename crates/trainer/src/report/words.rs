//! What the figures say, in sentences that a reader can check against the tables.
use std::fmt::Write as _;

use super::html::{digits, escape};
use crate::ablation::{Estimate, SettingSummary, Study, Summary};

const PD: &str = "pairwise_relative_pd";
const LOSS: &str = "log_loss";

/// The list of findings, as HTML.
pub(super) fn findings(study: &Study, summary: &Summary, missing: usize) -> String {
    let mut items = vec![extent(study, missing)];
    let baselines = (0..study.settings.len()).filter(|&setting| study.settings[setting].baseline.is_none());
    for baseline in baselines {
        let compared: Vec<usize> =
            (0..study.settings.len()).filter(|&setting| study.settings[setting].baseline == Some(baseline)).collect();
        items.push(level(study, summary, baseline));
        if !compared.is_empty() {
            items.extend(comparison(study, summary, baseline, &compared));
        }
    }
    if study.settings.len() > 2 {
        items.push(format!(
            "Each interval stands for itself at {} %: none is widened for how many settings are compared.",
            study.config.confidence * 100.0
        ));
    }
    let items: Vec<String> = items.into_iter().map(|item| format!("<li>{item}</li>\n")).collect();
    format!("<ul>\n{}</ul>\n", items.concat())
}

fn extent(study: &Study, missing: usize) -> String {
    let (settings, replicas) = (study.settings.len(), study.config.replicas);
    let mut text = format!("{settings} settings, {replicas} replicas each: {} runs.", study.runs.len());
    if missing > 0 {
        let _ =
            write!(text, " <strong>{missing} runs are not finished or failed; what follows leaves them out.</strong>");
    }
    if replicas < 3 {
        text += " Intervals need three replicas; there are none here.";
    }
    text
}

fn with_range(estimate: &Estimate) -> String {
    let range = estimate.low.zip(estimate.high).map(|(low, high)| format!(" ({} … {})", digits(low), digits(high)));
    format!("{}{}", digits(estimate.value), range.unwrap_or_default())
}

/// How much the replicas of a baseline disagree.
fn level(study: &Study, summary: &Summary, baseline: usize) -> String {
    let title = escape(&study.settings[baseline].title());
    match summary.settings[baseline].statistics.estimates.get(PD) {
        None => format!(
            "<strong>{title}</strong>: fewer than two replicas are finished, so there is no prediction difference."
        ),
        Some(pd) if pd.value == 0.0 => {
            format!("<strong>{title}</strong>: its replicas predict the same; PD is exactly 0.")
        }
        Some(pd) => format!(
            "<strong>{title}</strong>: two replicas differ by {} of their mean prediction on an average row (PD).",
            with_range(pd)
        ),
    }
}

fn below(estimate: Option<&Estimate>) -> bool {
    estimate.and_then(|estimate| estimate.high).is_some_and(|high| high < 0.0)
}

fn above(estimate: Option<&Estimate>) -> bool {
    estimate.and_then(|estimate| estimate.low).is_some_and(|low| low > 0.0)
}

fn comparison(study: &Study, summary: &Summary, baseline: usize, compared: &[usize]) -> Vec<String> {
    let of = |setting: usize| -> &SettingSummary { &summary.settings[setting] };
    let known: Vec<usize> =
        compared.iter().copied().filter(|&setting| of(setting).differences.contains_key(PD)).collect();
    let title = escape(&study.settings[baseline].title());
    if known.is_empty() {
        return vec![format!("Nothing can be compared with {title} yet.")];
    }
    let lower: Vec<usize> = known.iter().copied().filter(|&setting| below(of(setting).differences.get(PD))).collect();
    let higher = known.iter().filter(|&&setting| above(of(setting).differences.get(PD))).count();
    let mut items = vec![format!(
        "Against {title}, of {} settings PD is lower in {}, higher in {higher}, and not told apart in {} (paired intervals).",
        known.len(),
        lower.len(),
        known.len() - lower.len() - higher,
    )];
    let change = |setting: usize| of(setting).differences[PD].value;
    let least = |among: &[usize]| among.iter().copied().min_by(|&a, &b| change(a).total_cmp(&change(b)));
    if let Some(best) = least(&lower) {
        items.push(format!("The largest reduction is that of {}.", sentence(study, summary, baseline, best)));
        let harmless: Vec<usize> =
            lower.iter().copied().filter(|&setting| !above(of(setting).differences.get(LOSS))).collect();
        match least(&harmless) {
            None => {
                items.push("Every setting with a lower PD has a higher log loss: it pays with accuracy.".to_owned());
            }
            Some(free) if free == best => {}
            Some(free) => items.push(format!(
                "Of those whose log loss is not shown to be higher, it is that of {}.",
                sentence(study, summary, baseline, free)
            )),
        }
    } else {
        items.push("No setting is shown to lower PD.".to_owned());
    }
    items
}

/// One setting's change of PD and log loss.
fn sentence(study: &Study, summary: &Summary, baseline: usize, setting: usize) -> String {
    let (base, ours) = (&summary.settings[baseline].statistics, &summary.settings[setting]);
    let pd = &ours.differences[PD];
    let share =
        base.estimates.get(PD).map(|base| format!(", {:+.1} %", 100.0 * pd.value / base.value)).unwrap_or_default();
    let loss = ours
        .differences
        .get(LOSS)
        .map(|loss| format!("; log loss changes by {}", with_range(loss)))
        .unwrap_or_default();
    let title = escape(&study.settings[setting].title());
    format!("<strong>{title}</strong>: PD changes by {}{share}{loss}", with_range(pd))
}
