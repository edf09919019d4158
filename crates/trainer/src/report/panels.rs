//! Which settings share a figure.
use std::collections::BTreeMap;

use crate::ablation::{SettingSummary, Study, Summary};

/// Series of one figure at most, where they can be divided among several.
const SERIES: usize = 8;
/// Figures of one kind at most: beyond, many series in one figure are the lesser evil.
const PANELS: usize = 6;

/// A setting with its number.
pub(super) type Member<'a> = (usize, &'a SettingSummary);

/// What goes into one figure.
pub(super) struct Panel<'a> {
    /// The levels that all of it has, where there are other panels.
    pub(super) title: String,
    /// The families of activations with their settings, in the order of the study.
    pub(super) families: Vec<(String, Vec<Member<'a>>)>,
}

impl Panel<'_> {
    /// A name with that of the panel behind it, of letters, digits and underscores.
    pub(super) fn file(&self, name: &str) -> String {
        let title = self.title.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        if title.is_empty() { name.to_owned() } else { format!("{name}_{title}") }
    }

    /// A heading with the title of the panel behind it.
    pub(super) fn heading(&self, heading: &str) -> String {
        if self.title.is_empty() { heading.to_owned() } else { format!("{heading}: {}", self.title) }
    }
}

/// A setting, and where it belongs.
#[derive(Clone)]
struct Placed<'a> {
    /// The levels that do not choose the activation.
    others: String,
    family: String,
    member: Member<'a>,
}

/// One panel with a series for each family of activations at each combination of the other axes; one panel for each combination where that
/// would be too many series.
pub(super) fn panels<'a>(study: &Study, summary: &'a Summary) -> Vec<Panel<'a>> {
    let settings = study.settings.iter().zip(&summary.settings).enumerate();
    let placed: Vec<Placed<'a>> = settings
        .map(|(index, (setting, summary))| {
            let family = setting.family.split(',').next().unwrap_or_default().to_lowercase();
            let others = setting.levels.iter().filter(|level| !level.to_lowercase().starts_with(&family));
            let others = others.map(String::as_str).collect::<Vec<_>>().join(", ");
            Placed { others, family: setting.family.clone(), member: (index, summary) }
        })
        .collect();
    let together = grouped(&placed, &|placed| match placed.others.as_str() {
        "" => placed.family.clone(),
        others => format!("{}, {others}", placed.family),
    });
    let apart = grouped(&placed, &|placed| placed.others.clone());
    if together.len() <= SERIES || !(2..=PANELS).contains(&apart.len()) {
        return vec![Panel { title: String::new(), families: members(together) }];
    }
    let panel = |(title, placed): (String, Vec<Placed<'a>>)| Panel {
        title,
        families: members(grouped(&placed, &|placed| placed.family.clone())),
    };
    apart.into_iter().map(panel).collect()
}

fn members(groups: Vec<(String, Vec<Placed<'_>>)>) -> Vec<(String, Vec<Member<'_>>)> {
    groups.into_iter().map(|(name, group)| (name, group.into_iter().map(|placed| placed.member).collect())).collect()
}

/// The items by key, in the order in which the keys come first.
fn grouped<T: Clone>(items: &[T], key: &dyn Fn(&T) -> String) -> Vec<(String, Vec<T>)> {
    let mut order: Vec<String> = Vec::new();
    let mut groups: BTreeMap<String, Vec<T>> = BTreeMap::new();
    for item in items {
        let key = key(item);
        if !order.contains(&key) {
            order.push(key.clone());
        }
        groups.entry(key).or_default().push(item.clone());
    }
    order.into_iter().map(|key| (key.clone(), groups.remove(&key).unwrap_or_default())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_keep_the_order_of_their_first_items() {
        let groups = grouped(&["b1", "a1", "b2"], &|item| item[..1].to_owned());
        assert_eq!(groups, [("b".to_owned(), vec!["b1", "b2"]), ("a".to_owned(), vec!["a1"])]);
    }

    #[test]
    fn a_panel_names_its_files_and_headings() {
        let panel = |title: &str| Panel { title: title.to_owned(), families: Vec::new() };
        assert_eq!((panel("").file("frontier"), panel("").heading("PD")), ("frontier".to_owned(), "PD".to_owned()));
        let both = panel("DCN-V2, batch norm");
        assert_eq!(both.file("frontier"), "frontier_dcn_v2__batch_norm");
        assert_eq!(both.heading("PD"), "PD: DCN-V2, batch norm");
    }
}
