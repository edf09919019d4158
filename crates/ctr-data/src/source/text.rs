//! Sources of text files: what the line formats share.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::chunk::{Cutter, TextChunk};
use super::record::{Record, RecordRule, Records};
use super::row::{Place, Row, Span};
use super::{Chunk, ChunkReader, ChunkedSource, DataSource, Piece, RowVisitor, SourceColumns, input, read_chunks};
use crate::error::{DataError, Refusal};

/// A format in which a row is a line, or a record whose quoted fields may hold line ends.
pub(super) trait TextFormat: fmt::Debug + Send + Sync {
    /// The delimiter, where fields may be quoted as in RFC 4180.
    fn quoting(&self) -> Option<u8> {
        None
    }

    /// Whether the first record of a file is its header.
    fn has_header(&self) -> bool {
        false
    }

    /// What a file's first record says about the others.
    fn layout(&self, first: &str, file: File, columns: &SourceColumns) -> Result<Layout, DataError>;

    /// Takes a record apart.
    fn row<'a>(
        &self,
        record: &'a str,
        layout: &Layout,
        columns: &SourceColumns,
        parts: &'a mut Parts,
    ) -> Result<Parsed<'a>, Refusal>;
}

/// A file of a source.
#[derive(Debug)]
pub(super) struct File {
    /// What messages call it.
    pub(super) name: String,
    /// Its number in the source.
    pub(super) number: u32,
}

/// How the records of one file are laid out.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) file: File,
    /// Names of all columns, where the file has a header.
    pub(super) header: Vec<String>,
    /// Fields in a record, where the format fixes them.
    pub(super) width: usize,
    /// Places of the label, of the true probability and of each wanted field.
    pub(super) label: Option<usize>,
    pub(super) true_probability: Option<usize>,
    pub(super) fields: Vec<usize>,
}

/// Room to take records apart.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// All fields of the record.
    pub(super) all: Vec<Span>,
    /// The wanted fields.
    pub(super) spans: Vec<Span>,
    /// The text of a record with quoted fields.
    pub(super) unquoted: String,
}

/// A record taken apart.
pub(super) struct Parsed<'a> {
    pub(super) label: Option<bool>,
    pub(super) true_probability: Option<f64>,
    pub(super) text: &'a str,
    pub(super) spans: &'a [Span],
}

/// The rows of text files, one file after the other.
#[derive(Debug)]
pub struct TextSource {
    files: Vec<PathBuf>,
    format: Box<dyn TextFormat>,
    columns: SourceColumns,
    rule: RecordRule,
}

impl TextSource {
    pub(super) fn new(
        files: Vec<PathBuf>,
        format: Box<dyn TextFormat>,
        columns: SourceColumns,
        longest: usize,
    ) -> Self {
        let rule = RecordRule { quoting: format.quoting(), longest };
        Self { files, format, columns, rule }
    }
}

impl DataSource for TextSource {
    fn name(&self) -> String {
        super::files::name(&self.files)
    }

    fn columns(&self) -> &SourceColumns {
        &self.columns
    }

    fn size(&self) -> Result<u64, DataError> {
        super::files::size(&self.files)
    }

    fn fingerprint(&self, watch: &mut dyn FnMut(u64) -> Result<(), DataError>) -> Result<[u8; 32], DataError> {
        super::files::fingerprint(&self.files, watch)
    }

    fn read(&self, visit: &mut RowVisitor<'_>) -> Result<(), DataError> {
        read_chunks(self, visit)
    }

    fn chunked(&self) -> Option<&dyn ChunkedSource> {
        Some(self)
    }
}

impl ChunkedSource for TextSource {
    fn chunks(&self) -> Result<Box<dyn ChunkReader + '_>, DataError> {
        Ok(Box::new(TextReader { source: self, file: 0, open: None, before: 0 }))
    }

    fn read_chunk(&self, chunk: &Chunk, visit: &mut RowVisitor<'_>) -> Result<(), DataError> {
        let Piece::Text(chunk) = &chunk.0 else { return Ok(()) };
        let layout = chunk.layout.as_ref();
        let mut parts = Parts::default();
        for record in Records::new(&chunk.bytes[chunk.start..], chunk.line, self.rule) {
            let end = chunk.start + record.end;
            let offset = match chunk.before {
                Some(before) if end < chunk.bytes.len() => before + end as u64,
                _ => chunk.after,
            };
            match self.parse(&record, layout, &mut parts) {
                Ok(Parsed { label, true_probability, text, spans }) => {
                    let place = Place { name: &layout.file.name, raw: record.raw };
                    let file = layout.file.number;
                    visit(Ok(&Row { file, line: record.line, offset, label, true_probability, place, text, spans }))?;
                }
                Err(refusal) => visit(Err(refusal.bad_row(&layout.file.name, record.line, record.raw)))?,
            }
        }
        Ok(())
    }
}

impl TextSource {
    fn parse<'a>(&self, record: &Record<'a>, layout: &Layout, parts: &'a mut Parts) -> Result<Parsed<'a>, Refusal> {
        self.format.row(record.text(self.rule.longest)?, layout, &self.columns, parts)
    }
}

/// Cuts one file after the other.
struct TextReader<'a> {
    source: &'a TextSource,
    /// Number of the file to open next.
    file: usize,
    open: Option<(Cutter, Arc<Layout>)>,
    /// Bytes of the files before the open one.
    before: u64,
}

impl ChunkReader for TextReader<'_> {
    fn next(&mut self) -> Result<Option<Chunk>, DataError> {
        loop {
            if let Some((cutter, layout)) = &mut self.open {
                if let Some(piece) = cutter.next()? {
                    return Ok(Some(chunk(piece, 0, Arc::clone(layout), self.before)));
                }
                self.before += input::size(&self.source.files[self.file - 1])?;
                self.open = None;
            }
            if self.file == self.source.files.len() {
                return Ok(None);
            }
            if let Some(chunk) = self.begin()? {
                return Ok(Some(chunk));
            }
        }
    }
}

impl TextReader<'_> {
    /// Opens the next file and cuts its first piece; none if there is nothing in it.
    fn begin(&mut self) -> Result<Option<Chunk>, DataError> {
        let TextSource { files, format, columns, rule } = self.source;
        let path = &files[self.file];
        let file = File { name: path.display().to_string(), number: self.file as u32 };
        self.file += 1;
        let mut cutter = Cutter::open(path, *rule)?;
        let Some(mut piece) = cutter.next()? else {
            // A file without a header cannot be told from one that was never written.
            return if format.has_header() { Err(DataError::Empty { file: file.name }) } else { Ok(None) };
        };
        let mut start = 0;
        let mut line = piece.line;
        let first = Records::new(&piece.bytes, piece.line, *rule).next();
        let layout = match first.map(|record| (record.end, record.text(rule.longest))) {
            Some((end, Ok(first))) => {
                if format.has_header() {
                    start = end;
                    line += memchr::memchr_iter(b'\n', &piece.bytes[..end]).count() as u64;
                }
                format.layout(first, file, columns)?
            }
            Some((_, Err(refusal))) if format.has_header() => return Err(refusal.at(&file.name, piece.line)),
            // The row is refused when its turn comes; the others are as the configuration says.
            _ => format.layout("", file, columns)?,
        };
        piece.line = line;
        let layout = Arc::new(layout);
        self.open = Some((cutter, Arc::clone(&layout)));
        Ok(Some(chunk(piece, start, layout, self.before)))
    }
}

fn chunk(piece: super::chunk::Piece, start: usize, layout: Arc<Layout>, before: u64) -> Chunk {
    let super::chunk::Piece { bytes, line, before: within, after } = piece;
    Chunk(Piece::Text(TextChunk {
        layout,
        bytes,
        start,
        line,
        before: within.map(|within| before + within),
        after: before + after,
    }))
}
