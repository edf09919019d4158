//! What can be wrong with the numbers a metric is given.

use thiserror::Error;

/// Why a metric could not be computed. Rows and models are counted from 0.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum MetricError {
    /// No row at all: every metric is a mean over rows.
    #[error("no rows to evaluate; expected at least one, check that the split is not empty")]
    NoRows,
    /// Two columns of different length.
    #[error(
        "{left_name} has {left} rows but {right_name} has {right}; expected one of each per row, in the same order"
    )]
    Length {
        /// What the first column holds.
        left_name: &'static str,
        /// Its length.
        left: usize,
        /// What the second column holds.
        right_name: &'static str,
        /// Its length.
        right: usize,
    },
    /// A label other than 0 and 1.
    #[error("row {row}: the label is {value}, expected 0 or 1; map the labels in the dataset's configuration")]
    Label {
        /// The row.
        row: u64,
        /// Its label.
        value: f32,
    },
    /// A logit that is NaN or infinite.
    #[error(
        "row {row}: the logit is {value}, expected a finite number; the model has diverged: lower the learning rate or clip gradients"
    )]
    Logit {
        /// The row.
        row: u64,
        /// Its logit.
        value: f32,
    },
    /// A score that is NaN or infinite.
    #[error("row {row}: the score is {value}, expected a finite number")]
    Score {
        /// The row.
        row: u64,
        /// Its score.
        value: f64,
    },
    /// A probability outside [0, 1], or one that says the observed label cannot happen.
    #[error(
        "row {row}: the probability of a click is {probability} and the label is {label}; expected a probability in [0, 1] under which the label can happen"
    )]
    Probability {
        /// The row.
        row: u64,
        /// Its probability.
        probability: f64,
        /// Its label.
        label: f32,
    },
    /// A logit of one replica that is NaN or infinite.
    #[error(
        "model {model}, row {row}: the logit is {value}, expected a finite number; leave the diverged run out of the comparison"
    )]
    ReplicaLogit {
        /// The replica.
        model: usize,
        /// The row.
        row: usize,
        /// Its logit.
        value: f32,
    },
    /// A row that is not a distribution over the labels.
    #[error(
        "model {model}, row {row}: the label probabilities {values:?} are no distribution; expected numbers in [0, 1] that sum to 1"
    )]
    Distribution {
        /// The replica.
        model: usize,
        /// The row.
        row: usize,
        /// What stands there.
        values: Vec<f64>,
    },
    /// A true label beyond the labels of the distributions.
    #[error("row {row}: the true label is {label}, expected one below {labels}")]
    TrueLabel {
        /// The row.
        row: usize,
        /// Its label.
        label: usize,
        /// How many labels there are.
        labels: usize,
    },
    /// Too few replicas for what was asked.
    #[error("{what} needs at least {needed} models, got {models}; train more replicas")]
    TooFewModels {
        /// What was asked.
        what: &'static str,
        /// How many it needs.
        needed: usize,
        /// How many there are.
        models: usize,
    },
    /// An argument of a metric outside its range.
    #[error("{name} is {value}, expected {expected}")]
    Argument {
        /// The argument.
        name: &'static str,
        /// Its value.
        value: f64,
        /// Its range.
        expected: &'static str,
    },
}
