//! The best checkpoint of a run, ready to predict.
use ctr_data::Schema;
use ctr_model::ModelBackend;

use crate::checkpoint::{CheckpointStore, Identity, Which, schema_fingerprint};
use crate::config::Plan;
use crate::learner::Learner;
use crate::run_folder::{RunFolder, RunRecord};

/// Loads the best checkpoint of a run.
pub(super) fn best<B: ModelBackend>(
    folder: &RunFolder,
    plan: &Plan,
    record: &RunRecord,
    schema: &Schema,
    device: B::Device,
) -> anyhow::Result<Learner<B>> {
    let identity = Identity {
        plan: plan.fingerprint()?,
        schema: schema_fingerprint(schema)?,
        dataset: record.dataset_digest.clone(),
    };
    let store = CheckpointStore::new(folder.checkpoints_path(), identity);
    let checkpoint = store.load(Which::Best)?;
    Ok(checkpoint.restore(Learner::new(plan, schema, device)?)?)
}
