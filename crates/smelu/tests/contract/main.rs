//! What every activation must do on every backend.

#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod accelerator;
mod backends;
#[cfg(feature = "flex")]
mod configs;
mod edge_cases;
mod gradients;
mod layouts;
mod parameters;
mod random;
mod threads;
mod vectors;
