//! What the two sparse formats share: a label, then tokens that each belong to at most one field.

use std::path::Path;

use super::lines::Lines;
use super::{Labels, Row, RowVisitor, SourceColumns, Span, label};
use crate::error::{DataError, Refusal, shown};

/// Where a token's value lies, and whose it is.
pub(super) struct Placed<'a> {
    pub(super) field: usize,
    pub(super) value: &'a str,
}

/// What to do about a token that is not of its format.
pub(super) const NEXT: &str = "correct the row, and check `source.format`";

/// Reads the lines of a file; `place` says to which field a token belongs, if to any.
pub(super) fn read(
    path: &Path,
    columns: &SourceColumns,
    place: impl for<'a> Fn(&'a str) -> Result<Option<Placed<'a>>, Refusal>,
    visit: &mut RowVisitor<'_>,
) -> Result<(), DataError> {
    let mut lines = Lines::open(path)?;
    let mut spans = vec![Span::default(); columns.fields.len()];
    // The line on which each field was last seen: a field may stand in a line once.
    let mut seen = vec![0; columns.fields.len()];
    let mut labelled = None;
    while let Some(position) = lines.advance()? {
        let text = lines.text()?;
        let line = position.line;
        let mut tokens = text.split_ascii_whitespace();
        let first = tokens.clone().next().ok_or_else(|| {
            let next = "remove the empty line";
            Refusal::new("an empty line".to_owned(), "a row", next).at(lines.name(), line)
        })?;
        let has_label = *labelled.get_or_insert_with(|| columns.labels == Labels::Required || !first.contains(':'));
        let label = if has_label {
            tokens.next();
            Some(label(first).map_err(|refusal| refusal.column(&columns.label).at(lines.name(), line))?)
        } else {
            None
        };
        spans.fill(Span::default());
        for token in tokens {
            let Some(Placed { field, value }) = place(token).map_err(|refusal| refusal.at(lines.name(), line))? else {
                continue;
            };
            if seen[field] == line {
                let refusal = Refusal::new(shown(token.as_bytes()), "each field once in a line", NEXT);
                return Err(refusal.column(&columns.fields[field].name).at(lines.name(), line));
            }
            seen[field] = line;
            let start = value.as_ptr() as usize - text.as_ptr() as usize;
            spans[field] = Span { start: start as u32, end: (start + value.len()) as u32 };
        }
        visit(&Row { line, offset: position.offset, label, true_probability: None, text, spans: &spans })?;
    }
    Ok(())
}

/// Checks the value of a category's token: anything but 1 would be a weight, and weights would be lost.
pub(super) fn presence(value: &str, token: &str, column: &str) -> Result<(), Refusal> {
    match value {
        "1" | "1.0" => Ok(()),
        _ => Err(Refusal::new(shown(token.as_bytes()), "the value 1 for a category", NEXT).column(column)),
    }
}
