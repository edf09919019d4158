//! The three parts of a data set, and the division of rows into them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::config::{SplitRule, TimeBound};
use crate::error::{Reason, Refusal, shown};
use crate::source::{Row, SourceColumns};

/// A part of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// Fits the vocabularies, the numeric statistics and the model.
    Train,
    /// Chooses the epoch and the learning rate.
    Valid,
    /// Measured once, at the end.
    Test,
}

impl Split {
    /// Every split, in the order in which they are prepared.
    pub const ALL: [Self; 3] = [Self::Train, Self::Valid, Self::Test];

    /// `train`, `valid` or `test`: the name in configurations and file names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Valid => "valid",
            Self::Test => "test",
        }
    }

    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Says to which split a row belongs.
#[derive(Debug)]
pub(crate) enum Division<'a> {
    /// All rows to one split.
    Whole(Split),
    /// By a rule, which may look at the field numbered so.
    Rule { rule: &'a SplitRule, key: [u8; 32], field: usize },
}

/// Domain of the key derivation; part of the specification of [`SplitRule`], never to be changed.
const CONTEXT: &str = "ctr-data split v1: BLAKE3 key of the seed, little-endian";

impl<'a> Division<'a> {
    /// The rule applied to rows of these columns.
    pub(crate) fn by(rule: &'a SplitRule, columns: &SourceColumns) -> Self {
        let seed = match rule {
            SplitRule::Ratio { seed, .. } | SplitRule::Hash { seed, .. } => *seed,
            SplitRule::Time { .. } => 0,
        };
        let wanted = |column: &str| columns.fields.iter().position(|field| field.name == column);
        // `SourceColumns::new` puts the rule's column among the fields.
        let field = rule.column().and_then(wanted).unwrap_or_default();
        Self::Rule { rule, key: blake3::derive_key(CONTEXT, &seed.to_le_bytes()), field }
    }

    /// The split of a row.
    pub(crate) fn of(&self, row: &Row<'_>) -> Result<Split, Refusal> {
        let (rule, key, field) = match self {
            Self::Whole(split) => return Ok(*split),
            Self::Rule { rule, key, field } => (rule, key, *field),
        };
        match rule {
            SplitRule::Ratio { valid, test, .. } => {
                let mut place = [0; 12];
                place[..4].copy_from_slice(&row.file.to_le_bytes());
                place[4..].copy_from_slice(&row.line.to_le_bytes());
                Ok(drawn(key, &place, *valid, *test))
            }
            SplitRule::Hash { valid, test, .. } => Ok(drawn(key, row.value(field).as_bytes(), *valid, *test)),
            SplitRule::Time { column, valid, test } => {
                time(row.value(field), valid, test).map_err(|refusal| refusal.column(column))
            }
        }
    }
}

const TWO_TO_THE_64: f64 = 18_446_744_073_709_551_616.0;

fn drawn(key: &[u8; 32], bytes: &[u8], valid: f64, test: f64) -> Split {
    let digest = blake3::keyed_hash(key, bytes);
    let first = digest.as_bytes().first_chunk::<8>().copied().unwrap_or_default();
    let draw = u64::from_le_bytes(first) as f64 / TWO_TO_THE_64;
    if draw < test {
        Split::Test
    } else if draw < test + valid {
        Split::Valid
    } else {
        Split::Train
    }
}

fn time(value: &str, valid: &TimeBound, test: &TimeBound) -> Result<Split, Refusal> {
    let refused = |expected| Refusal::new(shown(value.as_bytes()), expected, "correct the row").reason(Reason::Split);
    let (from_valid, from_test) = match (valid, test) {
        (TimeBound::Number(valid), TimeBound::Number(test)) => match value.parse::<f64>() {
            Ok(time) if time.is_finite() => (time >= *valid, time >= *test),
            _ => return Err(refused("a time that is a finite number, as `split.valid` is")),
        },
        (TimeBound::Text(valid), TimeBound::Text(test)) if !value.is_empty() => {
            (value >= valid.as_str(), value >= test.as_str())
        }
        _ => return Err(refused("a time")),
    };
    Ok(match (from_valid, from_test) {
        (_, true) => Split::Test,
        (true, false) => Split::Valid,
        (false, false) => Split::Train,
    })
}
