//! The best checkpoint of a run, ready to predict.
use ctr_data::Schema;
use ctr_model::ModelBackend;

use crate::checkpoint::{CheckpointStore, Identity, Which, schema_fingerprint};
use crate::config::Plan;
use crate::learner::Learner;
use crate::run_folder::{RunFolder, RunRecord};

/// The checkpoints of a run, known by its folder alone.
pub(super) fn store(
    folder: &RunFolder,
    plan: &Plan,
    record: &RunRecord,
    schema: &Schema,
) -> anyhow::Result<CheckpointStore> {
    let identity = Identity {
        plan: plan.fingerprint()?,
        schema: schema_fingerprint(schema)?,
        dataset: record.dataset_digest.clone(),
    };
    Ok(CheckpointStore::new(folder.checkpoints_path(), identity))
}

/// Loads the best checkpoint of a run.
pub(crate) fn best<B: ModelBackend>(
    folder: &RunFolder,
    plan: &Plan,
    record: &RunRecord,
    schema: &Schema,
    device: B::Device,
) -> anyhow::Result<Learner<B>> {
    let checkpoint = store(folder, plan, record, schema)?.load(Which::Best)?;
    Ok(checkpoint.restore(Learner::new(plan, schema, device)?)?)
}
