//! A set of texts that numbers them in the order of their first appearance.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;

/// Texts end to end in one buffer, and a table to find them. Neither the hash nor the table's order is visible from outside.
///
/// The table is open-addressed with linear probing: a text of up to eight bytes, as most categories are, is found with one access to memory.
/// Looking for several texts is fastest in two steps, [`Interner::begin`] for all and then [`Interner::end`] for all: the accesses of the
/// first step do not wait for each other.
#[derive(Debug, Clone)]
pub(super) struct Interner {
    texts: Texts,
    /// A power of two of entries, at least a third of them free.
    table: Vec<Entry>,
    hasher: FixedState,
}

#[derive(Debug, Clone, Default)]
struct Texts {
    text: String,
    ends: Vec<usize>,
}

/// A text's number from 1 (0 is a free entry) beside its length and first bytes, which are all of a short text.
#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    start: u64,
    length: u32,
    number: u32,
}

/// A text that is looked for, and where it would be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lookup {
    start: u64,
    length: u32,
    place: usize,
}

const SHORT: u32 = 8;

impl Entry {
    fn is(self, start: u64, length: u32, text: &[u8], texts: &Texts) -> bool {
        self.start == start
            && self.length == length
            && self.number != 0
            && (length <= SHORT || texts.bytes(self.number - 1) == text)
    }
}

impl Default for Interner {
    fn default() -> Self {
        Self { texts: Texts::default(), table: vec![Entry::default(); 16], hasher: FixedState::default() }
    }
}

/// Up to eight bytes as an integer, without telling a text from one that goes on with zeros.
fn first_bytes(bytes: &[u8]) -> u64 {
    if let Some(first) = bytes.first_chunk::<8>() {
        return u64::from_le_bytes(*first);
    }
    let half = |half: &[u8; 4]| u64::from(u32::from_le_bytes(*half));
    match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        // The two halves overlap; what they share is the same in both.
        (Some(first), Some(last)) => half(first) | half(last) << (8 * (bytes.len() - 4)),
        _ => bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}

/// Asks for the memory of an entry without waiting for it.
#[cfg(target_arch = "x86_64")]
#[inline]
fn prefetch(entry: &Entry) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: the instruction changes nothing and the address is that of a reference.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(entry).cast()) }
}

/// No instruction is known: the second step waits.
#[cfg(not(target_arch = "x86_64"))]
fn prefetch(_: &Entry) {}

impl Texts {
    fn span(&self, number: u32) -> std::ops::Range<usize> {
        let number = number as usize;
        let start = if number == 0 { 0 } else { self.ends[number - 1] };
        start..self.ends[number]
    }

    fn get(&self, number: u32) -> &str {
        &self.text[self.span(number)]
    }

    /// For comparisons: bytes are sliced without a look at character boundaries.
    fn bytes(&self, number: u32) -> &[u8] {
        &self.text.as_bytes()[self.span(number)]
    }
}

impl Interner {
    pub(super) fn len(&self) -> usize {
        self.texts.ends.len()
    }

    /// The text numbered so.
    pub(super) fn get(&self, number: u32) -> Option<&str> {
        ((number as usize) < self.len()).then(|| self.texts.get(number))
    }

    /// Short texts are hashed as two numbers, which they are.
    fn hash(&self, start: u64, length: u32, text: &[u8]) -> usize {
        let hash = if length <= SHORT { self.hasher.hash_one((start, length)) } else { self.hasher.hash_one(text) };
        hash as usize & (self.table.len() - 1)
    }

    /// The first step of looking for a text: its entry is on the way from memory when the second asks for it.
    #[inline]
    pub(super) fn begin(&self, text: &[u8]) -> Lookup {
        // A text of 4 GiB has no length that another text has: none is as long.
        let (start, length) = (first_bytes(text), u32::try_from(text.len()).unwrap_or(u32::MAX));
        let place = self.hash(start, length, text);
        prefetch(&self.table[place]);
        Lookup { start, length, place }
    }

    /// The second step: the number of the text, if it is there.
    #[inline]
    pub(super) fn end(&self, lookup: Lookup, text: &[u8]) -> Option<u32> {
        let Lookup { start, length, mut place } = lookup;
        loop {
            let entry = self.table[place];
            if entry.is(start, length, text, &self.texts) {
                return Some(entry.number - 1);
            }
            if entry.number == 0 {
                return None;
            }
            place = (place + 1) & (self.table.len() - 1);
        }
    }

    /// The number of a text.
    pub(super) fn find(&self, text: &str) -> Option<u32> {
        self.end(self.begin(text.as_bytes()), text.as_bytes())
    }

    /// The number of a text, a new one if need be; none when the numbers, 0 to 2³² − 2, are used up.
    pub(super) fn insert(&mut self, text: &str) -> Option<u32> {
        if let Some(number) = self.find(text) {
            return Some(number);
        }
        let number = u32::try_from(self.len()).ok().filter(|&number| number < u32::MAX)?;
        let length = u32::try_from(text.len()).ok().filter(|&length| length < u32::MAX)?;
        self.texts.text.push_str(text);
        self.texts.ends.push(self.texts.text.len());
        if 3 * self.len() > 2 * self.table.len() {
            let doubled = 2 * self.table.len();
            let old = std::mem::replace(&mut self.table, vec![Entry::default(); doubled]);
            old.into_iter().filter(|entry| entry.number != 0).for_each(|entry| self.put(entry));
        }
        self.put(Entry { start: first_bytes(text.as_bytes()), length, number: number + 1 });
        Some(number)
    }

    /// Puts an entry into the first free place from where its text would be looked for.
    fn put(&mut self, entry: Entry) {
        let mut place = self.hash(entry.start, entry.length, self.texts.bytes(entry.number - 1));
        while self.table[place].number != 0 {
            place = (place + 1) & (self.table.len() - 1);
        }
        self.table[place] = entry;
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len() as u32).map(|number| self.texts.get(number))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_that_differ_in_zeros_are_different() {
        let mut interner = Interner::default();
        for (number, text) in ["", "\0", "\0\0", "a", "a\0", "a\0\0\0\0\0\0\0", "a\0\0\0\0\0\0\0\0"].iter().enumerate()
        {
            assert_eq!(interner.insert(text), Some(number as u32), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn equals_a_map_of_the_standard_library(texts in prop::collection::vec("[ab\u{0}]{0,12}", 0..300)) {
            let (mut interner, mut numbers) = (Interner::default(), HashMap::new());
            for text in &texts {
                let next = numbers.len() as u32;
                let expected = *numbers.entry(text.as_str()).or_insert(next);
                prop_assert_eq!(interner.insert(text), Some(expected));
                prop_assert_eq!(interner.find(text), Some(expected));
            }
            prop_assert_eq!(interner.find("c"), None);
            prop_assert_eq!(interner.len(), numbers.len());
        }
    }
}
