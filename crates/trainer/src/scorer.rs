//! Inference from a run folder, in a program of one's own.
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ctr_data::{EncodeOptions, Encoder, Labels, Shards};
use ctr_model::ModelBackend;

use crate::command::saved_run;
use crate::config::{Overrides, Plan};
use crate::learner::Learner;
use crate::predictions::{PredictionMetadata, Predictions};
use crate::run_folder::{RunFolder, RunRecord};
use crate::training_run::{parameter_digest, predict};

/// The best checkpoint of a run with the encoder that its data went through: raw rows in, probabilities out.
///
/// The predictions of a file are those of `ctr predict`, bit for bit.
#[derive(Debug)]
pub struct Scorer<B: ModelBackend> {
    learner: Learner<B>,
    encoder: Encoder,
    plan: Plan,
    record: RunRecord,
}

impl<B: ModelBackend> Scorer<B> {
    /// Opens the folder of a finished or interrupted run.
    ///
    /// # Errors
    /// A folder that is not a run's, a run without a checkpoint, and files that were changed since they were written.
    pub fn open(run: &Path, device: B::Device) -> anyhow::Result<Self> {
        let folder = RunFolder::open(run)?;
        let plan = folder.plan(&Overrides::default())?;
        Self::of(&folder, plan, device)
    }

    /// The scorer of an open run, computed as `plan` says.
    pub(crate) fn of(folder: &RunFolder, plan: Plan, device: B::Device) -> anyhow::Result<Self> {
        let record = folder.record()?;
        folder.check_encoder(&record)?;
        let encoder = Encoder::load(&folder.encoder_path())?;
        let learner = saved_run::best::<B>(folder, &plan, &record, encoder.schema(), device)?;
        Ok(Self { learner, encoder, plan, record })
    }

    /// The predictions for a file in the format of the run's data, in the order of its rows. A label column may be missing. The encoded
    /// rows lie in the folder for temporary files meanwhile.
    ///
    /// # Errors
    /// A file that cannot be read, and the first row of it that does not follow the format, by line and column.
    pub fn score_file(&self, data: &Path) -> anyhow::Result<Predictions> {
        let stop = AtomicBool::new(false);
        let options = EncodeOptions {
            labels: Labels::Optional,
            threads: 0,
            max_line_bytes: self.plan.data.dataset.rows.max_line_bytes,
            scratch_dir: &std::env::temp_dir(),
            progress: &|_| (),
            cancelled: &stop,
        };
        let shards = Arc::new(self.encoder.encode_file(data, &options)?);
        self.score(&shards, &stop)
    }

    /// The predictions for rows that [`Self::encoder`] has encoded.
    ///
    /// # Errors
    /// Rows that cannot be read back, and an interruption.
    pub fn score(&self, shards: &Arc<Shards>, stop: &AtomicBool) -> anyhow::Result<Predictions> {
        predict(&self.learner, shards, &self.plan, stop)
    }

    /// What turns raw rows into the ids and numbers that the model was trained on.
    #[must_use]
    pub fn encoder(&self) -> &Encoder {
        &self.encoder
    }

    /// What goes into a file of predictions beside them; `split` names the rows.
    #[must_use]
    pub fn metadata(&self, split: String) -> PredictionMetadata {
        PredictionMetadata {
            run_id: self.record.name.clone(),
            dataset_digest: self.record.dataset_digest.clone(),
            split,
            model_digest: parameter_digest(&self.learner),
        }
    }
}
