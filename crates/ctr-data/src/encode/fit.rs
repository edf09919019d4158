//! Fitting an encoder on the training rows.

use super::encoder::{Column, Encoder};
use super::ids::Ids;
use super::interner::Lookup;
use super::list::for_each_value;
use super::numeric::{NumericStatistics, fitted_value};
use super::vocabulary::ValueCounts;
use crate::config::{BadRowPolicy, CategoricalConfig, CategoricalMissing, DatasetConfig, FieldConfig, HashConfig};
use crate::error::{DataError, Refusal};
use crate::parallel::{self, RowWork};
use crate::schema::{CategoricalField, MultiHot, Schema};
use crate::source::{BadRow, DataSource, Row};
use crate::split::{Division, Split};
use crate::watch::Watch;

/// How the training rows are read.
pub(crate) struct Fitting<'a> {
    pub(crate) division: &'a Division<'a>,
    /// Threads; 0 is one for each core.
    pub(crate) threads: usize,
}

impl Encoder {
    /// Fits the vocabularies and statistics on the training rows of a source for the columns of `config`.
    ///
    /// Rows that would be refused when they are encoded are passed over, unless the configuration makes them errors. Values are counted by
    /// several threads, each on its own; the statistics of numbers are taken in the order of the rows.
    ///
    /// # Errors
    /// [`DataError::Config`] if the configuration is not valid; what the source returns; [`DataError::Empty`] without rows.
    pub(crate) fn fit(
        config: &DatasetConfig,
        source: &dyn DataSource,
        fitting: &Fitting<'_>,
        watch: &mut Watch<'_>,
    ) -> Result<Self, DataError> {
        config.validate()?;
        let fields = config.resolved_fields();
        let (tables, table_of) = tables(&fields);
        let work = FitWork {
            fields: &fields,
            tables: &tables,
            table_of: &table_of,
            division: fitting.division,
            bad: config.rows.bad,
        };
        let numeric = |field: &FieldConfig| match field {
            FieldConfig::Numeric(field) => Some(NumericStatistics::new(&field.names[0], field)),
            FieldConfig::Categorical(_) => None,
        };
        let mut statistics: Vec<NumericStatistics> = fields.iter().filter_map(numeric).collect();
        let mut rows = 0_u64;
        let states = parallel::run(&work, source, fitting.threads, watch, &mut |block: NumericValues| {
            rows += block.rows as u64;
            if !statistics.is_empty() {
                for row in block.values.chunks_exact(statistics.len()) {
                    for (statistics, value) in statistics.iter_mut().zip(row) {
                        statistics.add(*value);
                    }
                }
            }
            Ok(rows)
        })?;
        if rows == 0 {
            return Err(DataError::Empty { file: source.name() });
        }
        let states = states.into_iter().map(|state| state.counts).collect();
        let ids = ids(&tables, states, fitting.threads)?;
        finish(config, &fields, &table_of, ids, statistics)
    }
}

/// Fields that look their values up in one vocabulary, or hash them alike.
struct Table {
    name: String,
    hash: Option<HashConfig>,
    min_count: u64,
    top_k: Option<u64>,
}

/// The tables in the order of the first field of each, and the table of each field (0 for a numeric one).
fn tables(fields: &[FieldConfig]) -> (Vec<Table>, Vec<usize>) {
    let mut tables: Vec<Table> = Vec::new();
    let table_of = fields.iter().map(|field| {
        let FieldConfig::Categorical(field) = field else { return 0 };
        let name = field.table_of(&field.names[0]);
        tables.iter().position(|table| table.name == name).unwrap_or_else(|| {
            let (name, hash) = (name.to_owned(), field.hash);
            tables.push(Table { name, hash, min_count: field.min_count, top_k: field.top_k });
            tables.len() - 1
        })
    });
    let table_of = table_of.collect();
    (tables, table_of)
}

struct FitWork<'a> {
    fields: &'a [FieldConfig],
    tables: &'a [Table],
    table_of: &'a [usize],
    division: &'a Division<'a>,
    bad: BadRowPolicy,
}

/// What one thread has seen.
struct Seen {
    /// One for each table.
    counts: Vec<ValueCounts>,
    /// Of the row that is being counted.
    lookups: Vec<Option<Lookup>>,
    block: NumericValues,
}

/// The numeric values of a run of rows, `[rows, N]`; none where one is missing.
#[derive(Default)]
struct NumericValues {
    rows: usize,
    values: Vec<Option<f64>>,
}

impl RowWork for FitWork<'_> {
    type State = Seen;
    type Block = NumericValues;

    fn start(&self) -> Seen {
        let counts = self.tables.iter().map(|_| ValueCounts::default()).collect();
        Seen { counts, lookups: Vec::new(), block: NumericValues::default() }
    }

    fn row(&self, state: &mut Seen, row: Result<&Row<'_>, BadRow<'_>>) -> Result<(), DataError> {
        let values = state.block.values.len();
        let checked = row.and_then(|row| {
            let taken = self.division.of(row).map_err(|refusal| row.refused(refusal))? == Split::Train;
            if taken {
                self.check(row, &mut state.block.values).map_err(|refusal| row.refused(refusal))?;
            }
            Ok((row, taken))
        });
        match checked {
            Ok((_, false)) => Ok(()),
            Ok((row, true)) => {
                state.block.rows += 1;
                self.count(row, state)
            }
            Err(bad) => {
                state.block.values.truncate(values);
                // It is counted when the rows are encoded.
                if self.bad == BadRowPolicy::Error { Err(bad.into()) } else { Ok(()) }
            }
        }
    }

    fn block(&self, state: &mut Seen) -> NumericValues {
        std::mem::take(&mut state.block)
    }
}

impl FitWork<'_> {
    /// Refuses what encoding would refuse, before anything is counted.
    fn check(&self, row: &Row<'_>, values: &mut Vec<Option<f64>>) -> Result<(), Refusal> {
        for (number, field) in self.fields.iter().enumerate() {
            let value = row.value(number);
            match field {
                FieldConfig::Categorical(field) => {
                    if value.is_empty() && field.missing == CategoricalMissing::Error {
                        return Err(Encoder::missing_category().column(&field.names[0]));
                    }
                    if let Some(list) = field.multi_hot {
                        for_each_value(list, value, |_, _| Ok(()))
                            .map_err(|refusal| refusal.column(&field.names[0]))?;
                    }
                }
                FieldConfig::Numeric(field) => {
                    values.push(fitted_value(value, field).map_err(|refusal| refusal.column(&field.names[0]))?);
                }
            }
        }
        Ok(())
    }

    fn count(&self, row: &Row<'_>, Seen { counts, lookups, .. }: &mut Seen) -> Result<(), DataError> {
        // All values are looked for before any is counted: see `Interner`.
        lookups.clear();
        lookups.extend(
            self.fitted().map(|(number, field, table)| {
                field.multi_hot.is_none().then(|| counts[table].begin(row.bytes(number)))
            }),
        );
        for ((number, field, table), lookup) in self.fitted().zip(lookups) {
            let value = row.value(number);
            if value.is_empty() && field.missing == CategoricalMissing::Oov {
                continue;
            }
            let mut room = true;
            match (lookup, field.multi_hot) {
                (Some(lookup), _) => room = counts[table].end(*lookup, value),
                (None, None) => {}
                (None, Some(list)) => for_each_value(list, value, |value, _| {
                    room &= counts[table].add(value, 1);
                    Ok(())
                })
                // `check` has been over it.
                .unwrap_or_default(),
            }
            if !room {
                return Err(too_many_values(&self.tables[table].name));
            }
        }
        Ok(())
    }

    /// The fields whose values are counted, their numbers among all and their tables.
    fn fitted(&self) -> impl Iterator<Item = (usize, &CategoricalConfig, usize)> {
        self.fields.iter().zip(self.table_of).enumerate().filter_map(|(number, (field, &table))| match field {
            FieldConfig::Categorical(field) if field.hash.is_none() => Some((number, field, table)),
            _ => None,
        })
    }
}

fn too_many_values(table: &str) -> DataError {
    let expected = "fewer than 2^32 different values; set `hash` for this field, or split it first";
    DataError::config(format!("fields.{table}"), "one more value", expected)
}

/// The ids of each table, from what the threads have counted.
fn ids(tables: &[Table], states: Vec<Vec<ValueCounts>>, threads: usize) -> Result<Vec<(String, Ids)>, DataError> {
    let mut states: Vec<_> = states.into_iter().map(Vec::into_iter).collect();
    let counts = tables.iter().map(|table| (table, states.iter_mut().filter_map(Iterator::next).collect()));
    let ids = parallel::map(counts.collect(), threads, |(table, counts): (&Table, Vec<ValueCounts>)| {
        let ids = if let Some(hash) = table.hash {
            Ids::Hashed(hash)
        } else {
            let counts = ValueCounts::merged(counts).ok_or_else(|| too_many_values(&table.name))?;
            Ids::Fitted(counts.into_vocabulary(table.min_count, table.top_k))
        };
        Ok((table.name.clone(), ids))
    });
    ids.into_iter().collect()
}

fn finish(
    config: &DatasetConfig,
    fields: &[FieldConfig],
    table_of: &[usize],
    tables: Vec<(String, Ids)>,
    statistics: Vec<NumericStatistics>,
) -> Result<Encoder, DataError> {
    let mut schema = Schema { label: config.label.clone(), categorical: Vec::new(), numeric: Vec::new() };
    let mut columns = Vec::new();
    let mut statistics = statistics.into_iter();
    for (field, &table) in fields.iter().zip(table_of) {
        match field {
            FieldConfig::Categorical(field) => {
                let (name, ids) = &tables[table];
                schema.categorical.push(CategoricalField {
                    name: field.names.concat(),
                    cardinality: ids.cardinality(),
                    table: name.clone(),
                    multi_hot: field
                        .multi_hot
                        .map(|list| MultiHot { pooling: list.pooling, weighted: list.weight_separator.is_some() }),
                });
                columns.push(Column::Categorical { missing: field.missing, table, multi_hot: field.multi_hot });
            }
            FieldConfig::Numeric(_) => {
                let Some(statistics) = statistics.next() else { continue };
                schema.numeric.push(statistics.finish()?);
                columns.push(Column::Numeric);
            }
        }
    }
    Ok(Encoder::new(schema, tables, columns, config.source.clone()))
}
