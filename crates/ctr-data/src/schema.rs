//! What an encoded row consists of.

use serde::{Deserialize, Serialize};

use crate::config::Transform;
use crate::row_layout::RowLayout;

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
    /// The rows of the embedding arena that each categorical field owns.
    #[must_use]
    pub fn row_layout(&self) -> RowLayout {
        RowLayout::new(self.categorical.iter().map(|field| field.cardinality))
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
