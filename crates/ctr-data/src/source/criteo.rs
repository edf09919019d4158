//! The layout of the Criteo display-advertising data.

use super::line_error::field_count;
use super::split_text::split;
use super::text::{File, Layout, Parsed, Parts, TextFormat};
use super::{Labels, SourceColumns, label};
use crate::config::CriteoConfig;
use crate::error::{DataError, Refusal};

/// The format of [`CriteoConfig`].
#[derive(Debug)]
pub(super) struct CriteoFormat {
    /// For each field, its place among the 39 columns after the label.
    places: Vec<usize>,
}

/// Columns after the label.
const COLUMNS: usize = 39;

impl CriteoFormat {
    /// The format of files called `name`.
    pub(super) fn new(name: &str, columns: &SourceColumns) -> Result<Self, DataError> {
        let known = CriteoConfig::columns();
        let places = columns.fields.iter().map(|field| {
            known.iter().position(|name| *name == field.name).ok_or_else(|| DataError::MissingColumn {
                file: name.to_owned(),
                column: field.name.clone(),
                found: known.clone(),
            })
        });
        Ok(Self { places: places.collect::<Result<_, _>>()? })
    }
}

impl TextFormat for CriteoFormat {
    /// Whether the file has labels: its first row tells, and all others must agree.
    fn layout(&self, first: &str, file: File, columns: &SourceColumns) -> Result<Layout, DataError> {
        let mut all = Vec::new();
        split(first, b'\t', &mut all);
        let labelled = match (columns.labels, all.len()) {
            (Labels::Optional, COLUMNS) => false,
            (Labels::Optional, found) if found != COLUMNS + 1 => {
                return Err(field_count(found, format!("{COLUMNS}, or {} with a label", COLUMNS + 1)).at(&file.name, 1));
            }
            _ => true,
        };
        let before = usize::from(labelled);
        let fields = self.places.iter().map(|place| before + place).collect();
        let label = labelled.then_some(0);
        Ok(Layout { file, header: Vec::new(), width: COLUMNS + before, label, true_probability: None, fields })
    }

    fn row<'a>(
        &self,
        record: &'a str,
        layout: &Layout,
        columns: &SourceColumns,
        parts: &'a mut Parts,
    ) -> Result<Parsed<'a>, Refusal> {
        let Parts { all, spans, .. } = parts;
        split(record, b'\t', all);
        if all.len() != layout.width {
            let expected = match (columns.labels, layout.label) {
                (Labels::Required, _) => format!("{}: a label, 13 integers and 26 categories", COLUMNS + 1),
                (Labels::Optional, _) => format!("{}, as in the first row", layout.width),
            };
            return Err(field_count(all.len(), expected));
        }
        let label = layout.label.map(|place| label(all[place].of(record)).map_err(|r| r.column(&columns.label)));
        spans.clear();
        spans.extend(layout.fields.iter().map(|&place| all[place]));
        Ok(Parsed { label: label.transpose()?, true_probability: None, text: record, spans })
    }
}
