//! Refusals of lines that are no text.

use memchr::memchr;

use crate::error::{Reason, Refusal, shown};

/// The bytes as text; refused with the place of the first byte that is none.
pub(super) fn text(bytes: &[u8]) -> Result<&str, Refusal> {
    if let Some(at) = memchr(0, bytes) {
        let next = "the file is binary or damaged: fetch it again, or convert it to UTF-8";
        let found = format!("a NUL byte at byte {} of the line", at + 1);
        return Err(Refusal::new(found, "text", next).reason(Reason::Nul));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        let found = format!("byte {:#04x} at byte {} of the line", bytes[at], at + 1);
        Refusal::new(found, "UTF-8 text", "convert the file to UTF-8").reason(Reason::Encoding)
    })
}

/// A line or a quoted record that is longer than any row.
pub(super) fn too_long(bytes: &[u8], longest: usize) -> Refusal {
    let start = shown(&bytes[..bytes.len().min(32)]);
    let found = format!("a line of more than {longest} bytes, beginning with {start}");
    let next = "check that the file has line ends, closes its quotes and is not binary, or raise `rows.max_line_bytes`";
    Refusal::new(found, "a row", next).reason(Reason::LineTooLong)
}

/// A line without anything in it.
pub(super) fn empty() -> Refusal {
    Refusal::new("an empty line".to_owned(), "a row", "remove the empty line").reason(Reason::EmptyLine)
}

/// A row with another number of fields than it must have.
pub(super) fn field_count(found: usize, expected: String) -> Refusal {
    Refusal::new(
        format!("{found} field{}", if found == 1 { "" } else { "s" }),
        expected,
        "correct or remove the row, and check that the file was fetched completely",
    )
    .reason(Reason::FieldCount)
}
