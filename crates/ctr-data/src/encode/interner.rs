//! A set of texts that numbers them in the order of their first appearance.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// Texts end to end in one buffer, and a table to find them. Neither the hash nor the table's order is visible from outside.
#[derive(Debug, Clone, Default)]
pub(super) struct Interner {
    text: String,
    ends: Vec<usize>,
    table: HashTable<u32>,
    hasher: FixedState,
}

impl Interner {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The text numbered so.
    pub(super) fn get(&self, number: u32) -> Option<&str> {
        ((number as usize) < self.len()).then(|| slice(&self.text, &self.ends, number))
    }

    /// The number of a text.
    pub(super) fn find(&self, text: &str) -> Option<u32> {
        let same = |&number: &u32| slice(&self.text, &self.ends, number) == text;
        self.table.find(self.hasher.hash_one(text.as_bytes()), same).copied()
    }

    /// The number of a text, a new one if need be; none when the numbers, 0 to 2³² − 2, are used up.
    pub(super) fn insert(&mut self, value: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(value.as_bytes());
        if let Some(&number) = self.table.find(hash, |&number| slice(&self.text, &self.ends, number) == value) {
            return Some(number);
        }
        let number = u32::try_from(self.len()).ok().filter(|&number| number < u32::MAX)?;
        self.text.push_str(value);
        self.ends.push(self.text.len());
        let Self { text, ends, table, hasher } = self;
        table.insert_unique(hash, number, |&other| hasher.hash_one(slice(text, ends, other).as_bytes()));
        Some(number)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len() as u32).map(|number| slice(&self.text, &self.ends, number))
    }
}

fn slice<'a>(text: &'a str, ends: &[usize], number: u32) -> &'a str {
    let number = number as usize;
    let start = if number == 0 { 0 } else { ends[number - 1] };
    &text[start..ends[number]]
}
