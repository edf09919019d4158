//! The parts of a training step, for whoever measures them.
use serde::Serialize;

/// A part of a training step, in the order in which they are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepPart {
    /// The rows that the batch looks up, out of their tables and onto the device; for a DNN on the host, their product with the first layer instead.
    Gather,
    /// The numeric fields and labels onto the device, the model, and the loss back from it.
    Forward,
    /// The gradients of the dense parameters and of the gathered rows.
    Backward,
    /// The gradients of the lookups, off the device and summed for each row; for a DNN on the host, with those of the first layer's weights.
    RowReduction,
    /// The norm of the whole gradient; next to nothing where nothing asks for it.
    GradientNorm,
    /// The embedding rows and the state of their optimiser.
    RowUpdate,
    /// The dense parameters and the state of their optimiser.
    DenseUpdate,
}

impl StepPart {
    /// All of them, in order.
    pub const ALL: [Self; 7] = [
        Self::Gather,
        Self::Forward,
        Self::Backward,
        Self::RowReduction,
        Self::GradientNorm,
        Self::RowUpdate,
        Self::DenseUpdate,
    ];
}
