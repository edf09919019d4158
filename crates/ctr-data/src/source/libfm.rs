//! `label field:feature:value …`

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::sparse::{self, NEXT, Placed};
use super::{DataSource, RowVisitor, SourceColumns, lines};
use crate::config::LibfmConfig;
use crate::error::{DataError, Refusal, shown};

/// A file of field-aware lines: see [`LibfmConfig`].
#[derive(Debug)]
pub struct LibfmSource {
    path: PathBuf,
    columns: SourceColumns,
    field_of: BTreeMap<String, usize>,
}

impl LibfmSource {
    /// The file at `path`; it is opened when it is read.
    #[must_use]
    pub fn new(path: &Path, config: &LibfmConfig, columns: SourceColumns) -> Self {
        let keyed = |(field, name): (usize, &String)| (config.key.get(name).unwrap_or(name).clone(), field);
        let field_of = columns.fields.iter().map(|field| &field.name).enumerate().map(keyed).collect();
        Self { path: path.to_path_buf(), columns, field_of }
    }

    fn place<'a>(&self, token: &'a str) -> Result<Option<Placed<'a>>, Refusal> {
        let mut parts = token.split(':');
        let (Some(key), Some(feature), Some(value), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Refusal::new(shown(token.as_bytes()), "field:feature:value", NEXT));
        };
        if key.is_empty() || feature.is_empty() || value.is_empty() {
            return Err(Refusal::new(shown(token.as_bytes()), "field:feature:value, none of them empty", NEXT));
        }
        let Some(&field) = self.field_of.get(key) else { return Ok(None) };
        let column = &self.columns.fields[field];
        if column.numeric {
            return Ok(Some(Placed { field, value }));
        }
        sparse::presence(value, token, &column.name)?;
        Ok(Some(Placed { field, value: feature }))
    }
}

impl DataSource for LibfmSource {
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
        sparse::read(&self.path, &self.columns, |token| self.place(token), visit)
    }
}
