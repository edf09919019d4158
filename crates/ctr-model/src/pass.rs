//! What a forward pass is for: training or evaluation.

/// Training (with dropout and batch statistics) or evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// Dropout is on and batch norm uses the batch's statistics; masks are a function of `dropout_seed` and `step`.
    Train {
        /// The seed of the dropout stream.
        dropout_seed: u64,
        /// The number of the training step, counted from 0 over the whole run.
        step: u64,
    },
    /// Dropout is off and batch norm uses the running statistics.
    Evaluate,
}

/// Names one dropout mask: the same key gives the same mask, on every backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DropoutKey {
    /// The seed of the dropout stream.
    pub seed: u64,
    /// The number of the training step.
    pub step: u64,
    /// The number of the dropout layer in the model.
    pub layer: u32,
}
