//! Reads predictions from Parquet.

use std::fs::File;
use std::path::{Path, PathBuf};

use ctr_data::decoder_guard::guarded;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::metadata::FileMetaData;
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};

use super::{CHUNK, FORMAT, PredictionFile, PredictionMetadata, Predictions, PredictionsError, file_checksum};

pub(super) fn read(path: &Path, file: File) -> Result<PredictionFile, PredictionsError> {
    guarded(|| decode(path, file))
        .unwrap_or_else(|reason| Err(PredictionsError::Damaged { path: path.to_owned(), reason }))
}

fn decode(path: &Path, file: File) -> Result<PredictionFile, PredictionsError> {
    let source = Source { path: path.to_owned() };
    let reader = SerializedFileReader::new(file).map_err(|error| source.damaged(&error))?;
    let metadata = reader.metadata().file_metadata();
    let stored = Stored::of(&source, metadata)?;
    let columns = Columns::locate(&source, metadata)?;

    let (mut rows, mut labels, mut logits, mut probabilities) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).map_err(|error| source.damaged(&error))?;
        rows.extend(source.integers(&*group, columns.row, "row")?);
        labels.extend(source.floats(&*group, columns.label, "label")?);
        logits.extend(source.floats(&*group, columns.logit, "logit")?);
        probabilities.extend(source.floats(&*group, columns.probability, "probability")?);
    }
    let predictions = Predictions::checked(
        source.row_numbers(&rows)?,
        source.all_or_none(labels)?,
        source.no_nulls(&logits, "logit")?,
        source.no_nulls(&probabilities, "probability")?,
        |position| source.place(position),
    )?;
    let metadata = stored.map(|stored| stored.verified(&source, &predictions)).transpose()?;
    Ok(PredictionFile { predictions, metadata })
}

/// The file being read, for its messages.
struct Source {
    path: PathBuf,
}

impl Source {
    fn place(&self, position: usize) -> String {
        format!("{}, prediction {position}", self.path.display())
    }

    fn damaged(&self, reason: &ParquetError) -> PredictionsError {
        PredictionsError::Damaged { path: self.path.clone(), reason: reason.to_string() }
    }

    fn wrong_type(&self, column: &'static str, found: &ColumnReader, expected: &'static str) -> PredictionsError {
        let found = match found {
            ColumnReader::BoolColumnReader(_) => "BOOLEAN",
            ColumnReader::Int32ColumnReader(_) => "INT32",
            ColumnReader::Int64ColumnReader(_) => "INT64",
            ColumnReader::Int96ColumnReader(_) => "INT96",
            ColumnReader::FloatColumnReader(_) => "FLOAT",
            ColumnReader::DoubleColumnReader(_) => "DOUBLE",
            ColumnReader::ByteArrayColumnReader(_) => "BYTE_ARRAY",
            ColumnReader::FixedLenByteArrayColumnReader(_) => "FIXED_LEN_BYTE_ARRAY",
        };
        PredictionsError::ColumnType { path: self.path.clone(), column, found: found.to_owned(), expected }
    }

    fn integers(
        &self,
        group: &dyn RowGroupReader,
        index: usize,
        column: &'static str,
    ) -> Result<Vec<Option<i64>>, PredictionsError> {
        match group.get_column_reader(index).map_err(|error| self.damaged(&error))? {
            ColumnReader::Int64ColumnReader(reader) => self.values(reader, group, index),
            other => Err(self.wrong_type(column, &other, "INT64")),
        }
    }

    fn floats(
        &self,
        group: &dyn RowGroupReader,
        index: usize,
        column: &'static str,
    ) -> Result<Vec<Option<f32>>, PredictionsError> {
        match group.get_column_reader(index).map_err(|error| self.damaged(&error))? {
            ColumnReader::FloatColumnReader(reader) => self.values(reader, group, index),
            other => Err(self.wrong_type(column, &other, "FLOAT")),
        }
    }

    /// All values of one column of a row group, nulls as `None`.
    fn values<T: DataType>(
        &self,
        mut reader: ColumnReaderImpl<T>,
        group: &dyn RowGroupReader,
        index: usize,
    ) -> Result<Vec<Option<T::T>>, PredictionsError> {
        let nullable = group.metadata().schema_descr().column(index).max_def_level() > 0;
        let expected = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
        let mut all = Vec::new();
        // Memory grows with what is decoded, not with the row count a damaged file claims.
        while all.len() < expected {
            let (mut values, mut levels) = (Vec::new(), Vec::new());
            let want = CHUNK.min(expected - all.len());
            let read = reader.read_records(want, Some(&mut levels), None, &mut values);
            let (records, _, _) = read.map_err(|error| self.damaged(&error))?;
            if records == 0 {
                break;
            }
            if nullable {
                let mut values = values.into_iter();
                all.extend(levels.iter().map(|&level| if level > 0 { values.next() } else { None }));
            } else {
                all.extend(values.into_iter().map(Some));
            }
        }
        if all.len() == expected {
            Ok(all)
        } else {
            let reason = format!("column {index} holds {} of {expected} values", all.len());
            Err(PredictionsError::Damaged { path: self.path.clone(), reason })
        }
    }

    fn row_numbers(&self, rows: &[Option<i64>]) -> Result<Vec<u64>, PredictionsError> {
        let number = |(position, row): (usize, &Option<i64>)| {
            row.and_then(|row| u64::try_from(row).ok()).ok_or_else(|| PredictionsError::Value {
                place: self.place(position),
                column: "row",
                value: row.map_or("null".to_owned(), |row| row.to_string()),
                expected: "a row number from 0",
            })
        };
        rows.iter().enumerate().map(number).collect()
    }

    fn no_nulls(&self, values: &[Option<f32>], column: &'static str) -> Result<Vec<f32>, PredictionsError> {
        let value = |(position, value): (usize, &Option<f32>)| {
            value.ok_or_else(|| PredictionsError::Value {
                place: self.place(position),
                column,
                value: "null".to_owned(),
                expected: "a number",
            })
        };
        values.iter().enumerate().map(value).collect()
    }

    fn all_or_none(&self, labels: Vec<Option<f32>>) -> Result<Option<Vec<f32>>, PredictionsError> {
        super::all_or_none(labels, |position| self.place(position))
    }
}

/// Where the columns stand.
struct Columns {
    row: usize,
    label: usize,
    logit: usize,
    probability: usize,
}

impl Columns {
    fn locate(source: &Source, metadata: &FileMetaData) -> Result<Self, PredictionsError> {
        let schema = metadata.schema_descr();
        let find = |column: &'static str| {
            let flat =
                |c: &&parquet::schema::types::ColumnDescPtr| c.path().parts() == [column] && c.max_rep_level() == 0;
            let found = schema.columns().iter().position(|c| flat(&c));
            found.ok_or_else(|| PredictionsError::MissingColumn {
                path: source.path.clone(),
                column,
                found: schema.columns().iter().map(|c| c.path().string()).collect::<Vec<_>>().join(", "),
            })
        };
        Ok(Self { row: find("row")?, label: find("label")?, logit: find("logit")?, probability: find("probability")? })
    }
}

/// What stands in the key-value metadata of a file of this program.
struct Stored {
    metadata: PredictionMetadata,
    checksum: String,
}

impl Stored {
    /// `None` for files of other programs.
    fn of(source: &Source, file: &FileMetaData) -> Result<Option<Self>, PredictionsError> {
        let value = |key: &str| {
            let pairs = file.key_value_metadata()?;
            pairs.iter().find(|pair| pair.key == key)?.value.clone()
        };
        let Some(format) = value("ctr.format") else { return Ok(None) };
        if format != FORMAT.to_string() {
            return Err(PredictionsError::Format { path: source.path.clone(), found: format, known: FORMAT });
        }
        let required = |key: &str| {
            value(key).ok_or_else(|| PredictionsError::Damaged {
                path: source.path.clone(),
                reason: format!("the metadata lacks `{key}`"),
            })
        };
        let metadata = PredictionMetadata {
            run_id: required("ctr.run_id")?,
            dataset_digest: required("ctr.dataset_digest")?,
            split: required("ctr.split")?,
            model_digest: required("ctr.model_digest")?,
        };
        Ok(Some(Self { metadata, checksum: required("ctr.checksum")? }))
    }

    fn verified(self, source: &Source, predictions: &Predictions) -> Result<PredictionMetadata, PredictionsError> {
        let actual = file_checksum(predictions, &self.metadata);
        if self.checksum == actual {
            return Ok(self.metadata);
        }
        Err(PredictionsError::Checksum { path: source.path.clone(), stored: self.checksum, actual })
    }
}
