//! Click-through-rate models on [Burn](burn): embedding tables that live outside autodiff, an MLP of fused layers, row optimisers and a
//! dense optimiser.
//!
//! One training step, in the order of the data:
//!
//! ```text
//! row plan ── gather ──► [B, F, D] leaf ──► model ──► logits \[B\] ──► loss
//!                                                                      │
//! tables ◄── row optimiser ◄── segmented sum ◄── leaf gradient ◄── backward ──► dense gradients ──► dense optimiser
//! ```
//!
//! The crate touches no file, no clock and no global random state: every random number is a function of a seed that the caller passes.
#![deny(clippy::disallowed_methods)]

pub mod dropout;
pub mod embedding;
pub mod init;
pub mod interaction;
pub mod layer_norm;
pub mod linear;
pub mod loss;
pub mod mlp;
pub mod model;
pub mod norm;
pub mod op;
pub mod optim;
pub mod parallel;
pub mod parameters;
pub mod pass;
pub mod precision;
pub mod probe;
mod quotient;
pub mod random;
pub mod sum;

pub use op::ModelBackend;
pub use pass::Pass;
pub use precision::Precision;
