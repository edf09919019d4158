//! What every backend, table and model must satisfy.
mod embedding;
mod gradients;
mod models;
mod operations;
mod values;
