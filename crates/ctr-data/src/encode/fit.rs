//! Fitting an encoder on the training rows.

use super::encoder::{Column, Encoder};
use super::numeric::NumericStatistics;
use super::vocabulary::ValueCounts;
use crate::config::{CategoricalConfig, CategoricalMissing, DatasetConfig, FieldConfig};
use crate::error::{DataError, Refusal};
use crate::schema::{CategoricalField, Schema};
use crate::source::{DataSource, Row};
use crate::watch::Watch;

/// What one column has shown so far.
enum Fitted {
    Categorical { config: CategoricalConfig, counts: ValueCounts },
    Numeric(NumericStatistics),
}

impl Encoder {
    /// Fits the vocabularies and statistics on the rows of `train`, a source for the columns of `config`.
    ///
    /// # Errors
    /// [`DataError::Config`] if the configuration is not valid; what the source returns; [`DataError::Empty`] without rows.
    pub(crate) fn fit(
        config: &DatasetConfig,
        train: &dyn DataSource,
        watch: &mut Watch<'_>,
    ) -> Result<Self, DataError> {
        config.validate()?;
        let mut fields: Vec<Fitted> = config
            .resolved_fields()
            .iter()
            .map(|field| match field {
                FieldConfig::Categorical(field) => {
                    Fitted::Categorical { config: field.clone(), counts: ValueCounts::default() }
                }
                FieldConfig::Numeric(field) => Fitted::Numeric(NumericStatistics::new(&field.names[0], field)),
            })
            .collect();
        let name = train.name();
        let names: Vec<&str> = train.columns().fields.iter().map(|field| field.name.as_str()).collect();
        let mut rows = 0_u64;
        train.read(&mut |row| {
            rows += 1;
            watch.row(row.offset, rows)?;
            for (number, field) in fields.iter_mut().enumerate() {
                field.add(row, number).map_err(|refusal| refusal.column(names[number]).at(&name, row.line))?;
            }
            Ok(())
        })?;
        if rows == 0 {
            return Err(DataError::Empty { file: name });
        }
        finish(config, fields)
    }
}

impl Fitted {
    fn add(&mut self, row: &Row<'_>, number: usize) -> Result<(), Refusal> {
        let value = row.value(number);
        match self {
            Self::Categorical { config, counts } => {
                if value.is_empty() {
                    match config.missing {
                        CategoricalMissing::Value => {}
                        CategoricalMissing::Oov => return Ok(()),
                        CategoricalMissing::Error => return Err(Encoder::missing_category()),
                    }
                }
                if counts.add(value) {
                    return Ok(());
                }
                let next = "a higher `min_count` does not help here: hash or split the field first";
                Err(Refusal::new("one more value".to_owned(), "fewer than 2^32 different values", next))
            }
            Self::Numeric(statistics) => statistics.add(value),
        }
    }
}

fn finish(config: &DatasetConfig, fields: Vec<Fitted>) -> Result<Encoder, DataError> {
    let mut schema = Schema { label: config.label.clone(), categorical: Vec::new(), numeric: Vec::new() };
    let mut vocabularies = Vec::new();
    let mut columns = Vec::new();
    for field in fields {
        match field {
            Fitted::Categorical { config, counts } => {
                let vocabulary = counts.into_vocabulary(config.min_count);
                let name = config.names.concat();
                schema.categorical.push(CategoricalField { name, cardinality: vocabulary.cardinality() });
                vocabularies.push(vocabulary);
                columns.push(Column::Categorical { missing: config.missing });
            }
            Fitted::Numeric(statistics) => {
                schema.numeric.push(statistics.finish()?);
                columns.push(Column::Numeric);
            }
        }
    }
    Ok(Encoder { schema, vocabularies, columns, source: config.source.clone() })
}
