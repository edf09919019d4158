//! Encoding rows.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};

use super::ids::Ids;
use super::list::for_each_value;
use super::vocabulary::OOV;
use crate::bags::Bags;
use crate::config::{CategoricalMissing, MultiHotConfig, SourceConfig};
use crate::error::{DataError, Refusal};
use crate::schema::Schema;
use crate::shard::{Header, RowValues, ShardWriter, Shards};
use crate::source::{DataSource, Labels, Row, SourceColumn, SourceColumns, open_file};
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
    /// A folder on a volume with room for the encoded rows; they lie there in a file without a name, gone with the shards.
    pub scratch_dir: &'a Path,
    /// Told of progress now and then.
    pub progress: &'a (dyn Fn(PrepareProgress) + Sync),
    /// Ends the work when set.
    pub cancelled: &'a AtomicBool,
}

impl Encoder {
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
        Some(self.ids(table)?.id(value))
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
        let source = open_file(&self.source, path, self.source_columns(options.labels))?;
        let mut watch = Watch::new(Stage::EncodeFile, source.size()?, options.progress, options.cancelled);
        self.encode(source.as_ref(), options.scratch_dir, &mut watch)?.finish_unnamed()
    }

    fn source_columns(&self, labels: Labels) -> SourceColumns {
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

    /// Encodes a source's rows into a writer whose temporary files lie in `dir`.
    pub(crate) fn encode(
        &self,
        source: &dyn DataSource,
        dir: &Path,
        watch: &mut Watch<'_>,
    ) -> Result<ShardWriter, DataError> {
        let name = source.name();
        let mut writer: Option<ShardWriter> = None;
        let mut encoded = EncodedRow::default();
        source.read(&mut |row| {
            self.encode_row(row, &mut encoded)
                .map_err(|(column, refusal)| refusal.column(column).at(&name, row.line))?;
            let writer = match &mut writer {
                Some(writer) => writer,
                // The first row tells whether there are labels and probabilities; a source keeps to that.
                None => writer.insert(ShardWriter::new(dir, self.header(row))?),
            };
            writer.push(row.label, encoded.values(), row.true_probability)?;
            watch.row(row.offset, writer.rows())
        })?;
        writer.ok_or(DataError::Empty { file: name })
    }

    fn header(&self, first: &Row<'_>) -> Header {
        Header {
            rows: 0,
            categorical: self.schema.single_fields() as u32,
            multi_hot: self.schema.multi_hot_fields() as u32,
            values: 0,
            weights: self.schema.is_weighted(),
            numeric: self.schema.numeric.len() as u32,
            labels: first.label.is_some(),
            probabilities: first.true_probability.is_some(),
        }
    }

    fn encode_row(&self, row: &Row<'_>, encoded: &mut EncodedRow) -> Result<(), (&str, Refusal)> {
        encoded.clear();
        let mut field = 0;
        for (number, column) in self.columns.iter().enumerate() {
            let value = row.value(number);
            match column {
                Column::Categorical { missing, table, multi_hot } => {
                    let ids = &self.tables[*table].1;
                    let name = self.schema.categorical[field].name.as_str();
                    field += 1;
                    let missing = if value.is_empty() { Some(*missing) } else { None };
                    match (multi_hot, missing) {
                        (_, Some(CategoricalMissing::Error)) => return Err((name, Self::missing_category())),
                        (None, Some(CategoricalMissing::Oov)) => encoded.categorical.push(OOV),
                        (None, _) => encoded.categorical.push(ids.id(value)),
                        (Some(_), Some(CategoricalMissing::Oov)) => encoded.bags.push(OOV, 1.0),
                        (Some(list), _) => for_each_value(*list, value, |value, weight| {
                            encoded.bags.push(ids.id(value), weight);
                            Ok(())
                        })
                        .map_err(|refusal| (name, refusal))?,
                    }
                    if multi_hot.is_some() {
                        encoded.bags.end_bag();
                    }
                }
                Column::Numeric => {
                    let field = &self.schema.numeric[encoded.numeric.len()];
                    encoded.numeric.push(field.encode(value).map_err(|refusal| (field.name.as_str(), refusal))?);
                }
            }
        }
        Ok(())
    }

    pub(super) fn missing_category() -> Refusal {
        let next = "fill the value in, or set `missing` for this field";
        Refusal::new("nothing".to_owned(), "a value", next)
    }
}

#[derive(Debug, Default)]
struct EncodedRow {
    categorical: Vec<u32>,
    numeric: Vec<f32>,
    bags: Bags,
}

impl EncodedRow {
    fn clear(&mut self) {
        self.categorical.clear();
        self.numeric.clear();
        self.bags.clear();
    }

    fn values(&self) -> RowValues<'_> {
        RowValues { numeric: &self.numeric, categorical: &self.categorical, bags: &self.bags }
    }
}
