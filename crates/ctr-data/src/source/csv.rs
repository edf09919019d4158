//! Delimited text with a header line.

use std::path::{Path, PathBuf};

use super::lines::{self, Lines, MAX_LINE, Position};
use super::{DataSource, Labels, Row, RowVisitor, SourceColumns, Span, field_count, label};
use crate::config::CsvConfig;
use crate::error::{DataError, Refusal, shown};

/// Column in which exported generated data carry their true click probability.
pub(crate) const TRUE_PROBABILITY: &str = "true_probability";

/// A CSV file: see [`CsvConfig`] for what is accepted.
#[derive(Debug)]
pub struct CsvSource {
    path: PathBuf,
    delimiter: u8,
    true_probability: Option<String>,
    columns: SourceColumns,
}

impl CsvSource {
    /// The file at `path`; it is opened when it is read.
    #[must_use]
    pub fn new(path: &Path, config: &CsvConfig, columns: SourceColumns) -> Self {
        Self {
            path: path.to_path_buf(),
            // `DatasetConfig::validate` admits ASCII only.
            delimiter: config.delimiter as u8,
            true_probability: config.true_probability.clone(),
            columns,
        }
    }
}

impl DataSource for CsvSource {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn columns(&self) -> &SourceColumns {
        &self.columns
    }

    fn size(&self) -> Result<u64, DataError> {
        lines::size(&self.path)
    }

    fn fingerprint(&self, watch: &mut dyn FnMut(u64) -> Result<(), DataError>) -> Result<[u8; 32], DataError> {
        lines::fingerprint(&self.path, watch)
    }

    fn read(&self, visit: &mut RowVisitor<'_>) -> Result<(), DataError> {
        let mut records = Records::new(&self.path, self.delimiter)?;
        let name = self.name();
        let Some(header) = records.next()? else { return Err(DataError::Empty { file: name }) };
        let header: Vec<String> = header.spans.iter().map(|span| header.text(*span).to_owned()).collect();
        let places = Places::find(&header, self, &name)?;
        let mut spans = vec![Span::default(); places.fields.len()];
        while let Some(record) = records.next()? {
            let line = record.position.line;
            if record.spans.len() != header.len() {
                let expected = format!("{}, as many as the header has", header.len());
                return Err(field_count(record.spans.len(), expected).at(&name, line));
            }
            let at = |place: usize, refusal: Refusal| refusal.column(&header[place]).at(&name, line);
            let label = match places.label {
                Some(place) => Some(label(record.text(record.spans[place])).map_err(|refusal| at(place, refusal))?),
                None => None,
            };
            let true_probability = match places.true_probability {
                Some(place) => {
                    Some(probability(record.text(record.spans[place])).map_err(|refusal| at(place, refusal))?)
                }
                None => None,
            };
            for (span, &place) in spans.iter_mut().zip(&places.fields) {
                *span = record.spans[place];
            }
            let offset = record.position.offset;
            visit(&Row { line, offset, label, true_probability, text: record.line, spans: &spans })?;
        }
        Ok(())
    }
}

fn probability(text: &str) -> Result<f64, Refusal> {
    match text.parse() {
        Ok(p) if (0.0..=1.0).contains(&p) => Ok(p),
        _ => Err(Refusal::new(shown(text.as_bytes()), "a probability from 0 to 1", "correct the row")),
    }
}

/// Which of the header's columns are wanted.
struct Places {
    label: Option<usize>,
    true_probability: Option<usize>,
    fields: Vec<usize>,
}

impl Places {
    fn find(header: &[String], source: &CsvSource, file: &str) -> Result<Self, DataError> {
        let place = |column: &str| {
            let mut places = header.iter().enumerate().filter(|(_, name)| *name == column).map(|(place, _)| place);
            match (places.next(), places.next()) {
                (Some(place), None) => Ok(place),
                (Some(_), Some(_)) => {
                    let next = "rename one of them";
                    let found = "two columns of this name".to_owned();
                    Err(Refusal::new(found, "one", next).column(column).at(file, 1))
                }
                (None, _) => Err(DataError::MissingColumn {
                    file: file.to_owned(),
                    column: column.to_owned(),
                    found: header.to_vec(),
                }),
            }
        };
        let optional = source.columns.labels == Labels::Optional;
        let perhaps = |column: &String| if optional && !header.contains(column) { None } else { Some(place(column)) };
        Ok(Self {
            label: perhaps(&source.columns.label).transpose()?,
            true_probability: source.true_probability.as_ref().and_then(perhaps).transpose()?,
            fields: source.columns.fields.iter().map(|field| place(&field.name)).collect::<Result<_, _>>()?,
        })
    }
}

/// A record, its fields as spans of `line`.
struct Record<'a> {
    position: Position,
    line: &'a str,
    spans: &'a [Span],
}

impl<'a> Record<'a> {
    fn text(&self, span: Span) -> &'a str {
        &self.line[span.start as usize..span.end as usize]
    }
}

/// Reads records. Lines without a quote, nearly all, are split where they lie.
struct Records {
    lines: Lines,
    delimiter: u8,
    spans: Vec<Span>,
    quoted: String,
    unquoted: String,
}

impl Records {
    fn new(path: &Path, delimiter: u8) -> Result<Self, DataError> {
        let (quoted, unquoted) = (String::new(), String::new());
        Ok(Self { lines: Lines::open(path)?, delimiter, spans: Vec::new(), quoted, unquoted })
    }

    fn next(&mut self) -> Result<Option<Record<'_>>, DataError> {
        let Some(mut position) = self.lines.advance()? else { return Ok(None) };
        let first = position.line;
        if !self.lines.contains(b'"') {
            let line = self.lines.text()?;
            if line.is_empty() {
                let next = "remove the empty line";
                return Err(Refusal::new("an empty line".to_owned(), "a row", next).at(self.lines.name(), first));
            }
            split(line, self.delimiter, &mut self.spans);
            return Ok(Some(Record { position, line, spans: &self.spans }));
        }
        let text = self.lines.text()?;
        self.quoted.clear();
        self.quoted.push_str(text);
        // A field is open where the number of quotes is odd: a quote within a field is written twice.
        let mut quotes = count_quotes(text);
        while quotes % 2 == 1 {
            self.quoted.push_str(position.end);
            let following = if self.quoted.len() > MAX_LINE { None } else { self.lines.advance()? };
            let Some(following) = following else {
                let found = format!("a quote that is not closed in the next {} bytes", self.quoted.len());
                let next = "close the quote, or double it if it belongs to the value";
                return Err(Refusal::new(found, "a closing quote", next).at(self.lines.name(), first));
            };
            position = following;
            let text = self.lines.text()?;
            quotes += count_quotes(text);
            self.quoted.push_str(text);
        }
        unquote(&self.quoted, self.delimiter, &mut self.unquoted, &mut self.spans)
            .map_err(|refusal| refusal.at(self.lines.name(), first))?;
        let position = Position { line: first, ..position };
        Ok(Some(Record { position, line: &self.unquoted, spans: &self.spans }))
    }
}

fn count_quotes(text: &str) -> usize {
    memchr::memchr_iter(b'"', text.as_bytes()).count()
}

/// Splits a text at each delimiter.
pub(super) fn split(text: &str, delimiter: u8, spans: &mut Vec<Span>) {
    spans.clear();
    let mut start = 0;
    for (at, &byte) in text.as_bytes().iter().enumerate() {
        if byte == delimiter {
            spans.push(Span { start, end: at as u32 });
            start = at as u32 + 1;
        }
    }
    spans.push(Span { start, end: text.len() as u32 });
}

/// Takes a record with quoted fields apart (RFC 4180, strictly); the fields' text goes to `unquoted`.
fn unquote(record: &str, delimiter: u8, unquoted: &mut String, spans: &mut Vec<Span>) -> Result<(), Refusal> {
    const NEXT: &str = "quote the whole field and double the quotes within it";
    spans.clear();
    unquoted.clear();
    let delimiter = char::from(delimiter);
    let mut rest = record;
    loop {
        let start = unquoted.len() as u32;
        let after = if let Some(mut inside) = rest.strip_prefix('"') {
            loop {
                let Some((text, after)) = inside.split_once('"') else {
                    return Err(Refusal::new(shown(rest.as_bytes()), "a closing quote", NEXT));
                };
                unquoted.push_str(text);
                match after.strip_prefix('"') {
                    Some(more) => {
                        unquoted.push('"');
                        inside = more;
                    }
                    None => break after,
                }
            }
        } else {
            let (text, after) = rest.split_at(rest.find(delimiter).unwrap_or(rest.len()));
            if text.contains('"') {
                return Err(Refusal::new(shown(text.as_bytes()), "a quote at the beginning of a field or none", NEXT));
            }
            unquoted.push_str(text);
            after
        };
        spans.push(Span { start, end: unquoted.len() as u32 });
        if after.is_empty() {
            return Ok(());
        }
        rest = after.strip_prefix(delimiter).ok_or_else(|| {
            Refusal::new(shown(after.as_bytes()), "a delimiter or the line's end after a closing quote", NEXT)
        })?;
    }
}
