//! What every activation must do on every backend.

#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod accelerator;
mod backends;
mod cases;
#[cfg(feature = "flex")]
mod configs;
mod edge_cases;
mod from_output;
mod gradients;
mod layouts;
mod parameters;
mod queue;
mod random;
mod sums;
mod threads;
mod vectors;
