//! Checkpoints: all of a run's state in one folder, whole or absent.
//!
//! ```text
//! checkpoints/
//!   step-0000001234/            written under another name, then renamed
//!     parameters.safetensors    dense parameters, running statistics and table weights, by name
//!     optimizer.safetensors     moments of the dense parameters and state of the table rows
//!     manifest.json             written last: state of the loop, what it belongs to, size and BLAKE3 digest of each file
//!   index.json                  names the folders that are kept, and the best one; replaced in one piece
//! ```
//!
//! A crash at any moment leaves the previous index with its folders, or the new one. `docs/checkpoints.md` tells the whole story.
mod error;
mod manifest;
mod saver;
mod sealed;
mod store;
pub(crate) mod tensors;

pub use error::CheckpointError;
pub use manifest::{FileEntry, Identity, Index, IndexEntry, Manifest, Retention, schema_fingerprint};
pub use saver::CheckpointSaver;
pub use store::{CheckpointStore, Which};

use ctr_model::ModelBackend;
use ctr_model::parameters::{self, NamedParameter};

use crate::fit::FitState;
use crate::learner::Learner;

/// What a checkpoint holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Steps done.
    pub steps: u64,
    /// Where the loop stands.
    pub fit: FitState,
    /// Dense parameters and running statistics, then the weights of each table as `tables.NAME`, [rows, D].
    pub parameters: Vec<NamedParameter>,
    /// Moments of the dense parameters, then the state of each table as `tables.NAME.state`, [rows, S].
    pub optimizer: Vec<NamedParameter>,
}

impl Checkpoint {
    /// Takes the state of a learner.
    #[must_use]
    pub fn of<B: ModelBackend>(learner: &Learner<B>, fit: &FitState) -> Self {
        let tables = learner.tables().tables();
        let mut optimizer = learner.dense.state();
        optimizer.extend(tables.iter().filter(|table| table.stride() > table.width()).map(|table| NamedParameter {
            name: state_name(table.name()),
            shape: vec![table.rows(), table.stride() - table.width()],
            values: table.state(),
        }));
        Self { steps: learner.steps, fit: fit.clone(), parameters: all_parameters(learner), optimizer }
    }

    /// Refuses a state that training has broken: it could only be resumed to fail again.
    ///
    /// # Errors
    /// [`CheckpointError::NotFinite`] with the first number that is not finite.
    pub(crate) fn check_finite(&self) -> Result<(), CheckpointError> {
        for parameter in self.parameters.iter().chain(&self.optimizer) {
            if let Some(element) = parameter.values.iter().position(|value| !value.is_finite()) {
                let (name, value) = (parameter.name.clone(), parameter.values[element]);
                return Err(CheckpointError::NotFinite { name, element, value, steps: self.steps });
            }
        }
        Ok(())
    }

    /// Puts the state into a learner of the same plan and schema.
    ///
    /// # Errors
    /// When a parameter is missing, has another shape, or belongs nowhere.
    pub fn restore<B: ModelBackend>(&self, mut learner: Learner<B>) -> Result<Learner<B>, CheckpointError> {
        let (tables, dense): (Vec<_>, Vec<_>) =
            self.parameters.iter().cloned().partition(|parameter| parameter.name.starts_with(TABLES));
        let (table_states, moments): (Vec<_>, Vec<_>) =
            self.optimizer.iter().cloned().partition(|parameter| parameter.name.starts_with(TABLES));
        learner.model = parameters::load(learner.model, &dense)?;
        for table in learner.tables.host_mut().tables_mut() {
            table.set_weights(find(&tables, &weights_name(table.name()))?)?;
            if table.stride() > table.width() {
                table.set_state(find(&table_states, &state_name(table.name()))?)?;
            }
        }
        learner.dense.set_state(&moments, &dense, &learner.device)?;
        learner.steps = self.steps;
        Ok(learner)
    }
}

/// What the names of tables begin with.
pub(crate) const TABLES: &str = "tables.";

fn weights_name(table: &str) -> String {
    format!("{TABLES}{table}")
}

fn state_name(table: &str) -> String {
    format!("{TABLES}{table}.state")
}

fn find<'a>(parameters: &'a [NamedParameter], name: &str) -> Result<&'a [f32], CheckpointError> {
    let found = parameters.iter().find(|parameter| parameter.name == name);
    found.map(|parameter| parameter.values.as_slice()).ok_or_else(|| CheckpointError::Absent { name: name.to_owned() })
}

/// All parameters of a learner, tables included, in a fixed order.
#[must_use]
pub fn all_parameters<B: ModelBackend>(learner: &Learner<B>) -> Vec<NamedParameter> {
    let mut all = parameters::collect(&learner.model);
    all.extend(learner.tables().tables().iter().map(|table| NamedParameter {
        name: weights_name(table.name()),
        shape: vec![table.rows(), table.width()],
        values: table.weights(),
    }));
    all
}
