//! Encoding rows.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};

use super::vocabulary::{OOV, Vocabulary};
use crate::config::{CategoricalMissing, SourceConfig};
use crate::error::{DataError, Refusal};
use crate::schema::Schema;
use crate::shard::{Header, ShardWriter, Shards};
use crate::source::{DataSource, Labels, Row, SourceColumn, SourceColumns, open_file};
use crate::watch::{PrepareProgress, Stage, Watch};

/// Turns raw rows into ids and numbers exactly as the training rows were.
#[derive(Debug, Clone)]
pub struct Encoder {
    pub(super) schema: Schema,
    /// One for each categorical field of the schema.
    pub(super) vocabularies: Vec<Vocabulary>,
    /// The type of each column of a source, in the configuration's order.
    pub(super) columns: Vec<Column>,
    pub(super) source: SourceConfig,
}

/// How a column is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Column {
    Categorical { missing: CategoricalMissing },
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

    /// The value behind an id of a categorical field (numbered as in the schema): none for the out-of-vocabulary id 0 and for ids beyond
    /// the field.
    #[must_use]
    pub fn value(&self, field: usize, id: u32) -> Option<&str> {
        self.vocabularies.get(field)?.value(id)
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
            writer.push(row.label, &encoded.numeric, &encoded.categorical, row.true_probability)?;
            watch.row(row.offset, writer.rows())
        })?;
        writer.ok_or(DataError::Empty { file: name })
    }

    fn header(&self, first: &Row<'_>) -> Header {
        Header {
            rows: 0,
            categorical: self.schema.categorical.len() as u32,
            numeric: self.schema.numeric.len() as u32,
            labels: first.label.is_some(),
            probabilities: first.true_probability.is_some(),
        }
    }

    fn encode_row(&self, row: &Row<'_>, encoded: &mut EncodedRow) -> Result<(), (&str, Refusal)> {
        encoded.categorical.clear();
        encoded.numeric.clear();
        for (number, column) in self.columns.iter().enumerate() {
            let value = row.value(number);
            match column {
                Column::Categorical { missing } => {
                    let field = encoded.categorical.len();
                    let id = match (value.is_empty(), missing) {
                        (true, CategoricalMissing::Oov) => OOV,
                        (true, CategoricalMissing::Error) => {
                            return Err((&self.schema.categorical[field].name, Self::missing_category()));
                        }
                        _ => self.vocabularies[field].id(value),
                    };
                    encoded.categorical.push(id);
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
}
