//! What every backend, table and model must satisfy.
mod adam;
mod attention;
mod backends;
mod cases;
#[cfg(any(feature = "cuda", feature = "wgpu"))]
mod device;
#[cfg(any(feature = "cuda", feature = "wgpu"))]
mod device_models;
mod embedding;
mod ensemble;
mod golden_optimizers;
mod goldens;
mod gradients;
mod hidden_tail;
mod initialisation;
mod input_product;
mod learner;
mod loss_terms;
mod mixed_tables;
mod models;
mod named_fields;
mod operations;
mod parameter_counts;
mod precision;
mod projections;
mod sums;
mod tensor_clip;
mod values;
