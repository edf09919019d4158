//! Delimited text with a header line.

use super::line_error::{empty, field_count};
use super::row::Span;
use super::split_text::split;
use super::text::{File, Layout, Parsed, Parts, TextFormat};
use super::{Labels, SourceColumns, label};
use crate::config::CsvConfig;
use crate::error::{DataError, Reason, Refusal, shown};

/// Column in which exported generated data carry their true click probability.
pub(crate) const TRUE_PROBABILITY: &str = "true_probability";

/// The format of [`CsvConfig`].
#[derive(Debug)]
pub(super) struct CsvFormat {
    delimiter: u8,
    true_probability: Option<String>,
}

impl CsvFormat {
    pub(super) fn new(config: &CsvConfig) -> Self {
        // `DatasetConfig::validate` admits ASCII only.
        Self { delimiter: config.delimiter as u8, true_probability: config.true_probability.clone() }
    }

    /// The fields of a record; the text in which they lie.
    fn split<'a>(&self, record: &'a str, all: &mut Vec<Span>, unquoted: &'a mut String) -> Result<&'a str, Refusal> {
        if record.is_empty() {
            return Err(empty());
        }
        if memchr::memchr(b'"', record.as_bytes()).is_none() {
            split(record, self.delimiter, all);
            return Ok(record);
        }
        unquote(record, self.delimiter, unquoted, all)?;
        Ok(unquoted)
    }
}

impl TextFormat for CsvFormat {
    fn quoting(&self) -> Option<u8> {
        Some(self.delimiter)
    }

    fn has_header(&self) -> bool {
        true
    }

    fn layout(&self, first: &str, file: File, columns: &SourceColumns) -> Result<Layout, DataError> {
        let (mut all, mut unquoted) = (Vec::new(), String::new());
        let text = self.split(first, &mut all, &mut unquoted).map_err(|refusal| refusal.at(&file.name, 1))?;
        let header: Vec<String> = all.iter().map(|span| span.of(text).to_owned()).collect();
        let place = |column: &str| {
            let mut places = header.iter().enumerate().filter(|(_, name)| *name == column).map(|(place, _)| place);
            match (places.next(), places.next()) {
                (Some(place), None) => Ok(place),
                (Some(_), Some(_)) => {
                    let found = "two columns of this name".to_owned();
                    Err(Refusal::new(found, "one", "rename one of them").column(column).at(&file.name, 1))
                }
                (None, _) => Err(DataError::MissingColumn {
                    file: file.name.clone(),
                    column: column.to_owned(),
                    found: header.clone(),
                }),
            }
        };
        let optional = columns.labels == Labels::Optional;
        let perhaps = |column: &String| if optional && !header.contains(column) { None } else { Some(place(column)) };
        let label = perhaps(&columns.label).transpose()?;
        let true_probability = self.true_probability.as_ref().and_then(perhaps).transpose()?;
        let fields = columns.fields.iter().map(|field| place(&field.name)).collect::<Result<_, _>>()?;
        Ok(Layout { width: header.len(), label, true_probability, fields, file, header })
    }

    fn row<'a>(
        &self,
        record: &'a str,
        layout: &Layout,
        _: &SourceColumns,
        parts: &'a mut Parts,
    ) -> Result<Parsed<'a>, Refusal> {
        let Parts { all, spans, unquoted } = parts;
        let text = self.split(record, all, unquoted)?;
        if all.len() != layout.width {
            return Err(field_count(all.len(), format!("{}, as many as the header has", layout.width)));
        }
        let at = |place: usize, refusal: Refusal| refusal.column(&layout.header[place]);
        let value = |place: usize| all[place].of(text);
        let label = layout.label.map(|place| label(value(place)).map_err(|refusal| at(place, refusal))).transpose()?;
        let probability = |place: usize| probability(value(place)).map_err(|refusal| at(place, refusal));
        let true_probability = layout.true_probability.map(probability).transpose()?;
        spans.clear();
        spans.extend(layout.fields.iter().map(|&place| all[place]));
        Ok(Parsed { label, true_probability, text, spans })
    }
}

fn probability(text: &str) -> Result<f64, Refusal> {
    match text.parse() {
        Ok(p) if (0.0..=1.0).contains(&p) => Ok(p),
        _ => {
            Err(Refusal::new(shown(text.as_bytes()), "a probability from 0 to 1", "correct the row")
                .reason(Reason::Number))
        }
    }
}

/// Takes a record with quoted fields apart (RFC 4180, strictly); the fields' text goes to `unquoted`.
fn unquote(record: &str, delimiter: u8, unquoted: &mut String, spans: &mut Vec<Span>) -> Result<(), Refusal> {
    const NEXT: &str = "quote the whole field and double the quotes within it";
    let refused =
        |found: &str, expected: &str| Refusal::new(shown(found.as_bytes()), expected, NEXT).reason(Reason::Quote);
    spans.clear();
    unquoted.clear();
    let delimiter = char::from(delimiter);
    let mut rest = record;
    loop {
        let start = unquoted.len() as u32;
        let after = if let Some(mut inside) = rest.strip_prefix('"') {
            loop {
                let Some((text, after)) = inside.split_once('"') else {
                    let found = format!("a quote that is not closed in the next {} bytes", rest.len());
                    return Err(Refusal::new(found, "a closing quote", NEXT).reason(Reason::Quote));
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
                return Err(refused(text, "a quote at the beginning of a field or none"));
            }
            unquoted.push_str(text);
            after
        };
        spans.push(Span { start, end: unquoted.len() as u32 });
        if after.is_empty() {
            return Ok(());
        }
        rest = after
            .strip_prefix(delimiter)
            .ok_or_else(|| refused(after, "a delimiter or the line's end after a closing quote"))?;
    }
}
