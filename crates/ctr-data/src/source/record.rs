//! Where the records of a text end.

use memchr::memchr;

use super::line_error;
use crate::error::Refusal;

/// The records of a text that begins with one.
pub(super) struct Records<'a> {
    text: &'a [u8],
    /// All of it as text, where all of it is.
    valid: Option<&'a str>,
    rule: RecordRule,
    place: usize,
    line: u64,
}

/// What ends a record.
#[derive(Debug, Clone, Copy)]
pub(super) struct RecordRule {
    /// The delimiter of a format whose fields may be quoted as in RFC 4180: a quoted field may hold line ends.
    pub(super) quoting: Option<u8>,
    /// A record of more bytes is refused: memory must not follow a damaged file.
    pub(super) longest: usize,
}

/// A record of a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'a> {
    /// Its bytes, without the line end.
    pub(super) raw: &'a [u8],
    /// 1-based line on which it begins.
    pub(super) line: u64,
    /// Where the next one begins within the text.
    pub(super) end: usize,
    /// The bytes as text, if they are text.
    valid: Option<&'a str>,
}

impl<'a> Record<'a> {
    /// The record's text, if it is text of an acceptable length.
    pub(super) fn text(&self, longest: usize) -> Result<&'a str, Refusal> {
        if self.raw.len() > longest {
            return Err(line_error::too_long(self.raw, longest));
        }
        self.valid.map_or_else(|| line_error::text(self.raw), Ok)
    }
}

impl<'a> Records<'a> {
    /// The records of `text`, of which the first begins on `line` of its file.
    pub(super) fn new(text: &'a [u8], line: u64, rule: RecordRule) -> Self {
        let valid = if memchr(0, text).is_none() { std::str::from_utf8(text).ok() } else { None };
        let quoting = rule.quoting.filter(|_| memchr(b'"', text).is_some());
        Self { text, valid, rule: RecordRule { quoting, ..rule }, place: 0, line }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        let start = self.place;
        if start == self.text.len() {
            return None;
        }
        let rest = &self.text[start..];
        let end = start + self.rule.end(rest).unwrap_or(rest.len());
        let mut stop = end;
        stop -= usize::from(stop > start && self.text[stop - 1] == b'\n');
        stop -= usize::from(stop > start && self.text[stop - 1] == b'\r');
        let line = self.line;
        self.line += match self.rule.quoting {
            None => 1,
            Some(_) => memchr::memchr_iter(b'\n', &self.text[start..end]).count() as u64,
        };
        self.place = end;
        let valid = self.valid.and_then(|text| text.get(start..stop));
        Some(Record { raw: &self.text[start..stop], line, end, valid })
    }
}

impl RecordRule {
    /// The number of bytes of the record at the beginning of `text`, its line end included; none if the text ends before it.
    ///
    /// A quoted field that is not closed within `longest` bytes makes the record end with the line that reaches this length.
    pub(super) fn end(self, text: &[u8]) -> Option<usize> {
        let line = memchr(b'\n', text)?;
        let Some(delimiter) = self.quoting.filter(|_| memchr(b'"', &text[..line]).is_some()) else {
            return Some(line + 1);
        };
        let window = &text[..text.len().min(self.longest + 1)];
        quoted_end(window, delimiter).or_else(|| {
            let beyond = text.get(self.longest..).filter(|beyond| !beyond.is_empty())?;
            memchr(b'\n', beyond).map(|end| self.longest + end + 1)
        })
    }

    /// The end of the last record that ends within `text`; records end before `from`, an earlier answer, and go on from there.
    pub(super) fn last_end(self, text: &[u8], from: usize) -> Option<usize> {
        if self.quoting.is_none() || memchr(b'"', &text[from..]).is_none() {
            return memchr::memrchr(b'\n', &text[from..])
                .map(|end| from + end + 1)
                .or(Some(from))
                .filter(|end| *end > 0);
        }
        let mut place = from;
        while let Some(end) = self.end(&text[place..]) {
            place += end;
        }
        Some(place).filter(|end| *end > 0)
    }
}

/// The end of a record with quoted fields; none if `text` ends before it. A field that is quoted wrongly ends with its line: it is
/// refused, and the rows after it are not drawn into it.
fn quoted_end(text: &[u8], delimiter: u8) -> Option<usize> {
    let mut place = 0;
    loop {
        if text.get(place) == Some(&b'"') {
            place += 1;
            loop {
                place += memchr(b'"', &text[place..])? + 1;
                if text.get(place) != Some(&b'"') {
                    break;
                }
                place += 1;
            }
            let after = *text.get(place)?;
            if after == delimiter {
                place += 1;
                continue;
            }
            return memchr(b'\n', &text[place..]).map(|end| place + end + 1);
        }
        place += memchr::memchr2(delimiter, b'\n', &text[place..])? + 1;
        if text[place - 1] == b'\n' {
            return Some(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: RecordRule = RecordRule { quoting: Some(b','), longest: 20 };

    fn records(text: &[u8]) -> Vec<(u64, &[u8])> {
        Records::new(text, 1, RULE).map(|record| (record.line, record.raw)).collect()
    }

    #[test]
    fn quoted_line_ends_belong_to_the_record() {
        let found = records(b"a,b\r\n\"x\ny\",\"\"\"\n\"\n\nlast");
        let expected: [(u64, &[u8]); 4] = [(1, b"a,b"), (2, b"\"x\ny\",\"\"\"\n\""), (5, b""), (6, b"last")];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_misplaced_quote_does_not_draw_the_next_rows_in() {
        let found = records(b"a\"b,c\n1,2\n\"a\"b\n3,4\n");
        let expected: [(u64, &[u8]); 4] = [(1, b"a\"b,c"), (2, b"1,2"), (3, b"\"a\"b"), (4, b"3,4")];
        assert_eq!(found, expected);
    }

    #[test]
    fn an_open_quote_ends_with_the_line_that_is_too_long() {
        let found = records(b"\"aaaa\nbbbb\ncccc\ndddddddd\n1,2\n");
        let expected: [(u64, &[u8]); 2] = [(1, b"\"aaaa\nbbbb\ncccc\ndddddddd"), (5, b"1,2")];
        assert_eq!(found, expected);
        assert!(Records::new(b"\"aaaa\nbbbb\ncccc\ndddddddd\n", 1, RULE).next().unwrap().text(20).is_err());
    }

    #[test]
    fn records_end_where_they_end_however_the_text_is_cut() {
        let text = b"a,\"b\nc\"\n\"d\"\"\n\",e\nf\"g\n\"h\"i\nlonger than the longest row may be\n\"open\nto the end of the text\nk\n";
        let all: Vec<usize> = Records::new(text, 1, RULE).map(|record| record.end).collect();
        for cut in 0..=text.len() {
            let expected = all.iter().rfind(|end| **end <= cut).copied();
            assert_eq!(RULE.last_end(&text[..cut], 0), expected, "cut at {cut}");
            for from in all.iter().copied().filter(|end| Some(*end) <= expected) {
                assert_eq!(RULE.last_end(&text[..cut], from), expected, "cut at {cut}, from {from}");
            }
        }
    }
}
