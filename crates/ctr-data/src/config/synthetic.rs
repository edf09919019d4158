//! The parameters of generated data.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    CategoricalConfig, CategoricalMissing, EmbeddingFieldConfig, FieldConfig, NumericConfig, NumericMissing, Transform,
};
use crate::error::DataError;
use crate::split::Split;

/// Rows whose click probability is known, so that the best reachable log loss and AUC are known too.
///
/// For a row with categories k and numeric values x
///
/// ```text
/// p = σ(bias + Σ_f e_f[k_f] + Σ_n w_n g_n(x_n) + Σ_(f,g) s_fg/√r · u_f[k_f]·v_g[k_g]),
/// ```
///
/// and the label is 1 with probability p. The effects e are normal with standard deviation `effect`; u and v are standard normal
/// vectors of `rank` r; g is the identity, or the logarithm for a log-normal field. Everything random comes from `seed`; rows are the same
/// on every platform.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyntheticConfig {
    /// Fixes the effects and the rows.
    pub seed: u64,
    /// Number of rows of each split.
    pub rows: SyntheticRows,
    /// Log-odds of a click where all effects are 0.
    #[serde(default)]
    pub bias: f64,
    /// Categorical columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categorical: Vec<SyntheticCategorical>,
    /// Numeric columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub numeric: Vec<SyntheticNumeric>,
    /// Pairs of categorical columns that act together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interactions: Vec<InteractionConfig>,
}

/// Number of rows to generate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyntheticRows {
    /// Training rows.
    pub train: u64,
    /// Validation rows.
    pub valid: u64,
    /// Test rows.
    pub test: u64,
}

impl SyntheticRows {
    /// The number of rows of a split.
    #[must_use]
    pub const fn get(&self, split: Split) -> u64 {
        match split {
            Split::Train => self.train,
            Split::Valid => self.valid,
            Split::Test => self.test,
        }
    }
}

/// A column whose values `0 .. cardinality` follow a power law: the k-th (from 1) has a probability proportional to k^(−exponent).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyntheticCategorical {
    /// Name of the column.
    pub name: String,
    /// Number of values.
    pub cardinality: u32,
    /// Exponent of the power law; 0 is uniform (default 1).
    #[serde(default = "unit")]
    pub exponent: f64,
    /// Standard deviation of the values' effects on the log-odds.
    #[serde(default)]
    pub effect: f64,
}

/// A numeric column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyntheticNumeric {
    /// Name of the column.
    pub name: String,
    /// Law of its values.
    #[serde(default)]
    pub distribution: Distribution,
    /// Change of the log-odds per unit (per unit of the logarithm, for `log_normal`).
    #[serde(default)]
    pub weight: f64,
}

/// The law of a numeric column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    /// Mean 0, standard deviation 1.
    #[default]
    Normal,
    /// Uniform on [−1, 1).
    Uniform,
    /// The exponential of a normal value: skewed and positive, as counts are.
    LogNormal,
}

/// A pair of categorical columns whose joint effect is a low-rank matrix.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InteractionConfig {
    /// The two columns.
    pub fields: [String; 2],
    /// Rank r of the matrix (default 1).
    #[serde(default = "rank")]
    pub rank: u32,
    /// Standard deviation of the joint effect on the log-odds.
    pub effect: f64,
}

const fn unit() -> f64 {
    1.0
}

const fn rank() -> u32 {
    1
}

impl SyntheticConfig {
    /// Largest number of values of one column.
    pub const MAX_CARDINALITY: u32 = 1 << 28;

    /// The columns, categorical ones first.
    #[must_use]
    pub fn columns(&self) -> Vec<String> {
        let categorical = self.categorical.iter().map(|field| field.name.clone());
        categorical.chain(self.numeric.iter().map(|field| field.name.clone())).collect()
    }

    pub(super) fn default_fields(&self) -> Vec<FieldConfig> {
        let categorical = self.categorical.iter().map(|field| {
            FieldConfig::Categorical(CategoricalConfig {
                names: vec![field.name.clone()],
                min_count: 1,
                top_k: None,
                missing: CategoricalMissing::Error,
                hash: None,
                table: None,
                multi_hot: None,
                embedding: EmbeddingFieldConfig::default(),
            })
        });
        let numeric = self.numeric.iter().map(|field| {
            FieldConfig::Numeric(NumericConfig {
                names: vec![field.name.clone()],
                missing: NumericMissing::Error,
                transform: Transform::None,
                standardise: false,
            })
        });
        categorical.chain(numeric).collect()
    }

    pub(super) fn validate(&self) -> Result<(), DataError> {
        let finite = |key: String, value: f64| {
            if value.is_finite() { Ok(()) } else { Err(DataError::config(key, value, "a finite number")) }
        };
        for split in Split::ALL {
            if self.rows.get(split) == 0 {
                return Err(DataError::config(format!("source.rows.{split}"), 0, "at least 1 row"));
            }
        }
        finite("source.bias".to_owned(), self.bias)?;
        for field in &self.categorical {
            let key = |name: &str| format!("source.categorical.{}.{name}", field.name);
            if field.cardinality == 0 || field.cardinality > Self::MAX_CARDINALITY {
                let expected = format!("1 to {}", Self::MAX_CARDINALITY);
                return Err(DataError::config(key("cardinality"), field.cardinality, expected));
            }
            if !(0.0..=10.0).contains(&field.exponent) {
                return Err(DataError::config(key("exponent"), field.exponent, "0 to 10"));
            }
            finite(key("effect"), field.effect)?;
        }
        for field in &self.numeric {
            finite(format!("source.numeric.{}.weight", field.name), field.weight)?;
        }
        for pair in &self.interactions {
            let [a, b] = &pair.fields;
            let known = |name: &String| self.categorical.iter().any(|field| &field.name == name);
            if a == b || !known(a) || !known(b) {
                let expected = "two different columns of source.categorical";
                return Err(DataError::config("source.interactions.fields", &pair.fields, expected));
            }
            if !(1..=64).contains(&pair.rank) {
                return Err(DataError::config("source.interactions.rank", pair.rank, "1 to 64"));
            }
            finite("source.interactions.effect".to_owned(), pair.effect)?;
        }
        let columns = self.columns();
        let mut seen = BTreeSet::new();
        match columns.iter().find(|name| !seen.insert(name.as_str())) {
            Some(name) => Err(DataError::config("source", name, "columns of different names")),
            None => Ok(()),
        }
    }

    /// A generated category is a number in form only: reading it as one is a mistake.
    pub(super) fn validate_types(&self, fields: &[FieldConfig]) -> Result<(), DataError> {
        for field in fields {
            for name in field.names() {
                let categorical = self.categorical.iter().any(|column| &column.name == name);
                if categorical != matches!(field, FieldConfig::Categorical(_)) {
                    let expected = if categorical { "categorical" } else { "numeric" };
                    return Err(DataError::config(format!("fields.{name}.type"), name, expected));
                }
            }
        }
        Ok(())
    }
}
