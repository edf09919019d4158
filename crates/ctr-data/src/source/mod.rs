//! Raw rows, one format per file.

mod chunk;
mod criteo;
mod csv;
mod files;
mod input;
mod libfm;
mod libsvm;
mod line_error;
mod open;
mod parquet;
mod parquet_column;
mod parquet_guard;
mod record;
mod row;
mod sparse;
mod split_text;
mod synthetic;
mod text;

use crate::config::{DatasetConfig, FieldConfig, SplitRule};
use crate::error::{DataError, Reason, Refusal, shown};

pub use parquet::ParquetSource;
pub use row::{BadRow, Row, RowBuffer};
pub use synthetic::SyntheticSource;
pub use text::TextSource;

pub(crate) use csv::TRUE_PROBABILITY;
pub(crate) use open::open_file;

/// Rows of text in a fixed order: a raw file, or a generator.
///
/// A source is made for certain columns ([`SourceColumns`]); each of its rows has one text per field, in that order, empty where the value
/// is missing. Reading twice gives the same rows.
pub trait DataSource: Send + Sync {
    /// What messages call it: the file's path, or the generator and split.
    fn name(&self) -> String;

    /// The columns it was made for.
    fn columns(&self) -> &SourceColumns;

    /// Its extent, in the unit of [`Row::offset`]: bytes of a file, rows of a generator.
    ///
    /// # Errors
    /// [`DataError::Io`] if there is no such file.
    fn size(&self) -> Result<u64, DataError>;

    /// A digest that changes when the rows may have changed: BLAKE3 of a file's bytes, or of a generator's parameters.
    ///
    /// `watch` is called now and then with the extent read so far; its error ends the work.
    ///
    /// # Errors
    /// [`DataError::Io`], and what `watch` returns.
    fn fingerprint(&self, watch: &mut dyn FnMut(u64) -> Result<(), DataError>) -> Result<[u8; 32], DataError>;

    /// Calls `visit` with each row, in order, and with each row that does not follow the format. What `visit` returns decides whether
    /// reading goes on.
    ///
    /// # Errors
    /// [`DataError::MissingColumn`], [`DataError::Io`], and what `visit` returns.
    fn read(&self, visit: &mut RowVisitor<'_>) -> Result<(), DataError>;

    /// The source in pieces that several threads can read at once, if it comes in pieces.
    fn chunked(&self) -> Option<&dyn ChunkedSource> {
        None
    }
}

/// Takes one row, or one that was refused, after the other.
pub type RowVisitor<'a> = dyn FnMut(Result<&Row<'_>, BadRow<'_>>) -> Result<(), DataError> + 'a;

/// A source whose rows lie in pieces: they are fetched one after the other, and each can be taken apart by a thread of its own.
///
/// [`DataSource::read`] is the same as reading one piece after the other.
pub trait ChunkedSource: Sync {
    /// Begins to fetch the pieces.
    ///
    /// # Errors
    /// [`DataError::Io`].
    fn chunks(&self) -> Result<Box<dyn ChunkReader + '_>, DataError>;

    /// Calls `visit` with each row of a piece.
    ///
    /// # Errors
    /// As [`DataSource::read`].
    fn read_chunk(&self, chunk: &Chunk, visit: &mut RowVisitor<'_>) -> Result<(), DataError>;
}

/// Fetches the pieces of a source, in their order.
pub trait ChunkReader {
    /// The next piece; none at the end.
    ///
    /// # Errors
    /// As [`DataSource::read`].
    fn next(&mut self) -> Result<Option<Chunk>, DataError>;
}

/// A piece of a source.
#[derive(Debug)]
pub struct Chunk(Piece);

#[derive(Debug)]
enum Piece {
    Text(chunk::TextChunk),
    RowGroup(parquet::RowGroup),
}

impl Chunk {
    /// Extent of the source up to the end of the piece.
    #[must_use]
    pub fn offset(&self) -> u64 {
        match &self.0 {
            Piece::Text(chunk) => chunk.after,
            Piece::RowGroup(chunk) => chunk.after,
        }
    }
}

/// Reads one piece after the other.
fn read_chunks(source: &dyn ChunkedSource, visit: &mut RowVisitor<'_>) -> Result<(), DataError> {
    let mut chunks = source.chunks()?;
    while let Some(chunk) = chunks.next()? {
        source.read_chunk(&chunk, visit)?;
    }
    Ok(())
}

/// Which columns a source is to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceColumns {
    /// The label's column.
    pub label: String,
    /// Whether the label's column may be absent.
    pub labels: Labels,
    /// The fields, in the order of a row's values.
    pub fields: Vec<SourceColumn>,
}

/// A field that a source is to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceColumn {
    /// Its column's name.
    pub name: String,
    /// Whether its values are numbers.
    pub numeric: bool,
}

/// Whether rows must come with labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Labels {
    /// A file without labels is an error.
    #[default]
    Required,
    /// A file may have no labels at all; some rows with and some without are an error.
    Optional,
}

impl SourceColumns {
    /// The columns that a data set's configuration names: its fields, then the column that its split goes by.
    #[must_use]
    pub fn new(config: &DatasetConfig, labels: Labels) -> Self {
        let mut fields: Vec<SourceColumn> = config
            .resolved_fields()
            .iter()
            .flat_map(|field| {
                let numeric = matches!(field, FieldConfig::Numeric(_));
                field.names().iter().map(move |name| SourceColumn { name: name.clone(), numeric }).collect::<Vec<_>>()
            })
            .collect();
        if let Some(name) = config.split.as_ref().and_then(SplitRule::column)
            && fields.iter().all(|field| field.name != name)
        {
            fields.push(SourceColumn { name: name.to_owned(), numeric: false });
        }
        Self { label: config.label.clone(), labels, fields }
    }
}

/// 0 or 1, also written `0.0` and `1.0`.
fn label(text: &str) -> Result<bool, Refusal> {
    match text {
        "0" | "0.0" => Ok(false),
        "1" | "1.0" => Ok(true),
        _ => Err(Refusal::new(
            shown(text.as_bytes()),
            "a label, 0 or 1",
            "correct the row, or check that `label` names the right column",
        )
        .reason(Reason::Label)),
    }
}
