//! The layout of the Criteo display-advertising data.

use std::path::{Path, PathBuf};

use super::csv::split;
use super::lines::{self, Lines};
use super::{DataSource, Labels, Row, RowVisitor, SourceColumns, Span, field_count, label};
use crate::config::CriteoConfig;
use crate::error::{DataError, Refusal};

/// A Criteo file: see [`CriteoConfig`] for its columns.
#[derive(Debug)]
pub struct CriteoSource {
    path: PathBuf,
    columns: SourceColumns,
    /// For each field, its place among the 39 columns after the label.
    places: Vec<usize>,
}

/// Columns after the label.
const COLUMNS: usize = 39;

impl CriteoSource {
    /// The file at `path`; it is opened when it is read.
    ///
    /// # Errors
    /// [`DataError::MissingColumn`] for a field that is none of `I1` … `I13`, `C1` … `C26`.
    pub fn new(path: &Path, columns: SourceColumns) -> Result<Self, DataError> {
        let known = CriteoConfig::columns();
        let places = columns.fields.iter().map(|field| {
            known.iter().position(|name| *name == field.name).ok_or_else(|| DataError::MissingColumn {
                file: path.display().to_string(),
                column: field.name.clone(),
                found: known.clone(),
            })
        });
        let places = places.collect::<Result<_, _>>()?;
        Ok(Self { path: path.to_path_buf(), columns, places })
    }

    /// Whether the file has labels: its first row tells, and all others must agree.
    fn labelled(&self, found: usize, line: u64) -> Result<bool, DataError> {
        match (found - COLUMNS.min(found), self.columns.labels) {
            (1, _) => Ok(true),
            (0, Labels::Optional) if found == COLUMNS => Ok(false),
            (_, Labels::Required) => {
                Err(field_count(found, format!("{}: a label, 13 integers and 26 categories", COLUMNS + 1))
                    .at(&self.name(), line))
            }
            (_, Labels::Optional) => {
                Err(field_count(found, format!("{COLUMNS}, or {} with a label", COLUMNS + 1)).at(&self.name(), line))
            }
        }
    }
}

impl DataSource for CriteoSource {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn columns(&self) -> &SourceColumns {
        &self.columns
    }

    fn size(&self) -> Result<u64, DataError> {
        lines::size(&self.path)
    }

    fn fingerprint(&self, watch: &mut dyn FnMut(u64) -> Result<(), DataError>) -> Result<[u8; 32], DataError> {
        lines::fingerprint(&self.path, watch)
    }

    fn read(&self, visit: &mut RowVisitor<'_>) -> Result<(), DataError> {
        let mut lines = Lines::open(&self.path)?;
        let mut all = Vec::with_capacity(COLUMNS + 1);
        let mut spans = vec![Span::default(); self.places.len()];
        let mut labelled = None;
        while let Some(position) = lines.advance()? {
            let text = lines.text()?;
            split(text, b'\t', &mut all);
            let line = position.line;
            let has_label = match labelled {
                Some(has_label) => has_label,
                None => *labelled.insert(self.labelled(all.len(), line)?),
            };
            let before = usize::from(has_label);
            if all.len() != COLUMNS + before {
                return Err(
                    field_count(all.len(), format!("{}, as in the first row", COLUMNS + before)).at(lines.name(), line)
                );
            }
            let label = if has_label {
                let text = &text[all[0].start as usize..all[0].end as usize];
                Some(
                    label(text)
                        .map_err(|refusal: Refusal| refusal.column(&self.columns.label).at(lines.name(), line))?,
                )
            } else {
                None
            };
            for (span, &place) in spans.iter_mut().zip(&self.places) {
                *span = all[before + place];
            }
            visit(&Row { line, offset: position.offset, label, true_probability: None, text, spans: &spans })?;
        }
        Ok(())
    }
}
