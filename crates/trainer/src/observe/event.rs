//! What a run tells while it goes on.

/// Something that happened in a run. Epochs and steps count from 1.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Training is about to start.
    RunStarted {
        /// Name of the run.
        name: String,
        /// Epochs at most.
        epochs: usize,
        /// Steps of each epoch.
        steps: usize,
        /// Training samples.
        samples: usize,
    },
    /// An epoch begins.
    EpochStarted {
        /// The epoch.
        epoch: usize,
        /// Steps of this epoch.
        steps: usize,
    },
    /// A step was made.
    Step {
        /// The epoch.
        epoch: usize,
        /// Steps made in this epoch, this one included.
        step: usize,
        /// Steps of this epoch.
        steps: usize,
        /// Mean training loss of late, in nats.
        loss: f64,
        /// Training throughput of late.
        samples_per_second: f64,
    },
    /// The digest of all parameters after a step, on request.
    StepDigest {
        /// The epoch.
        epoch: usize,
        /// Steps of the whole run, this one included.
        step: u64,
        /// Mean loss of the step's batch before its update, in nats.
        loss: f64,
        /// BLAKE3 of all parameters after it, in hexadecimal.
        parameter_digest: String,
    },
    /// A step is about to be made on these rows, on request.
    RowsTaken {
        /// The epoch.
        epoch: usize,
        /// Steps of the whole run, this one included.
        step: u64,
        /// The row numbers in the training split, in the order of the batch.
        rows: Vec<u64>,
    },
    /// Gradients and activations of late, on request.
    Statistics(Statistics),
    /// An epoch was trained and validated.
    EpochFinished(EpochSummary),
    /// Training ended and the best model was tested.
    RunFinished(RunSummary),
    /// Anything else worth a line, such as a lowered learning rate.
    Message(String),
}

/// Gradients and activations in figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    /// The epoch.
    pub epoch: usize,
    /// Steps of the whole run so far.
    pub step: u64,
    /// Mean L2 norm of the whole gradient over the steps since the statistics before, or since the process began; ahead of clipping.
    pub gradient_norm: Option<f64>,
    /// Share of those steps whose gradient was clipped; none where nothing is clipped.
    pub clip_rate: Option<f64>,
    /// The hidden layers, on the batch of the latest step.
    pub layers: Vec<LayerStatistics>,
}

/// A hidden layer in figures.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerStatistics {
    /// The number of the layer in the model.
    pub layer: u32,
    /// Standard deviation of all pre-activations of the batch.
    pub pre_activation_std: f64,
    /// Share of units that return the same value for every row of the batch.
    pub dead_units: f64,
}

/// An epoch in figures.
#[derive(Clone, Debug, PartialEq)]
pub struct EpochSummary {
    /// The epoch.
    pub epoch: usize,
    /// Steps of the whole run so far.
    pub steps: u64,
    /// Mean training loss in nats.
    pub train_loss: f64,
    /// Seconds of training, validation not included.
    pub train_seconds: f64,
    /// Training samples per second of training.
    pub samples_per_second: f64,
    /// Seconds of validation.
    pub valid_seconds: f64,
    /// AUC on the validation data; it does not exist where all labels are equal.
    pub valid_auc: Option<f64>,
    /// Log loss on the validation data, in nats.
    pub valid_log_loss: f64,
    /// Learning rate of the dense parameters in this epoch.
    pub learning_rate: f64,
}

/// A run in figures.
#[derive(Clone, Debug, PartialEq)]
pub struct RunSummary {
    /// Epochs trained.
    pub epochs: usize,
    /// Steps trained.
    pub steps: u64,
    /// The epoch whose model was kept.
    pub best_epoch: usize,
    /// Seconds from start to end.
    pub seconds: f64,
    /// AUC on the test data; it does not exist where all labels are equal.
    pub test_auc: Option<f64>,
    /// Log loss on the test data, in nats.
    pub test_log_loss: f64,
}
