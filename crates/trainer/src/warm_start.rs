//! Starting from another model's tensors: those of an export, or of a checkpoint's `parameters.safetensors`.
use std::fs;
use std::path::PathBuf;

use ctr_model::ModelBackend;
use ctr_model::embedding::TableError;
use ctr_model::parameters::{self, NamedParameter, ParameterError};

use crate::checkpoint::{TABLES, tensors};
use crate::config::WarmStartPlan;
use crate::learner::Learner;
use crate::repro::{Digest, FileError};

/// Tensors that cannot be taken over.
#[derive(Debug, thiserror::Error)]
pub enum WarmStartError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is another one than the plan was made with.
    #[error(
        "{path}: its BLAKE3 digest is {found}, `warm_start.blake3` is {expected}; give the file that the run was planned with, or leave the \
         digest out to take this one"
    )]
    Digest {
        /// The file.
        path: PathBuf,
        /// Its digest.
        found: String,
        /// The digest of the plan.
        expected: String,
    },
    /// The file is no safetensors file of f32.
    #[error("{path}: cannot be read as safetensors: {reason}; expected a file that `ctr export` wrote")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A part of the plan names nothing.
    #[error("`warm_start.parts`: no tensor in {path} has a name that begins with `{part}`; it has {names}")]
    Absent {
        /// The file.
        path: PathBuf,
        /// The part.
        part: String,
        /// The names that are there.
        names: String,
    },
    /// A tensor does not fit the model.
    #[error(
        "{path}: {source}; leave it out with `warm_start.parts`, or give the configuration of the model that the file holds"
    )]
    Parameter {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        source: ParameterError,
    },
    /// A table does not fit the model.
    #[error(
        "{path}: {source}; a table fits data with the same vocabularies only: leave it out with `warm_start.parts`"
    )]
    Table {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        source: TableError,
    },
}

/// Replaces the tensors of a new learner that the plan names; all others keep their initial values. Optimisers begin without state.
///
/// # Errors
/// See [`WarmStartError`]; the learner is then lost, so that no half of a start is trained.
pub fn apply<B: ModelBackend>(mut learner: Learner<B>, plan: &WarmStartPlan) -> Result<Learner<B>, WarmStartError> {
    let path = plan.file.clone();
    let bytes = fs::read(&path).map_err(|cause| FileError::read(&path, cause))?;
    let (found, expected) = (Digest::of(&bytes).to_string(), plan.blake3.clone());
    if found != expected {
        return Err(WarmStartError::Digest { path, found, expected });
    }
    let tensors = tensors::decode(&bytes).map_err(|reason| WarmStartError::Malformed { path: path.clone(), reason })?;
    if let Some(part) =
        plan.parts.iter().find(|part| !tensors.iter().any(|tensor| tensor.name.starts_with(part.as_str())))
    {
        let names = tensors.iter().map(|tensor| tensor.name.as_str()).collect::<Vec<_>>().join(", ");
        return Err(WarmStartError::Absent { path, part: part.clone(), names });
    }
    let taken = |tensor: &NamedParameter| plan.parts.iter().any(|part| tensor.name.starts_with(part.as_str()));
    let (tables, dense): (Vec<_>, Vec<_>) =
        tensors.into_iter().filter(taken).partition(|tensor| tensor.name.starts_with(TABLES));
    let mut known: Vec<String> = Vec::new();
    for table in learner.tables.host_mut().tables_mut() {
        let name = format!("{TABLES}{}", table.name());
        if let Some(tensor) = tables.iter().find(|tensor| tensor.name == name) {
            table.set_weights(&tensor.values).map_err(|source| WarmStartError::Table { path: path.clone(), source })?;
        }
        known.push(name);
    }
    let unfit = |source| WarmStartError::Parameter { path: path.clone(), source };
    if let Some(stray) = tables.iter().find(|tensor| !known.contains(&tensor.name)) {
        return Err(unfit(ParameterError::Unknown { name: stray.name.clone() }));
    }
    let mut all = parameters::collect(&learner.model);
    for tensor in dense {
        match all.iter_mut().find(|parameter| parameter.name == tensor.name) {
            Some(parameter) => *parameter = tensor,
            None => return Err(unfit(ParameterError::Unknown { name: tensor.name })),
        }
    }
    learner.model = parameters::load(learner.model, &all).map_err(unfit)?;
    Ok(learner)
}
