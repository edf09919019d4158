//! What is made of a device that fails in the midst of a run: its backend panics, the run stops with an error.
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ctr_model::ModelBackend;
use ctr_model::embedding::EmbeddingTables;

use crate::config::Plan;
use crate::residence::Residence;

/// A device stopped working, or its memory is exhausted.
#[derive(Debug, thiserror::Error)]
#[error(
    "the device failed, or this program failed on it: {reason}. The checkpoints of the run are whole. If the device's memory is exhausted: the tables are {tables}; \
     {bytes} bytes in all; `ctr train CONFIG --run-dir RUN --resume auto` goes on, with the tables in the host's memory when \
     `--set embedding.residence=host` is added (here \"{residence}\"); a smaller `training.batch_size` ({batch_size}) or `evaluation.batch_size` \
     ({evaluation_batch_size}) makes another run"
)]
pub struct DeviceFailure {
    reason: String,
    batch_size: usize,
    evaluation_batch_size: usize,
    residence: &'static str,
    tables: String,
    bytes: u128,
}

impl DeviceFailure {
    /// A failure without its reason yet: what is known before training begins.
    pub(crate) fn of(plan: &Plan, tables: &EmbeddingTables) -> Self {
        let residence = match plan.embedding.residence {
            Residence::Auto => "auto",
            Residence::Host => "host",
            Residence::Device => "device",
        };
        let (tables, bytes) = tables.sizes();
        let [batch_size, evaluation_batch_size] = [plan.training.batch_size, plan.evaluation.batch_size];
        Self { reason: String::new(), batch_size, evaluation_batch_size, residence, tables, bytes }
    }

    /// Does the work of a run. A panic in a run on an accelerator becomes an error, since that is how its backend tells of exhausted memory; on the
    /// host's own processor a panic is a mistake of this program, and stays one.
    pub(crate) fn catch<B: ModelBackend, T>(&self, work: impl FnOnce() -> T) -> Result<T, Self> {
        if B::HOST { Ok(work()) } else { self.catch_panic(work) }
    }

    fn catch_panic<T>(&self, work: impl FnOnce() -> T) -> Result<T, Self> {
        catch_unwind(AssertUnwindSafe(work)).map_err(|payload| Self {
            reason: first_line(payload.as_ref()),
            tables: self.tables.clone(),
            ..*self
        })
    }
}

/// What a panic says, without what follows its first line.
pub(crate) fn first_line(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("the backend gave no reason");
    text.lines().next().unwrap_or_default().trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;

    use super::DeviceFailure;

    fn failure() -> DeviceFailure {
        DeviceFailure {
            reason: String::new(),
            batch_size: 4096,
            evaluation_batch_size: 8192,
            residence: "auto",
            tables: "`embedding` of 9 rows".to_owned(),
            bytes: 576,
        }
    }

    #[test]
    fn a_failure_names_its_reason_the_tables_and_what_to_lower() {
        assert_eq!(failure().catch_panic(|| 7).unwrap(), 7);
        let error = failure().catch_panic(|| panic!("no memory for {} bytes.\n  at a place", 12)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the device failed, or this program failed on it: no memory for 12 bytes. The checkpoints of the run are whole. If the device's memory is \
             exhausted: the tables are `embedding` of 9 rows; 576 bytes in all; `ctr train CONFIG --run-dir RUN --resume auto` goes on, with the \
             tables in the host's memory when `--set embedding.residence=host` is added (here \"auto\"); a smaller \
             `training.batch_size` (4096) or `evaluation.batch_size` (8192) makes another run"
        );
    }

    #[test]
    #[should_panic(expected = "a mistake")]
    fn a_mistake_on_the_host_stays_one() {
        let _ = failure().catch::<Flex, ()>(|| panic!("a mistake"));
    }
}
