//! What the two sparse formats share: a label, then tokens that each belong to at most one field.

use std::fmt;

use super::line_error::empty;
use super::row::Span;
use super::text::{File, Layout, Parsed, Parts, TextFormat};
use super::{Labels, SourceColumns, label};
use crate::error::{DataError, Reason, Refusal, shown};

/// Where a token's value lies, and whose it is.
pub(super) struct Placed<'a> {
    pub(super) field: usize,
    pub(super) value: &'a str,
}

/// What to do about a token that is not of its format.
pub(super) const NEXT: &str = "correct the row, and check `source.format`";

/// How tokens are spelt.
pub(super) trait Tokens: fmt::Debug + Send + Sync {
    /// To which field a token belongs, if to any.
    fn place<'a>(&self, token: &'a str, columns: &SourceColumns) -> Result<Option<Placed<'a>>, Refusal>;
}

/// Lines of a label and tokens.
#[derive(Debug)]
pub(super) struct SparseFormat<T>(pub(super) T);

impl<T: Tokens> TextFormat for SparseFormat<T> {
    /// Whether the file has labels: its first row tells.
    fn layout(&self, first: &str, file: File, columns: &SourceColumns) -> Result<Layout, DataError> {
        let token = first.split_ascii_whitespace().next().unwrap_or_default();
        let labelled = columns.labels == Labels::Required || !token.contains(':');
        let label = labelled.then_some(0);
        Ok(Layout { file, header: Vec::new(), width: 0, label, true_probability: None, fields: Vec::new() })
    }

    fn row<'a>(
        &self,
        record: &'a str,
        layout: &Layout,
        columns: &SourceColumns,
        parts: &'a mut Parts,
    ) -> Result<Parsed<'a>, Refusal> {
        let spans = &mut parts.spans;
        let mut tokens = record.split_ascii_whitespace();
        let first = tokens.clone().next().ok_or_else(empty)?;
        let label = if layout.label.is_some() {
            tokens.next();
            Some(label(first).map_err(|refusal| refusal.column(&columns.label))?)
        } else {
            None
        };
        spans.clear();
        spans.resize(columns.fields.len(), Span::default());
        // A field may stand in a line once: no value is empty, so a span that is not empty was set before.
        for token in tokens {
            let Some(Placed { field, value }) = self.0.place(token, columns)? else { continue };
            if spans[field] != Span::default() {
                let refusal = Refusal::new(shown(token.as_bytes()), "each field once in a line", NEXT);
                return Err(refusal.reason(Reason::RepeatedField).column(&columns.fields[field].name));
            }
            let start = value.as_ptr() as usize - record.as_ptr() as usize;
            spans[field] = Span { start: start as u32, end: (start + value.len()) as u32 };
        }
        Ok(Parsed { label, true_probability: None, text: record, spans })
    }
}

/// A token that is not spelt as its format asks.
pub(super) fn misspelt(token: &str, expected: &str) -> Refusal {
    Refusal::new(shown(token.as_bytes()), expected, NEXT).reason(Reason::Token)
}

/// Checks the value of a category's token: anything but 1 would be a weight, and weights would be lost.
pub(super) fn presence(value: &str, token: &str, column: &str) -> Result<(), Refusal> {
    match value {
        "1" | "1.0" => Ok(()),
        _ => Err(misspelt(token, "the value 1 for a category").column(column)),
    }
}
