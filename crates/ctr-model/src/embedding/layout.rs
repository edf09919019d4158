//! What the data's fields look up, and in which tables.
use std::ops::Range;

use super::{TableError, TableSpec};

/// The rows that the tables of a model number alike, and what each field looks up in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupLayout {
    /// Rows in groups: ascending, without gaps, those of one width side by side.
    pub groups: Vec<RowGroup>,
    /// The fields of an example, F of them.
    pub fields: Vec<FieldLookup>,
    /// The name of each field; none where no table is for some fields alone.
    pub names: Vec<String>,
    /// The name of the table specification whose rows have the widths of their groups; all fields of an example follow one another in its
    /// tensor, [B, 1, ΣD], which is [B, F, D] where all have one width. Other specifications have one width for all rows.
    pub concatenated: Option<String>,
}

/// Rows that are alike: those of one table of the data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowGroup {
    /// The rows.
    pub rows: Range<u64>,
    /// Elements of a row of [`LookupLayout::concatenated`].
    pub width: usize,
    /// Whether the rows stay as they are initialised.
    pub frozen: bool,
}

/// What a field looks up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldLookup {
    /// The place of its rows in [`LookupLayout::groups`].
    pub group: usize,
    /// How the rows of an example become one.
    pub combine: Combine,
}

/// How the rows e that an example looks up for a field become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Combine {
    /// There is exactly one.
    One,
    /// Σ factor·e; 0 for none. With factors that sum to 1 this is the mean.
    Sum,
    /// The largest of each element; 0 for none. The gradient goes to the first lookup that has it.
    Max,
    /// The product of two.
    Product,
    /// Two, one after the other, in the specification of [`LookupLayout::concatenated`]; the sum in others, whose rows have one width.
    Concatenate,
}

impl LookupLayout {
    /// Trainable rows of one width, one to each field of each example.
    #[must_use]
    pub fn uniform(rows: u64, fields: usize) -> Self {
        Self {
            groups: vec![RowGroup { rows: 0..rows, width: 0, frozen: false }],
            fields: vec![FieldLookup { group: 0, combine: Combine::One }; fields],
            names: Vec::new(),
            concatenated: None,
        }
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.groups.last().map_or(0, |group| group.rows.end)
    }

    /// The rows of each field; none where fields share rows, or rows belong to no field.
    pub(super) fn rows_by_field(&self) -> Option<Vec<Range<u64>>> {
        let mut used = vec![false; self.groups.len()];
        for field in &self.fields {
            if std::mem::replace(&mut used[field.group], true) {
                return None;
            }
        }
        used.iter()
            .all(|used| *used)
            .then(|| self.fields.iter().map(|field| self.groups[field.group].rows.clone()).collect())
    }

    /// ΣD, the width of an example in the tensor of [`concatenated`](Self::concatenated).
    #[must_use]
    pub fn total_width(&self) -> usize {
        self.fields.iter().map(|field| self.field_width(field)).sum()
    }

    /// Elements of a field in the tensor of [`concatenated`](Self::concatenated).
    pub(super) fn field_width(&self, field: &FieldLookup) -> usize {
        let width = self.groups[field.group].width;
        if field.combine == Combine::Concatenate { 2 * width } else { width }
    }

    /// Whether each field looks its rows up in a table of `spec`.
    pub(super) fn looks_up(&self, spec: &TableSpec) -> Result<Vec<bool>, TableError> {
        let Some(named) = &spec.fields else { return Ok(vec![true; self.fields.len()]) };
        if self.names.len() != self.fields.len() {
            let (named, fields) = (self.names.len(), self.fields.len());
            return Err(TableError::UnnamedFields { name: spec.name.clone(), named, fields });
        }
        if named.is_empty() || (1..named.len()).any(|place| named[..place].contains(&named[place])) {
            return Err(TableError::RepeatedFields { name: spec.name.clone(), found: named.join(", ") });
        }
        if let Some(field) = named.iter().find(|field| !self.names.contains(field)) {
            return Err(TableError::UnknownField {
                name: spec.name.clone(),
                field: field.clone(),
                known: self.names.join(", "),
            });
        }
        Ok(self.names.iter().map(|name| named.contains(name)).collect())
    }

    /// The tables of a specification for some fields, with their rows: `NAME`, or `NAME.part0` and so on where the rows of other fields lie between.
    ///
    /// # Errors
    /// A field that is not there, or not named once.
    pub fn parts(&self, spec: &TableSpec) -> Result<Vec<(String, Range<u64>)>, TableError> {
        let used = self.looks_up(spec)?;
        let mut arenas: Vec<Range<u64>> = Vec::new();
        for (number, group) in self.groups.iter().enumerate() {
            let is_used = self.fields.iter().zip(&used).any(|(field, used)| *used && field.group == number);
            match arenas.last_mut() {
                _ if !is_used => {}
                Some(rows) if rows.end == group.rows.start => rows.end = group.rows.end,
                _ => arenas.push(group.rows.clone()),
            }
        }
        let several = arenas.len() > 1;
        let name = |part| if several { format!("{}.part{part}", spec.name) } else { spec.name.clone() };
        Ok(arenas.into_iter().enumerate().map(|(part, rows)| (name(part), rows)).collect())
    }

    /// The ranges of rows of one width each, with that width.
    pub(super) fn arenas(&self) -> Vec<(Range<u64>, usize)> {
        let mut arenas: Vec<(Range<u64>, usize)> = Vec::new();
        for group in &self.groups {
            match arenas.last_mut() {
                Some((rows, width)) if *width == group.width => rows.end = group.rows.end,
                _ => arenas.push((group.rows.clone(), group.width)),
            }
        }
        arenas
    }

    /// The trainable rows within `rows`, as few ranges.
    pub(super) fn trainable(&self, rows: &Range<u64>) -> Vec<Range<u64>> {
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for group in self.groups.iter().filter(|group| !group.frozen) {
            let (start, end) = (group.rows.start.max(rows.start), group.rows.end.min(rows.end));
            match ranges.last_mut() {
                _ if start >= end => {}
                Some(last) if last.end == start => last.end = end,
                _ => ranges.push(start..end),
            }
        }
        ranges
    }
}
