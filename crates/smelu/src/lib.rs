//! Smooth activations for [Burn](https://burn.dev), with hand-written backward passes.
//!
//! - [`ActivationConfig`] is the text in a config or a log, `SmeLU(beta=0.5)`; [`Activation`] the module made from it.
//! - [`scalar`] holds the definitions, value and slope side by side; in `f64` they are the oracle.
//! - [`op`] applies them to tensors: [`ActivationBackend`] is the one extension trait, with a single-pass kernel on the
//!   CPU backends, a composed reference for all others, and one backward pass in the autodiff decorator.

mod config;
mod module;
pub mod op;
pub mod scalar;

pub use config::{ActivationConfig, ActivationError};
pub use module::{Activation, Identity, Relu, Smelu, SmeluConfig};
pub use op::ActivationBackend;
