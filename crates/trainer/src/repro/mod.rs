//! What makes a run repeatable: named seed streams, digests, the environment, and files that are whole or absent.

mod seed;

pub use seed::{SeedOverrides, SeedStreams, Stream};
