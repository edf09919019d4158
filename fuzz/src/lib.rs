//! What is fuzzed: one function for each reader of files, `fn(&[u8])`. It may refuse its input, but neither panic, nor abort, nor take more
//! memory or time than a small file deserves.
//!
//! Each file of `fuzz_targets/` is the `main` of one of them. `scripts/fuzz.sh` compiles and runs them with the stable toolchain, cargo-fuzz
//! with a nightly one and the address sanitizer.

pub mod data;
pub mod mutate;
mod scratch;
#[cfg(feature = "trainer")]
pub mod training;
