//! The ids of a table's values: fitted, or hashed.

use twox_hash::XxHash64;

use super::interner::Lookup;
use super::vocabulary::{OOV, Vocabulary};
use crate::config::HashConfig;

/// What turns the values of a table into ids.
#[derive(Debug, Clone)]
pub(super) enum Ids {
    /// Ids of the values that the training rows held.
    Fitted(Vocabulary),
    /// See [`HashConfig`].
    Hashed(HashConfig),
}

impl Ids {
    /// The first step of finding a value's id, for several values at once; none where nothing is looked for.
    pub(super) fn begin(&self, value: &[u8]) -> Option<Lookup> {
        match self {
            Self::Fitted(vocabulary) => Some(vocabulary.begin(value)),
            Self::Hashed(_) => None,
        }
    }

    /// The second step: the id of the value that the first was about.
    pub(super) fn end(&self, lookup: Option<Lookup>, value: &[u8]) -> u32 {
        match (self, lookup) {
            (Self::Fitted(vocabulary), Some(lookup)) => vocabulary.end(lookup, value),
            _ => self.id(value),
        }
    }

    /// The id of a value.
    pub(super) fn id(&self, value: &[u8]) -> u32 {
        match self {
            Self::Fitted(vocabulary) => vocabulary.id(value),
            // The configuration keeps buckets below 2³² − 1.
            Self::Hashed(HashConfig { buckets, seed }) => OOV + 1 + (XxHash64::oneshot(*seed, value) % buckets) as u32,
        }
    }

    /// The value behind an id, where one id is one value.
    pub(super) fn value(&self, id: u32) -> Option<&str> {
        match self {
            Self::Fitted(vocabulary) => vocabulary.value(id),
            Self::Hashed(_) => None,
        }
    }

    /// Number of ids, the out-of-vocabulary id included.
    pub(super) fn cardinality(&self) -> u64 {
        match self {
            Self::Fitted(vocabulary) => vocabulary.cardinality(),
            Self::Hashed(HashConfig { buckets, .. }) => buckets + 1,
        }
    }

    /// The fitted values in the order of their ids; none where ids are hashed.
    pub(super) fn values(&self) -> impl Iterator<Item = &str> {
        let vocabulary = match self {
            Self::Fitted(vocabulary) => Some(vocabulary),
            Self::Hashed(_) => None,
        };
        vocabulary.into_iter().flat_map(Vocabulary::values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashed_ids_are_those_of_the_specified_function() {
        // XXH64 of "" and "abc" with seed 0, from the reference implementation.
        assert_eq!(XxHash64::oneshot(0, b""), 0xEF46_DB37_51D8_E999);
        assert_eq!(XxHash64::oneshot(0, b"abc"), 0x44BC_2CF5_AD77_0999);
        let ids = |buckets, seed| Ids::Hashed(HashConfig { buckets, seed });
        assert_eq!(u64::from(ids(1000, 0).id(b"abc")), 1 + 0x44BC_2CF5_AD77_0999 % 1000);
        assert_ne!(ids(1000, 0).id(b"abc"), ids(1000, 1).id(b"abc"));
        assert_eq!(ids(1000, 0).cardinality(), 1001);
        assert_eq!(ids(1, 0).id(b"anything"), 1);
        assert_eq!(u64::from(ids(u64::from(u32::MAX) - 1, 0).id(b"")), 1 + 0xEF46_DB37_51D8_E999 % 0xFFFF_FFFE);
    }
}
