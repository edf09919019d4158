//! Headers of Parquet files, walked over before the decoder sees them.
//!
//! The decoder believes what a header says of its lists: one that claims 2³¹ elements that take no bytes keeps it busy for hours, and a text
//! that claims 2⁴⁰ bytes makes it ask for them. Here every value must take a byte of the header at least, as every value does that was written,
//! so that walking is linear in the header's bytes; what passes is harmless to walk over again.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

/// Values within values.
const DEEPEST: u32 = 64;
/// Page headers are tens of bytes; the longest hold a column's least and greatest text.
const FIRST_LOOK: u64 = 4 << 10;
const LONGEST_HEADER: u64 = 1 << 20;
/// The length of the footer and the magic behind it.
const TAIL: u64 = 8;

/// Why a header is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It goes on behind the bytes.
    Cut,
    /// It claims what its bytes cannot hold.
    Absurd,
}

/// A file whose headers are looked at before they are decoded.
#[derive(Debug)]
pub(super) struct GuardedFile {
    file: File,
    length: u64,
}

impl GuardedFile {
    pub(super) fn new(file: File) -> Result<Self, ParquetError> {
        let length = file.metadata()?.len();
        Ok(Self { file, length })
    }

    /// Refuses a footer that cannot be walked over; one without a magic is left to the decoder's own words.
    pub(super) fn check_footer(&self) -> Result<(), ParquetError> {
        let Some(tail) = self.length.checked_sub(TAIL) else { return Ok(()) };
        let tail = self.bytes(tail, TAIL)?;
        let (length, magic) = tail.split_first_chunk::<4>().ok_or_else(refusal)?;
        let length = u64::from(u32::from_le_bytes(*length));
        match (self.length - TAIL).checked_sub(length) {
            Some(start) if magic == b"PAR1" => walk(&self.bytes(start, length)?).map_err(|_| refusal()),
            _ => Ok(()),
        }
    }

    fn check_page_header(&self, start: u64) -> Result<(), ParquetError> {
        let rest = self.length.saturating_sub(start);
        for longest in [FIRST_LOOK, LONGEST_HEADER] {
            let length = rest.min(longest);
            match walk(&self.bytes(start, length)?) {
                Ok(()) => return Ok(()),
                Err(Fault::Cut) if length < rest => {}
                Err(_) => break,
            }
        }
        Err(refusal())
    }

    fn bytes(&self, start: u64, length: u64) -> Result<Vec<u8>, ParquetError> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.take(length).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

fn refusal() -> ParquetError {
    ParquetError::General("a header claims more than its bytes can hold".to_owned())
}

impl Length for GuardedFile {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for GuardedFile {
    type T = BufReader<File>;

    /// Called where a page begins, with its header.
    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        self.check_page_header(start)?;
        self.file.get_read(start)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        if start.checked_add(length as u64).is_none_or(|end| end > self.length) {
            return Err(ParquetError::EOF("a page goes on behind the end of the file".to_owned()));
        }
        self.file.get_bytes(start, length)
    }
}

/// Walks over one struct in Thrift's compact protocol; what follows it does not matter.
fn walk(bytes: &[u8]) -> Result<(), Fault> {
    Walker { bytes, place: 0, values: 0 }.structure(DEEPEST)
}

struct Walker<'a> {
    bytes: &'a [u8],
    place: usize,
    /// Values walked over so far.
    values: usize,
}

impl Walker<'_> {
    fn byte(&mut self) -> Result<u8, Fault> {
        let byte = *self.bytes.get(self.place).ok_or(Fault::Cut)?;
        self.place += 1;
        Ok(byte)
    }

    fn skip(&mut self, count: u64) -> Result<(), Fault> {
        let rest = (self.bytes.len() - self.place) as u64;
        if count > rest {
            return Err(Fault::Cut);
        }
        self.place += count as usize;
        Ok(())
    }

    /// Seven bits a byte, the least first.
    fn number(&mut self) -> Result<u64, Fault> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Fault::Absurd)
    }

    fn structure(&mut self, depth: u32) -> Result<(), Fault> {
        loop {
            let head = self.byte()?;
            let kind = head & 0x0f;
            if kind == 0 {
                return Ok(());
            }
            if head >> 4 == 0 {
                // The field's number, where it is not told by the distance from the one before.
                self.number()?;
            }
            self.value(kind, depth)?;
        }
    }

    fn value(&mut self, kind: u8, depth: u32) -> Result<(), Fault> {
        self.values += 1;
        let depth = depth.checked_sub(1).ok_or(Fault::Absurd)?;
        if self.values > self.place {
            return Err(Fault::Absurd);
        }
        match kind {
            // A boolean is told by its kind.
            1 | 2 => Ok(()),
            3 => self.skip(1),
            4..=6 => self.number().map(|_| ()),
            7 => self.skip(8),
            8 => {
                let length = self.number()?;
                self.skip(length)
            }
            9 | 10 => {
                let head = self.byte()?;
                let size = if head >> 4 == 15 { self.number()? } else { u64::from(head >> 4) };
                (0..size).try_for_each(|_| self.value(head & 0x0f, depth))
            }
            11 => {
                let size = self.number()?;
                if size == 0 {
                    return Ok(());
                }
                let kinds = self.byte()?;
                (0..size).try_for_each(|_| {
                    self.value(kinds >> 4, depth)?;
                    self.value(kinds & 0x0f, depth)
                })
            }
            12 => self.structure(depth),
            13 => self.skip(16),
            _ => Err(Fault::Absurd),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_can_be_walked_over() {
        // An i32, a binary of two bytes, a list of two doubles, a struct with a boolean, a map of one entry.
        let bytes = [
            &[0x15, 0x02, 0x18, 0x02, b'a', b'b', 0x19, 0x27][..],
            &[0; 16],
            &[0x1c, 0x11, 0x00, 0x1b, 0x01, 0x58, 0x03, 0x01, b'z', 0x00],
        ];
        let bytes = bytes.concat();
        assert_eq!(walk(&bytes), Ok(()));
        for length in 0..bytes.len() {
            assert_eq!(walk(&bytes[..length]), Err(Fault::Cut), "{length} bytes");
        }
    }

    #[test]
    fn claims_that_no_bytes_stand_behind_are_refused_at_once() {
        let many = [0xff, 0xff, 0xff, 0xff, 0x07];
        let list_of = |kind: u8| [&[0x19, 0xf0 | kind][..], &many, &[0; 40]].concat();
        assert_eq!(walk(&list_of(1)), Err(Fault::Absurd), "booleans take no bytes");
        assert_eq!(walk(&list_of(7)), Err(Fault::Cut), "doubles behind the end");
        assert_eq!(walk(&[&[0x18][..], &many, &[0; 40]].concat()), Err(Fault::Cut), "a text behind the end");
        assert_eq!(walk(&[0x1c; 200]), Err(Fault::Absurd), "structs within structs");
        assert_eq!(walk(&[0x16, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), Err(Fault::Absurd));
    }
}
