//! Parquet files with flat columns.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::column::reader::get_column_reader;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::serialized_reader::SerializedPageReader;

use super::parquet_column::{Column, Value};
use super::parquet_guard::GuardedFile;
use super::row::RowBuffer;
use super::{Chunk, ChunkReader, ChunkedSource, DataSource, Labels, Piece, RowVisitor, SourceColumns};
use super::{files, input, label, read_chunks};
use crate::decoder_guard;
use crate::error::{DataError, Refusal};

/// Rows of each column decoded at a time.
const ROWS: usize = 1 << 10;

/// The rows of Parquet files, one file after the other: see [`ParquetConfig`](crate::config::ParquetConfig).
#[derive(Debug)]
pub struct ParquetSource {
    files: Vec<PathBuf>,
    columns: SourceColumns,
}

/// A row group of a file.
#[derive(Debug)]
pub(super) struct RowGroup {
    file: Arc<OpenFile>,
    group: usize,
    /// Number of its first row in the file, from 1.
    first: u64,
    pub(super) after: u64,
}

#[derive(Debug)]
struct OpenFile {
    path: PathBuf,
    number: u32,
    metadata: ParquetMetaData,
    /// Places of the label's column and of each field's among the file's.
    label: Option<usize>,
    fields: Vec<usize>,
}

impl ParquetSource {
    pub(super) fn new(files: Vec<PathBuf>, columns: SourceColumns) -> Self {
        Self { files, columns }
    }

    fn open(&self, number: usize) -> Result<OpenFile, DataError> {
        let path = self.files[number].clone();
        let file = fs::File::open(&path).map_err(|cause| DataError::io("open", &path, cause))?;
        let metadata = guarded(&path, || {
            GuardedFile::new(file.try_clone()?)?.check_footer()?;
            ParquetMetaDataReader::new().parse_and_finish(&file)
        })?;
        let leaves = metadata.file_metadata().schema_descr().columns();
        let place = |name: &str| {
            let found = leaves.iter().position(|leaf| leaf.path().parts() == [name]);
            found.ok_or_else(|| DataError::MissingColumn {
                file: path.display().to_string(),
                column: name.to_owned(),
                found: leaves.iter().map(|leaf| leaf.path().string()).collect(),
            })
        };
        let label = match (self.columns.labels, place(&self.columns.label)) {
            (Labels::Optional, Err(_)) => None,
            (_, found) => Some(found?),
        };
        let fields = self.columns.fields.iter().map(|field| place(&field.name)).collect::<Result<Vec<_>, _>>()?;
        let wanted = fields.iter().zip(&self.columns.fields).map(|(place, field)| (*place, field.numeric));
        for (place, numeric) in wanted.chain(label.map(|place| (place, true))) {
            Column::check(&leaves[place], numeric).map_err(|found| DataError::Mismatch {
                what: "type of a Parquet column",
                found: format!("{}, column `{}`: {found}", path.display(), leaves[place].name()),
                expected: "a flat column of integers, booleans or texts, or of floats for numbers; cast it".to_owned(),
            })?;
        }
        let length = input::size(&path)?;
        let rows: i64 = metadata.row_groups().iter().map(RowGroupMetaData::num_rows).fold(0, i64::saturating_add);
        let inside = metadata.row_groups().iter().flat_map(RowGroupMetaData::columns).all(|column| {
            let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
            let end = u64::try_from(start).ok().zip(u64::try_from(column.compressed_size()).ok());
            end.and_then(|(start, size)| start.checked_add(size)).is_some_and(|end| end <= length)
        });
        if !inside || metadata.row_groups().iter().any(|group| group.num_rows() < 0) || rows == i64::MAX {
            let cause = io::Error::new(io::ErrorKind::InvalidData, "the footer names bytes outside the file");
            return Err(DataError::io("read", &path, cause));
        }
        Ok(OpenFile { path, number: number as u32, metadata, label, fields })
    }
}

/// Runs the decoder, which may panic over a file that is damaged.
fn guarded<T>(path: &Path, decode: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, DataError> {
    let decoded = decoder_guard::guarded(decode).map_err(|panic| format!("the Parquet decoder gave up: {panic}"));
    let decoded = decoded.and_then(|decoded| decoded.map_err(|cause| cause.to_string()));
    decoded.map_err(|cause| DataError::io("read", path, io::Error::new(io::ErrorKind::InvalidData, cause)))
}

impl DataSource for ParquetSource {
    fn name(&self) -> String {
        files::name(&self.files)
    }

    fn columns(&self) -> &SourceColumns {
        &self.columns
    }

    fn size(&self) -> Result<u64, DataError> {
        files::size(&self.files)
    }

    fn fingerprint(&self, watch: &mut dyn FnMut(u64) -> Result<(), DataError>) -> Result<[u8; 32], DataError> {
        files::fingerprint(&self.files, watch)
    }

    fn read(&self, visit: &mut RowVisitor<'_>) -> Result<(), DataError> {
        read_chunks(self, visit)
    }

    fn chunked(&self) -> Option<&dyn ChunkedSource> {
        Some(self)
    }
}

impl ChunkedSource for ParquetSource {
    fn chunks(&self) -> Result<Box<dyn ChunkReader + '_>, DataError> {
        Ok(Box::new(RowGroups { source: self, file: 0, open: None, before: 0 }))
    }

    fn read_chunk(&self, chunk: &Chunk, visit: &mut RowVisitor<'_>) -> Result<(), DataError> {
        let Piece::RowGroup(chunk) = &chunk.0 else { return Ok(()) };
        let OpenFile { path, number, metadata, label: label_place, fields } = chunk.file.as_ref();
        let group = metadata.row_group(chunk.group);
        // Each thread has a file of its own: two would move each other's place in it.
        let file = fs::File::open(path).map_err(|cause| DataError::io("open", path, cause))?;
        let file = Arc::new(guarded(path, || GuardedFile::new(file))?);
        let column = |place: &usize| {
            guarded(path, || {
                let descriptor = metadata.file_metadata().schema_descr().column(*place);
                let pages = SerializedPageReader::new(
                    Arc::clone(&file),
                    group.column(*place),
                    group.num_rows() as usize,
                    None,
                )?;
                Ok(Column::new(&descriptor, get_column_reader(descriptor.clone(), Box::new(pages))))
            })
        };
        let mut labels = label_place.as_ref().map(column).transpose()?;
        let mut columns = fields.iter().map(column).collect::<Result<Vec<_>, _>>()?;
        let name = path.display().to_string();
        let rows = group.num_rows() as usize;
        let mut buffer = RowBuffer::default();
        for start in (0..rows).step_by(ROWS) {
            let count = ROWS.min(rows - start);
            for column in labels.iter_mut().chain(&mut columns) {
                guarded(path, || column.decode(count))?;
            }
            for row in 0..count {
                let line = chunk.first + (start + row) as u64;
                buffer.clear();
                let made = self.row(row, labels.as_ref(), &columns, &mut buffer);
                let last = start + row + 1 == rows;
                let offset = if last { chunk.after } else { chunk.after.saturating_sub((rows - start - row) as u64) };
                match made {
                    Ok(label) => {
                        let row = buffer.row(&name, line, offset, label);
                        visit(Ok(&super::Row { file: *number, ..row }))?;
                    }
                    Err(refusal) => visit(Err(refusal.bad_row(&name, line, buffer.raw())))?,
                }
            }
        }
        Ok(())
    }
}

impl ParquetSource {
    /// Puts a row's values into `buffer` and returns its label.
    fn row(
        &self,
        row: usize,
        labels: Option<&Column>,
        columns: &[Column],
        buffer: &mut RowBuffer,
    ) -> Result<Option<bool>, Refusal> {
        for (column, field) in columns.iter().zip(&self.columns.fields) {
            match column.value(row) {
                Value::Text(text) => buffer.push(text),
                Value::NoText(refusal) => return Err(refusal.column(&field.name)),
            }
        }
        let label = labels.map(|labels| match labels.value(row) {
            Value::Text(text) => label(text),
            Value::NoText(refusal) => Err(refusal),
        });
        label.transpose().map_err(|refusal| refusal.column(&self.columns.label))
    }
}

/// Goes through the row groups of one file after the other.
struct RowGroups<'a> {
    source: &'a ParquetSource,
    /// Number of the file to open next.
    file: usize,
    /// The open file, its next row group and that group's first row.
    open: Option<(Arc<OpenFile>, usize, u64)>,
    /// Bytes of the files before the open one.
    before: u64,
}

impl ChunkReader for RowGroups<'_> {
    fn next(&mut self) -> Result<Option<Chunk>, DataError> {
        loop {
            if let Some((file, group, first)) = &mut self.open {
                let size = input::size(&file.path)?;
                let groups = file.metadata.num_row_groups();
                if *group < groups {
                    let share = (u128::from(size) * (*group as u128 + 1) / groups as u128) as u64;
                    let chunk =
                        RowGroup { file: Arc::clone(file), group: *group, first: *first, after: self.before + share };
                    *first += file.metadata.row_group(*group).num_rows() as u64;
                    *group += 1;
                    return Ok(Some(Chunk(Piece::RowGroup(chunk))));
                }
                self.before += size;
                self.open = None;
            }
            if self.file == self.source.files.len() {
                return Ok(None);
            }
            self.open = Some((Arc::new(self.source.open(self.file)?), 0, 1));
            self.file += 1;
        }
    }
}
