//! What every activation must do on every backend.

mod backends;
mod configs;
mod edge_cases;
mod gradients;
mod layouts;
mod parameters;
mod random;
mod threads;
mod vectors;
