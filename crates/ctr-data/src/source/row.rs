//! One raw row, and one that was refused.

use crate::error::{DataError, Refusal, RowError};

/// Where a value lies in its row's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    /// The value, where it lies in `text`.
    pub(crate) fn of(self, text: &str) -> &str {
        &text[self.start as usize..self.end as usize]
    }
}

/// One raw row.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// The source's file, numbered from 0 in the order in which they are read; 0 for a generator.
    pub file: u32,
    /// 1-based line of the file on which the row begins; 1-based number of a generated row.
    pub line: u64,
    /// Extent read so far, this row included.
    pub offset: u64,
    /// The label; none where the source has no labels.
    pub label: Option<bool>,
    /// The true click probability, where the source knows it.
    pub true_probability: Option<f64>,
    pub(crate) place: Place<'a>,
    pub(crate) text: &'a str,
    pub(crate) spans: &'a [Span],
}

/// What a row was read from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    /// What messages call the file.
    pub(crate) name: &'a str,
    /// The row as it stands in the file, without its line end.
    pub(crate) raw: &'a [u8],
}

impl<'a> Row<'a> {
    /// The text of the field numbered as in [`SourceColumns::fields`](super::SourceColumns::fields); empty where the value is missing.
    ///
    /// # Panics
    /// If there is no such field.
    #[must_use]
    pub fn value(&self, field: usize) -> &'a str {
        self.spans[field].of(self.text)
    }

    /// The bytes of [`Row::value`]: cut out without a look at the boundaries of characters.
    pub(crate) fn bytes(&self, field: usize) -> &'a [u8] {
        let Span { start, end } = self.spans[field];
        &self.text.as_bytes()[start as usize..end as usize]
    }

    /// The row refused after it was read, for a value that its column cannot hold.
    pub(crate) fn refused(&self, refusal: Refusal) -> BadRow<'a> {
        refusal.bad_row(self.place.name, self.line, self.place.raw)
    }
}

/// A row that cannot be taken, and why. As an error it is [`DataError::Row`].
#[derive(Debug, Clone)]
pub struct BadRow<'a> {
    /// Where and why.
    pub error: Box<RowError>,
    /// The row as it stands in its file, as far as it was read.
    pub raw: &'a [u8],
}

impl From<BadRow<'_>> for DataError {
    fn from(bad: BadRow<'_>) -> Self {
        Self::Row(bad.error)
    }
}

/// A row under construction, for a [`DataSource`](super::DataSource) that makes its rows itself.
///
/// ```
/// use ctr_data::source::RowBuffer;
///
/// let mut buffer = RowBuffer::default();
/// buffer.clear();
/// buffer.push("ann");
/// buffer.push_display(&2.5);
/// let row = buffer.row("clicks.db", 1, 1, Some(true));
/// assert_eq!((row.value(0), row.value(1)), ("ann", "2.5"));
/// ```
#[derive(Debug, Default)]
pub struct RowBuffer {
    text: String,
    spans: Vec<Span>,
}

impl RowBuffer {
    /// Begins the next row.
    pub fn clear(&mut self) {
        self.text.clear();
        self.spans.clear();
    }

    /// Appends the next field's value; an empty text is a missing value.
    pub fn push(&mut self, value: &str) {
        self.separate();
        let start = self.text.len() as u32;
        self.text.push_str(value);
        self.spans.push(Span { start, end: self.text.len() as u32 });
    }

    /// Appends the next field's value as it is displayed.
    pub fn push_display(&mut self, value: &dyn std::fmt::Display) {
        use std::fmt::Write;
        self.separate();
        let start = self.text.len() as u32;
        let written = write!(self.text, "{value}");
        debug_assert!(written.is_ok(), "writing to a string does not fail");
        self.spans.push(Span { start, end: self.text.len() as u32 });
    }

    /// A tab between values, for those who look at the row as a whole.
    fn separate(&mut self) {
        if !self.spans.is_empty() {
            self.text.push('\t');
        }
    }

    /// What there is of the row.
    pub(crate) fn raw(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// The row, of which messages say `name`, `line` and the values; `offset` is the extent read so far, this row included.
    #[must_use]
    pub fn row<'a>(&'a self, name: &'a str, line: u64, offset: u64, label: Option<bool>) -> Row<'a> {
        let place = Place { name, raw: self.text.as_bytes() };
        Row { file: 0, line, offset, label, true_probability: None, place, text: &self.text, spans: &self.spans }
    }
}
