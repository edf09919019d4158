//! Encoding rows.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};

use super::encode_rows::{Encoding, only};
use super::encoded_rows::EncodedRows;
use super::ids::Ids;
use super::list::for_each_value;
use super::numeric::SmallNumbers;
use super::vocabulary::OOV;
use crate::bad_rows::BadRowLedger;
use crate::config::{BadRowPolicy, CategoricalMissing, MultiHotConfig, SourceConfig};
use crate::error::{DataError, Reason, Refusal};
use crate::schema::Schema;
use crate::shard::Shards;
use crate::source::{DataSource, Labels, Row, SourceColumn, SourceColumns, open_file};
use crate::split::{Division, Split};
use crate::watch::{PrepareProgress, Stage, Watch};

/// Turns raw rows into ids and numbers exactly as the training rows were.
#[derive(Debug, Clone)]
pub struct Encoder {
    pub(super) schema: Schema,
    /// The name and the ids of each table, in the order of the first field of each.
    pub(super) tables: Vec<(String, Ids)>,
    /// The type of each column of a source, in the configuration's order.
    pub(super) columns: Vec<Column>,
    pub(super) source: SourceConfig,
    /// Of each numeric field.
    small: Vec<SmallNumbers>,
}

/// How a column is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Column {
    Categorical { missing: CategoricalMissing, table: usize, multi_hot: Option<MultiHotConfig> },
    Numeric,
}

/// How a raw file is to be encoded for prediction.
pub struct EncodeOptions<'a> {
    /// Whether the file must have labels.
    pub labels: Labels,
    /// Threads that read and encode rows; 0 is one for each core. The result does not depend on it.
    pub threads: usize,
    /// A longer line is an error; [`RowsConfig::MAX_LINE_BYTES`](crate::config::RowsConfig::MAX_LINE_BYTES) where nothing else is known.
    pub max_line_bytes: usize,
    /// A folder on a volume with room for the encoded rows; they lie there in a file without a name, gone with the shards.
    pub scratch_dir: &'a Path,
    /// Told of progress now and then.
    pub progress: &'a (dyn Fn(PrepareProgress) + Sync),
    /// Ends the work when set.
    pub cancelled: &'a AtomicBool,
}

impl Encoder {
    pub(super) fn new(schema: Schema, tables: Vec<(String, Ids)>, columns: Vec<Column>, source: SourceConfig) -> Self {
        let small = schema.numeric.iter().map(SmallNumbers::of).collect();
        Self { schema, tables, columns, source, small }
    }

    /// The columns of the encoded rows.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The value behind an id of a categorical field (numbered as in the schema): none for the out-of-vocabulary id 0, for ids beyond the
    /// field, and where values are hashed.
    #[must_use]
    pub fn value(&self, field: usize, id: u32) -> Option<&str> {
        let table = &self.schema.categorical.get(field)?.table;
        self.ids(table)?.value(id)
    }

    /// The id of a value in a table: 0 for a value that its vocabulary does not hold; none if there is no such table.
    #[must_use]
    pub fn id(&self, table: &str, value: &str) -> Option<u32> {
        Some(self.ids(table)?.id(value.as_bytes()))
    }

    fn ids(&self, table: &str) -> Option<&Ids> {
        self.tables.iter().find(|(name, _)| name == table).map(|(_, ids)| ids)
    }

    /// Encodes a raw file in the format of the data set: rows come out as the run's own splits did. Values that the training rows did not
    /// hold become id 0. Generated data are read from what [`write_csv`](crate::write_csv) wrote.
    ///
    /// # Errors
    /// [`DataError::Row`], [`DataError::MissingColumn`] and [`DataError::Empty`] for a file that does not follow the format,
    /// [`DataError::Io`], [`DataError::Cancelled`].
    pub fn encode_file(&self, path: &Path, options: &EncodeOptions<'_>) -> Result<Shards, DataError> {
        let source = open_file(&self.source, path, self.source_columns(options.labels), options.max_line_bytes)?;
        self.encode_source(source.as_ref(), options)
    }

    /// Encodes the rows of a source that was made for [`Encoder::source_columns`].
    ///
    /// # Errors
    /// As [`Encoder::encode_file`].
    pub fn encode_source(&self, source: &dyn DataSource, options: &EncodeOptions<'_>) -> Result<Shards, DataError> {
        let mut watch = Watch::new(Stage::EncodeFile, source.size()?, options.progress, options.cancelled);
        let encoding = Encoding {
            division: Division::Whole(Split::Test),
            // Predictions stand beside their rows: none may be left out.
            bad: BadRowPolicy::Error,
            threads: options.threads,
            dir: options.scratch_dir,
        };
        let mut nowhere = std::io::sink();
        let mut ledger = BadRowLedger::new(&mut nowhere, options.scratch_dir);
        let writers = self.encode(source, &encoding, &mut ledger, &mut watch)?;
        only(writers, Split::Test).ok_or(DataError::Empty { file: source.name() })?.finish_unnamed()
    }

    /// The columns that a source of rows to encode must deliver.
    #[must_use]
    pub fn source_columns(&self, labels: Labels) -> SourceColumns {
        let (mut categorical, mut numeric) = (self.schema.categorical.iter(), self.schema.numeric.iter());
        let fields = self.columns.iter().filter_map(|column| {
            let numeric_column = matches!(column, Column::Numeric);
            let name = if numeric_column {
                numeric.next().map(|field| &field.name)
            } else {
                categorical.next().map(|field| &field.name)
            };
            Some(SourceColumn { name: name?.clone(), numeric: numeric_column })
        });
        let fields = fields.collect();
        SourceColumns { label: self.schema.label.clone(), labels, fields }
    }

    /// Appends a row to `encoded`, or nothing if it is refused.
    pub(super) fn encode_row(&self, row: &Row<'_>, encoded: &mut EncodedRows) -> Result<(), Refusal> {
        let before = encoded.lengths();
        let appended = self.append_values(row, encoded).and_then(|()| encoded.append_label(row));
        if appended.is_err() {
            encoded.truncate(before);
        }
        appended
    }

    fn append_values(&self, row: &Row<'_>, encoded: &mut EncodedRows) -> Result<(), Refusal> {
        // All values are looked for before any id is needed: see `Interner`.
        encoded.lookups.clear();
        for (number, column) in self.columns.iter().enumerate() {
            if let Column::Categorical { table, multi_hot: None, .. } = column {
                encoded.lookups.push(self.tables[*table].1.begin(row.bytes(number)));
            }
        }
        let (mut categorical, mut numeric, mut single) = (0, 0, 0);
        for (number, column) in self.columns.iter().enumerate() {
            let value = row.bytes(number);
            match column {
                Column::Categorical { missing, table, multi_hot } => {
                    let ids = &self.tables[*table].1;
                    let name = &self.schema.categorical[categorical].name;
                    categorical += 1;
                    let missing = if value.is_empty() { Some(*missing) } else { None };
                    match (multi_hot, missing) {
                        (_, Some(CategoricalMissing::Error)) => return Err(Self::missing_category().column(name)),
                        (None, Some(CategoricalMissing::Oov)) => encoded.categorical.push(OOV),
                        (None, _) => encoded.categorical.push(ids.end(encoded.lookups[single], value)),
                        (Some(_), Some(CategoricalMissing::Oov)) => encoded.bags.push(OOV, 1.0),
                        (Some(list), _) => for_each_value(*list, row.value(number), |value, weight| {
                            encoded.bags.push(ids.id(value.as_bytes()), weight);
                            Ok(())
                        })
                        .map_err(|refusal| refusal.column(name))?,
                    }
                    if multi_hot.is_some() {
                        encoded.bags.end_bag();
                    } else {
                        single += 1;
                    }
                }
                Column::Numeric => {
                    let encoded_value = if let Some(encoded) = self.small[numeric].get(value) {
                        encoded
                    } else {
                        let field = &self.schema.numeric[numeric];
                        field.encode(row.value(number)).map_err(|refusal| refusal.column(&field.name))?
                    };
                    numeric += 1;
                    encoded.numeric.push(encoded_value);
                }
            }
        }
        Ok(())
    }

    pub(super) fn missing_category() -> Refusal {
        let next = "fill the value in, or set `missing` for this field";
        Refusal::new("nothing".to_owned(), "a value", next).reason(Reason::Missing)
    }
}
