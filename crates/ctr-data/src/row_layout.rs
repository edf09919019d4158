//! Where each table's rows lie in the embedding arena.

use crate::schema::MultiHot;

/// The embedding rows of all tables laid end to end.
///
/// Rows are 64-bit: an arena may hold more than 2³² of them, although one table may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowLayout {
    /// The tables, in the order of their rows.
    pub tables: Vec<TableRows>,
    /// The table of each categorical field, `[F]`.
    pub fields: Vec<FieldRows>,
    /// Rows in all.
    pub rows: u64,
}

/// The rows of one table: `base .. base + rows()`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRows {
    /// Its name.
    pub name: String,
    /// Its first row.
    pub base: u64,
    /// The ids that it serves, `0 .. ids`.
    pub ids: u64,
    /// m of a table compressed by quotient and remainder: id i looks up rows `⌊i/m⌋` and `⌈ids/m⌉ + i mod m`. Without it, row i.
    pub buckets: Option<u64>,
}

/// What a field looks up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldRows {
    /// The place of its table in [`RowLayout::tables`].
    pub table: usize,
    /// Where it has a list of values in each example.
    pub multi_hot: Option<MultiHot>,
}

impl TableRows {
    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.buckets.map_or(self.ids, |buckets| self.ids.div_ceil(buckets) + buckets)
    }
}

impl RowLayout {
    /// One table for each field, of the given cardinalities; tables are named by their numbers.
    #[must_use]
    pub fn new(cardinalities: impl IntoIterator<Item = u64>) -> Self {
        let table = |(number, ids): (usize, u64)| TableRows { name: number.to_string(), base: 0, ids, buckets: None };
        let tables: Vec<_> = cardinalities.into_iter().enumerate().map(table).collect();
        let fields = (0..tables.len()).map(|table| FieldRows { table, multi_hot: None }).collect();
        Self::of_tables(tables, fields)
    }

    /// Lays tables end to end; their `base` is set here.
    #[must_use]
    pub fn of_tables(mut tables: Vec<TableRows>, fields: Vec<FieldRows>) -> Self {
        let mut rows = 0;
        for table in &mut tables {
            table.base = rows;
            rows += table.rows();
        }
        Self { tables, fields, rows }
    }

    /// Number of categorical fields F.
    #[must_use]
    pub fn fields(&self) -> usize {
        self.fields.len()
    }

    /// Number of fields with one value an example.
    #[must_use]
    pub fn single_fields(&self) -> usize {
        self.fields.len() - self.multi_hot_fields()
    }

    /// Number of multi-hot fields, M.
    #[must_use]
    pub fn multi_hot_fields(&self) -> usize {
        self.fields.iter().filter(|field| field.multi_hot.is_some()).count()
    }

    /// Whether every field looks up exactly one row in each example.
    #[must_use]
    pub fn is_one_to_one(&self) -> bool {
        self.multi_hot_fields() == 0 && self.fields.iter().all(|field| self.tables[field.table].buckets.is_none())
    }
}
