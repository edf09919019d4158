//! `label field:feature:value …`

use std::collections::BTreeMap;

use super::SourceColumns;
use super::sparse::{self, Placed, Tokens, misspelt};
use crate::config::LibfmConfig;
use crate::error::Refusal;

/// The tokens of field-aware lines: see [`LibfmConfig`].
#[derive(Debug)]
pub(super) struct LibfmTokens {
    field_of: BTreeMap<String, usize>,
}

impl LibfmTokens {
    pub(super) fn new(config: &LibfmConfig, columns: &SourceColumns) -> Self {
        let keyed = |(field, name): (usize, &String)| (config.key.get(name).unwrap_or(name).clone(), field);
        Self { field_of: columns.fields.iter().map(|field| &field.name).enumerate().map(keyed).collect() }
    }
}

impl Tokens for LibfmTokens {
    fn place<'a>(&self, token: &'a str, columns: &SourceColumns) -> Result<Option<Placed<'a>>, Refusal> {
        let mut parts = token.split(':');
        let (Some(key), Some(feature), Some(value), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(misspelt(token, "field:feature:value"));
        };
        if key.is_empty() || feature.is_empty() || value.is_empty() {
            return Err(misspelt(token, "field:feature:value, none of them empty"));
        }
        let Some(&field) = self.field_of.get(key) else { return Ok(None) };
        let column = &columns.fields[field];
        if column.numeric {
            return Ok(Some(Placed { field, value }));
        }
        sparse::presence(value, token, &column.name)?;
        Ok(Some(Placed { field, value: feature }))
    }
}
