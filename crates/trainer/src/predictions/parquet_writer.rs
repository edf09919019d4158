//! Writes predictions as Parquet, atomically.

use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, Encoding};
use parquet::data_type::{DataType, FloatType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;

use crate::repro::write_atomic;

use super::{FORMAT, PredictionMetadata, Predictions, PredictionsError, file_checksum};

const SCHEMA: &str = "message predictions {
    required int64 row;
    optional float label;
    required float logit;
    required float probability;
}";

/// Rows of a row group.
const GROUP: usize = 1 << 20;

/// Writes `predictions` to `path` in the format of the [module](super), by [`write_atomic`]: the file is whole or what
/// it was before. Equal predictions and metadata give equal bytes.
///
/// # Errors
/// [`PredictionsError::File`] when the file cannot be written, for example on a full disk; [`PredictionsError::Encode`]
/// for a row number beyond `INT64`.
pub fn write(path: &Path, predictions: &Predictions, metadata: &PredictionMetadata) -> Result<(), PredictionsError> {
    let bytes = encode(predictions, metadata)
        .map_err(|error| PredictionsError::Encode { path: path.to_owned(), reason: error.to_string() })?;
    Ok(write_atomic(path, &bytes)?)
}

fn encode(predictions: &Predictions, metadata: &PredictionMetadata) -> Result<Vec<u8>, ParquetError> {
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties(predictions, metadata)))?;
    for start in (0..predictions.len()).step_by(GROUP) {
        let range = start..predictions.len().min(start + GROUP);
        let rows = predictions.rows[range.clone()].iter().map(|&row| i64::try_from(row));
        let rows = rows.collect::<Result<Vec<i64>, _>>().map_err(|error| ParquetError::External(Box::new(error)))?;
        let levels = vec![i16::from(predictions.labels.is_some()); range.len()];
        let labels = predictions.labels.as_ref().map_or(&[][..], |labels| &labels[range.clone()]);
        let mut group = writer.next_row_group()?;
        column::<Int64Type>(&mut group, &rows, None)?;
        column::<FloatType>(&mut group, labels, Some(&levels))?;
        column::<FloatType>(&mut group, &predictions.logits[range.clone()], None)?;
        column::<FloatType>(&mut group, &predictions.probabilities[range], None)?;
        group.close()?;
    }
    writer.into_inner()
}

fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    values: &[T::T],
    definition_levels: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let mut column =
        group.next_column()?.ok_or_else(|| ParquetError::General("the schema has no more columns".into()))?;
    column.typed::<T>().write_batch(values, definition_levels, None)?;
    column.close()
}

/// Delta coding makes the row numbers almost free; `f32` noise does not compress, so nothing else is attempted.
fn properties(predictions: &Predictions, metadata: &PredictionMetadata) -> WriterProperties {
    let pairs = [
        ("ctr.format", FORMAT.to_string()),
        ("ctr.run_id", metadata.run_id.clone()),
        ("ctr.dataset_digest", metadata.dataset_digest.clone()),
        ("ctr.split", metadata.split.clone()),
        ("ctr.model_digest", metadata.model_digest.clone()),
        ("ctr.prediction_digest", predictions.digest()),
        ("ctr.checksum", file_checksum(predictions, metadata)),
    ];
    let pairs = pairs.into_iter().map(|(key, value)| KeyValue::new(key.to_owned(), value)).collect();
    let row = || ColumnPath::from("row");
    WriterProperties::builder()
        .set_created_by(format!("ctr {}", env!("CARGO_PKG_VERSION")))
        .set_key_value_metadata(Some(pairs))
        .set_compression(Compression::UNCOMPRESSED)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_dictionary_enabled(false)
        .set_column_encoding(row(), Encoding::DELTA_BINARY_PACKED)
        .set_column_dictionary_enabled(ColumnPath::from("label"), true)
        .build()
}
