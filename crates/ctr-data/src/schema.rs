//! What an encoded row consists of.

use serde::{Deserialize, Serialize};

use crate::config::{Pooling, Transform};
use crate::row_layout::{FieldRows, RowLayout, TableRows};

/// The columns of an encoded data set, in the order in which every row holds them. Stored as `schema.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schema {
    /// Name of the label column; labels are 0 or 1.
    pub label: String,
    /// The F categorical fields.
    pub categorical: Vec<CategoricalField>,
    /// The N numeric fields.
    pub numeric: Vec<NumericField>,
}

impl Schema {
    /// The rows of the embedding arena that each table owns: tables in the order of their first fields.
    #[must_use]
    pub fn row_layout(&self) -> RowLayout {
        self.row_layout_by(|_| (0, None))
    }

    /// The same, with the tables ordered by a rank first, and compressed where there is a number of buckets. `settings` says both of the
    /// table of a field.
    #[must_use]
    pub fn row_layout_by(&self, settings: impl Fn(&CategoricalField) -> (usize, Option<u64>)) -> RowLayout {
        let mut tables: Vec<(usize, TableRows)> = Vec::new();
        for field in &self.categorical {
            if tables.iter().all(|(_, table)| table.name != field.table) {
                let (rank, buckets) = settings(field);
                tables.push((rank, TableRows { name: field.table.clone(), base: 0, ids: field.cardinality, buckets }));
            }
        }
        tables.sort_by_key(|(rank, _)| *rank);
        let tables: Vec<TableRows> = tables.into_iter().map(|(_, table)| table).collect();
        let fields = self.categorical.iter().map(|field| FieldRows {
            table: tables.iter().position(|table| table.name == field.table).unwrap_or_default(),
            multi_hot: field.multi_hot,
        });
        let fields = fields.collect();
        RowLayout::of_tables(tables, fields)
    }

    /// Number of categorical fields with one value a row.
    #[must_use]
    pub fn single_fields(&self) -> usize {
        self.categorical.len() - self.multi_hot_fields()
    }

    /// Number of multi-hot fields, M.
    #[must_use]
    pub fn multi_hot_fields(&self) -> usize {
        self.categorical.iter().filter(|field| field.multi_hot.is_some()).count()
    }

    /// Whether a field has weights.
    #[must_use]
    pub fn is_weighted(&self) -> bool {
        self.categorical.iter().any(|field| field.multi_hot.is_some_and(|list| list.weighted))
    }
}

/// A categorical field: ids `0..cardinality`, id 0 standing for every value that the vocabulary does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CategoricalField {
    /// Name of the column.
    pub name: String,
    /// Number of ids, the out-of-vocabulary id 0 included.
    pub cardinality: u64,
    /// Name of its table; fields of one table have the same ids and the same embedding rows.
    pub table: String,
    /// Where the field has a list of values in each row.
    pub multi_hot: Option<MultiHot>,
}

/// A field with a list of values in each row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MultiHot {
    /// How the rows of the values become one.
    pub pooling: Pooling,
    /// Whether the values have weights.
    pub weighted: bool,
}

/// A numeric field: x = (T(v) − mean) / scale, where v is the raw value, or `fill` where the raw value is missing, and T the transform.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumericField {
    /// Name of the column.
    pub name: String,
    /// Raw value that stands in for a missing one; without it a missing value is an error.
    pub fill: Option<f64>,
    /// The transform T.
    pub transform: Transform,
    /// Mean of T(v) over the training rows, or 0 where the field is not standardised.
    pub mean: f64,
    /// Standard deviation (division by n) of T(v) over the training rows; 1 where the field is not standardised or constant.
    pub scale: f64,
}
