//! Fitting an encoder on the training rows.

use super::encoder::{Column, Encoder};
use super::ids::Ids;
use super::list::for_each_value;
use super::numeric::NumericStatistics;
use super::vocabulary::ValueCounts;
use crate::config::{CategoricalConfig, CategoricalMissing, DatasetConfig, FieldConfig, HashConfig};
use crate::error::{DataError, Refusal};
use crate::schema::{CategoricalField, MultiHot, Schema};
use crate::source::{DataSource, Row};
use crate::watch::Watch;

/// What the columns of one table have shown so far.
struct FittedTable {
    name: String,
    hash: Option<HashConfig>,
    min_count: u64,
    counts: ValueCounts,
}

/// What one column has shown so far.
enum Fitted {
    Categorical { config: CategoricalConfig, table: usize },
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
        let mut tables: Vec<FittedTable> = Vec::new();
        let mut fields: Vec<Fitted> = config
            .resolved_fields()
            .iter()
            .map(|field| match field {
                FieldConfig::Categorical(field) => {
                    let name = field.table_of(&field.names[0]);
                    let known = tables.iter().position(|table| table.name == name);
                    let table = known.unwrap_or_else(|| {
                        let (name, counts) = (name.to_owned(), ValueCounts::default());
                        tables.push(FittedTable { name, hash: field.hash, min_count: field.min_count, counts });
                        tables.len() - 1
                    });
                    Fitted::Categorical { config: field.clone(), table }
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
                field
                    .add(&mut tables, row, number)
                    .map_err(|refusal| refusal.column(names[number]).at(&name, row.line))?;
            }
            Ok(())
        })?;
        if rows == 0 {
            return Err(DataError::Empty { file: name });
        }
        finish(config, tables, fields)
    }
}

impl Fitted {
    fn add(&mut self, tables: &mut [FittedTable], row: &Row<'_>, number: usize) -> Result<(), Refusal> {
        let value = row.value(number);
        match self {
            Self::Categorical { config, table } => {
                let table = &mut tables[*table];
                if value.is_empty() {
                    match config.missing {
                        CategoricalMissing::Value => {}
                        CategoricalMissing::Oov => return Ok(()),
                        CategoricalMissing::Error => return Err(Encoder::missing_category()),
                    }
                }
                match config.multi_hot {
                    None => table.add(value),
                    Some(list) => for_each_value(list, value, |value, _| table.add(value)),
                }
            }
            Self::Numeric(statistics) => statistics.add(value),
        }
    }
}

impl FittedTable {
    fn add(&mut self, value: &str) -> Result<(), Refusal> {
        if self.hash.is_some() || self.counts.add(value) {
            return Ok(());
        }
        let next = "a higher `min_count` does not help here: set `hash` for this field, or split it first";
        Err(Refusal::new("one more value".to_owned(), "fewer than 2^32 different values", next))
    }

    fn finish(self) -> (String, Ids) {
        let fitted = || Ids::Fitted(self.counts.into_vocabulary(self.min_count));
        (self.name, self.hash.map_or_else(fitted, Ids::Hashed))
    }
}

fn finish(config: &DatasetConfig, tables: Vec<FittedTable>, fields: Vec<Fitted>) -> Result<Encoder, DataError> {
    let mut schema = Schema { label: config.label.clone(), categorical: Vec::new(), numeric: Vec::new() };
    let tables: Vec<(String, Ids)> = tables.into_iter().map(FittedTable::finish).collect();
    let mut columns = Vec::new();
    for field in fields {
        match field {
            Fitted::Categorical { config, table } => {
                let (name, ids) = &tables[table];
                schema.categorical.push(CategoricalField {
                    name: config.names.concat(),
                    cardinality: ids.cardinality(),
                    table: name.clone(),
                    multi_hot: config
                        .multi_hot
                        .map(|list| MultiHot { pooling: list.pooling, weighted: list.weight_separator.is_some() }),
                });
                columns.push(Column::Categorical { missing: config.missing, table, multi_hot: config.multi_hot });
            }
            Fitted::Numeric(statistics) => {
                schema.numeric.push(statistics.finish()?);
                columns.push(Column::Numeric);
            }
        }
    }
    Ok(Encoder { schema, tables, columns, source: config.source.clone() })
}
