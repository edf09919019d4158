//! Named streams of random numbers, all derived from one master seed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A consumer of random numbers. Each has a seed of its own, so that drawing more in one moves no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stream {
    /// Initial values of parameters and embedding rows.
    Init,
    /// Order of the training samples.
    Shuffle,
    /// Dropout masks.
    Dropout,
}

impl Stream {
    /// Every stream, in a fixed order.
    pub const ALL: [Self; 3] = [Self::Init, Self::Shuffle, Self::Dropout];

    /// The name in a config and in `run.json`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Shuffle => "shuffle",
            Self::Dropout => "dropout",
        }
    }

    /// The BLAKE3 key-derivation context. A published run depends on it: never change one, only add.
    fn context(self) -> &'static str {
        match self {
            Self::Init => "ctr trainer 2026-11 seed stream: init",
            Self::Shuffle => "ctr trainer 2026-11 seed stream: shuffle",
            Self::Dropout => "ctr trainer 2026-11 seed stream: dropout",
        }
    }
}

/// Seeds given for single streams: the table `[seeds]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedOverrides {
    /// Seed of the initial values, in [0, 2⁶³). Default: derived from the master seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<u64>,
    /// Seed of the order of samples, in [0, 2⁶³). Default: derived from the master seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shuffle: Option<u64>,
    /// Seed of the dropout masks, in [0, 2⁶³). Default: derived from the master seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropout: Option<u64>,
}

impl SeedOverrides {
    /// The seed given for `stream`, if any.
    #[must_use]
    pub fn get(&self, stream: Stream) -> Option<u64> {
        match stream {
            Stream::Init => self.init,
            Stream::Shuffle => self.shuffle,
            Stream::Dropout => self.dropout,
        }
    }

    /// Whether every stream is left to the master seed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The seed of each stream of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeedStreams {
    master: u64,
    overrides: SeedOverrides,
}

impl SeedStreams {
    /// Streams of the run with this master seed.
    #[must_use]
    pub fn new(master: u64, overrides: SeedOverrides) -> Self {
        Self { master, overrides }
    }

    /// The master seed.
    #[must_use]
    pub fn master(&self) -> u64 {
        self.master
    }

    /// The seed of `stream`: the one given for it, else the low 63 bits of the first eight bytes (little-endian) of
    /// BLAKE3 `derive_key(context of the stream, master as eight little-endian bytes)`. 63 bits, so that a derived seed
    /// can be pinned in `[seeds]`: TOML integers are signed.
    #[must_use]
    pub fn seed(&self, stream: Stream) -> u64 {
        self.overrides.get(stream).unwrap_or_else(|| derive(stream, self.master))
    }

    /// The seed of every stream by its name, for `run.json`.
    #[must_use]
    pub fn by_name(&self) -> BTreeMap<&'static str, u64> {
        Stream::ALL.into_iter().map(|stream| (stream.name(), self.seed(stream))).collect()
    }
}

fn derive(stream: Stream, master: u64) -> u64 {
    first_bytes(blake3::derive_key(stream.context(), &master.to_le_bytes()))
}

fn first_bytes(key: [u8; 32]) -> u64 {
    let mut seed = [0; 8];
    seed.copy_from_slice(&key[..8]);
    u64::from_le_bytes(seed) & (u64::MAX >> 1)
}

/// The seed of a stream for one of the replicas that a batch is divided among; that of the first is the stream's own.
#[must_use]
pub fn replica_seed(seed: u64, replica: usize) -> u64 {
    if replica == 0 {
        return seed;
    }
    let mut input = [0; 16];
    input[..8].copy_from_slice(&seed.to_le_bytes());
    input[8..].copy_from_slice(&(replica as u64).to_le_bytes());
    first_bytes(blake3::derive_key("ctr trainer 2026-11 seed of a replica", &input))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn streams(master: u64) -> SeedStreams {
        SeedStreams::new(master, SeedOverrides::default())
    }

    /// Values of an independent BLAKE3. Every published run depends on them: a change here is a break.
    #[test]
    fn known_answers() {
        let seeds = |master| Stream::ALL.map(|stream| streams(master).seed(stream));
        assert_eq!(seeds(0), [3_674_843_263_334_963_252, 2_783_667_561_943_809_372, 8_497_670_758_074_570_537]);
        assert_eq!(seeds(2021), [6_336_729_432_323_281_667, 3_082_920_967_289_743_922, 8_304_132_318_548_164_376]);
    }

    #[test]
    fn streams_and_masters_give_different_seeds_that_toml_can_hold() {
        let mut seen = Vec::new();
        for master in (0..200).chain([u64::MAX, 1 << 63]) {
            for stream in Stream::ALL {
                let seed = streams(master).seed(stream);
                assert!(i64::try_from(seed).is_ok());
                assert!(!seen.contains(&seed), "{master} {stream:?}");
                seen.push(seed);
            }
        }
    }

    #[test]
    fn a_seed_given_for_one_stream_moves_no_other() {
        let overrides = SeedOverrides { shuffle: Some(7), ..SeedOverrides::default() };
        let (plain, given) = (streams(5), SeedStreams::new(5, overrides));
        assert_eq!(given.seed(Stream::Shuffle), 7);
        for stream in [Stream::Init, Stream::Dropout] {
            assert_eq!(given.seed(stream), plain.seed(stream));
        }
        assert_eq!(given.by_name()["shuffle"], 7);
        assert_eq!(given.by_name().len(), Stream::ALL.len());
    }
}
