//! What makes a run repeatable: named seed streams, digests, the environment, and files that are whole or absent.

mod atomic;
mod digest;
pub(crate) mod disk;
mod environment;
mod file_error;
mod seed;

pub use atomic::{write_atomic, write_atomic_with};
pub use digest::{Digest, ParameterDigest, ParseDigestError, digest_file};
pub use environment::{Build, Environment, Machine, OperatingSystem, peak_resident_bytes};
pub use file_error::FileError;
pub use seed::{SeedOverrides, SeedStreams, Stream, replica_seed};
