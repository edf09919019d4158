//! Predictions of a model on encoded rows, in file order.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use burn::tensor::Tensor;
use ctr_data::{DataError, LoaderOptions, Order, RowLayout, Shards};
use ctr_model::model::{CtrModel, ModelInput, Predictor};
use ctr_model::{ModelBackend, Pass};

use crate::config::Plan;
use crate::learner::lookups;
use crate::residence::PlacedTables;
use crate::step::numeric;

/// How rows are read for an evaluation.
#[derive(Clone, Copy, Debug)]
pub struct EvaluateOptions {
    /// Rows of a forward pass. Part of the result: a matrix product may round by its shape.
    pub batch_size: usize,
    /// Threads that prepare batches.
    pub loader_threads: usize,
    /// Batches kept ready.
    pub prefetch: usize,
}

impl EvaluateOptions {
    /// As the plan says.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        Self {
            batch_size: plan.evaluation.batch_size,
            loader_threads: plan.loader.threads,
            prefetch: plan.loader.prefetch,
        }
    }
}

/// The labels of all rows, in file order.
#[must_use]
pub fn labels(shards: &Shards) -> Vec<f32> {
    (0..shards.len()).map(|row| shards.label(row)).collect()
}

/// Why an evaluation did not finish.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// The rows could not be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The user asked to stop.
    #[error("the evaluation was interrupted")]
    Interrupted,
}

/// The logit of every row.
///
/// # Errors
/// When the rows cannot be read, or when `stop` is set meanwhile.
pub fn logits<B: ModelBackend>(
    model: &Predictor<B>,
    tables: &PlacedTables<B>,
    shards: &Arc<Shards>,
    layout: &RowLayout,
    options: EvaluateOptions,
    device: &B::Device,
    stop: &AtomicBool,
) -> Result<Vec<f32>, EvaluateError> {
    let loader = LoaderOptions {
        batch_size: options.batch_size,
        drop_last: false,
        threads: options.loader_threads,
        prefetch: options.prefetch,
        start_batch: 0,
        reorder: None,
    };
    let mut logits = Vec::with_capacity(shards.len());
    for batch in ctr_data::batches(shards, layout, Order::Sequential, &loader) {
        if stop.load(Ordering::Relaxed) {
            return Err(EvaluateError::Interrupted);
        }
        let batch = batch?;
        let embeddings = tables.gather(lookups(&batch.plan), batch.labels.len(), device);
        let input = ModelInput { embeddings, numeric: numeric(&batch, device) };
        let output: Tensor<B, 1> = model.forward(input, Pass::Evaluate);
        logits.extend(output.into_data().iter::<f32>());
    }
    Ok(logits)
}
