//! What is made of a device that fails in the midst of training: its backend panics, the run stops with an error.
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ctr_model::ModelBackend;

use crate::config::Plan;
use crate::residence::PlacedTables;

/// A device stopped working, or its memory is exhausted.
#[derive(Debug, thiserror::Error)]
#[error(
    "the device failed in training: {reason}. If its memory is exhausted, lower `training.batch_size` ({batch_size}) or `evaluation.batch_size` \
     ({evaluation_batch_size}), or keep the tables out of it with `embedding.residence = \"host\"`; the tables are in the {place} memory: {tables}; {bytes} \
     bytes in all. The checkpoints of the run are whole: go on with `ctr resume` and the folder of the run"
)]
pub struct DeviceFailure {
    reason: String,
    batch_size: usize,
    evaluation_batch_size: usize,
    place: &'static str,
    tables: String,
    bytes: u128,
}

impl DeviceFailure {
    /// A failure without its reason yet: what is known before training begins.
    pub(crate) fn of<B: ModelBackend>(plan: &Plan, tables: &PlacedTables<B>) -> Self {
        let place = if tables.are_placed() { "device's" } else { "host's" };
        let (tables, bytes) = tables.sizes();
        let [batch_size, evaluation_batch_size] = [plan.training.batch_size, plan.evaluation.batch_size];
        Self { reason: String::new(), batch_size, evaluation_batch_size, place, tables, bytes }
    }

    /// Does the work of a device. A panic on one that is not the host's own processor is its failure; on that one it is a mistake of this
    /// program, and stays one.
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
            place: "device's",
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
            "the device failed in training: no memory for 12 bytes. If its memory is exhausted, lower `training.batch_size` (4096) or \
             `evaluation.batch_size` (8192), or keep the tables out of it with `embedding.residence = \"host\"`; the tables are in the device's memory: \
             `embedding` of 9 rows; 576 bytes in all. The checkpoints of the run are whole: go on with `ctr resume` and the folder of the run"
        );
    }

    #[test]
    #[should_panic(expected = "a mistake")]
    fn a_mistake_on_the_host_stays_one() {
        let _ = failure().catch::<Flex, ()>(|| panic!("a mistake"));
    }
}
