//! The settings of a study beside each other.
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::results::{Row, write_csv};
use super::{AblationError, Estimate, MEASURES, Results, SettingStatistics};

/// Every setting's statistics.
#[derive(Clone, Debug)]
pub struct Summary {
    /// In the order of the study's settings.
    pub settings: Vec<SettingSummary>,
}

/// One setting.
#[derive(Clone, Debug)]
pub struct SettingSummary {
    /// Its own measures.
    pub statistics: SettingStatistics,
    /// Each measure minus that of the baseline, paired by replica; empty for a baseline.
    pub differences: BTreeMap<&'static str, Estimate>,
}

impl Summary {
    /// The statistics of the runs that are finished.
    ///
    /// # Errors
    /// When predictions cannot be read or compared.
    pub fn of(results: &Results<'_>) -> Result<Self, AblationError> {
        let study = results.study();
        let all = (0..study.settings.len()).map(|setting| SettingStatistics::of(results, setting));
        let all = all.collect::<Result<Vec<_>, _>>()?;
        let differences = |setting: usize| {
            let Some(baseline) = study.settings[setting].baseline else { return BTreeMap::new() };
            let difference = |key| all[setting].difference(&all[baseline], key, study.config.confidence);
            MEASURES.iter().filter_map(|measure| Some((measure.key, difference(measure.key)?))).collect()
        };
        let differences: Vec<_> = (0..all.len()).map(differences).collect();
        let pairs = all.into_iter().zip(differences);
        Ok(Self {
            settings: pairs.map(|(statistics, differences)| SettingSummary { statistics, differences }).collect(),
        })
    }

    /// Writes `settings.csv`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, results: &Results<'_>) -> Result<(), AblationError> {
        let rows: Vec<Row> = (0..self.settings.len()).map(|setting| self.row(results, setting)).collect();
        write_csv(&results.folder().file("settings.csv"), &rows)
    }

    fn row(&self, results: &Results<'_>, index: usize) -> Row {
        let (study, summary) = (results.study(), &self.settings[index]);
        let setting = &study.settings[index];
        let axes = study.config.axes.iter().map(|axis| axis.name.clone());
        let mut row: Row = axes.zip(setting.levels.iter().map(|level| json!(level))).collect();
        row.push(("replicas".to_owned(), json!(summary.statistics.replicas.len())));
        for measure in &MEASURES {
            cells(&mut row, measure.key, summary.statistics.estimates.get(measure.key));
            cells(&mut row, &format!("{}_difference", measure.key), summary.differences.get(measure.key));
        }
        row
    }
}

fn cells(row: &mut Row, key: &str, estimate: Option<&Estimate>) {
    let number = |value: Option<f64>| value.map_or(Value::Null, |value| json!(value));
    row.push((key.to_owned(), number(estimate.map(|estimate| estimate.value))));
    row.push((format!("{key}_low"), number(estimate.and_then(|estimate| estimate.low))));
    row.push((format!("{key}_high"), number(estimate.and_then(|estimate| estimate.high))));
}
