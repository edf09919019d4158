//! A set of texts that numbers them in the order of their first appearance.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// Texts end to end in one buffer, and a table to find them. Neither the hash nor the table's order is visible from outside.
#[derive(Debug, Clone, Default)]
pub(super) struct Interner {
    texts: Texts,
    table: HashTable<u32>,
    hasher: FixedState,
}

#[derive(Debug, Clone, Default)]
struct Texts {
    text: String,
    ends: Vec<usize>,
}

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

    /// The number of a text.
    pub(super) fn find(&self, text: &str) -> Option<u32> {
        let same = |&number: &u32| self.texts.bytes(number) == text.as_bytes();
        self.table.find(self.hasher.hash_one(text.as_bytes()), same).copied()
    }

    /// The number of a text, a new one if need be; none when the numbers, 0 to 2³² − 2, are used up.
    pub(super) fn insert(&mut self, text: &str) -> Option<u32> {
        if let Some(number) = self.find(text) {
            return Some(number);
        }
        let number = u32::try_from(self.len()).ok().filter(|&number| number < u32::MAX)?;
        self.texts.text.push_str(text);
        self.texts.ends.push(self.texts.text.len());
        let Self { texts, table, hasher } = self;
        let hash = |&number: &u32| hasher.hash_one(texts.bytes(number));
        table.insert_unique(hash(&number), number, hash);
        Some(number)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len() as u32).map(|number| self.texts.get(number))
    }
}
