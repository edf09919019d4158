//! What can be wrong with the text of an activation.

use thiserror::Error;

/// An activation's text that cannot be taken. Each message says what stood there, what was expected and what to write.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum ActivationError {
    /// The text is not of the form `Name` or `Name(parameter=value, …)`.
    #[error("activation {text:?}: {problem}; write it as \"Name\" or \"Name(parameter=value, parameter=value)\"")]
    Syntax {
        /// The whole text.
        text: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// No activation has this name.
    #[error("unknown activation {name:?}; did you mean {nearest:?}? known: {known}")]
    UnknownActivation {
        /// The name as written.
        name: String,
        /// The known name nearest to it.
        nearest: &'static str,
        /// All known names.
        known: String,
    },
    /// The activation has no parameter of this name.
    #[error("{activation} has no parameter {parameter:?}; {hint}")]
    UnknownParameter {
        /// The activation's name.
        activation: &'static str,
        /// The parameter as written.
        parameter: String,
        /// The nearest parameter, or that there is none.
        hint: String,
    },
    /// A parameter is given twice.
    #[error("{activation}: parameter {parameter:?} is given twice; keep one")]
    RepeatedParameter {
        /// The activation's name.
        activation: &'static str,
        /// The parameter's name.
        parameter: &'static str,
    },
    /// A parameter's value is not a number.
    #[error("{activation}: {parameter} = {value:?} is not a number; expected {expected}")]
    NotANumber {
        /// The activation's name.
        activation: &'static str,
        /// The parameter's name.
        parameter: &'static str,
        /// The value as written.
        value: String,
        /// The range of values that are taken.
        expected: &'static str,
    },
    /// A parameter is learnt in a way that does not exist.
    #[error(
        "{activation}: {parameter} has the suffix \"@{suffix}\"; write \"@layer\" or \"@unit\", either with \":softplus\" or \":exp\" behind it or not, or no suffix"
    )]
    UnknownLearning {
        /// The activation's name.
        activation: &'static str,
        /// The parameter's name.
        parameter: &'static str,
        /// The suffix as written.
        suffix: String,
    },
    /// The parameters are each in range and do not go together.
    #[error("{activation}: {problem}")]
    Inconsistent {
        /// The activation's name.
        activation: &'static str,
        /// Which parameters, their values and what was expected.
        problem: String,
    },
    /// A parameter's value is not finite or outside its range.
    #[error("{activation}: {parameter} = {value} is out of range; expected {expected}")]
    OutOfRange {
        /// The activation's name.
        activation: &'static str,
        /// The parameter's name.
        parameter: &'static str,
        /// The value.
        value: f64,
        /// The range of values that are taken.
        expected: &'static str,
    },
}
