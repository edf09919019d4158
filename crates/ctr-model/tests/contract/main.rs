//! What every backend, table and model must satisfy.
mod embedding;
mod golden_optimizers;
mod gradients;
mod hidden_tail;
mod initialisation;
mod mixed_tables;
mod models;
mod operations;
mod values;
