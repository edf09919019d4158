//! Batches on their way to a device: a thread copies what a step needs of the next one while the step of another is under way.
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

use burn::tensor::Tensor;
use ctr_data::{DataError, HostBatch};
use ctr_model::ModelBackend;
use ctr_model::embedding::{DevicePlan, Uploader};

use crate::churn::{self, BasePredictions};
use crate::learner::{Learner, lookups};

/// What of a batch is on the device.
#[derive(Debug)]
pub struct Sent<B: ModelBackend> {
    /// The row plan.
    pub(crate) plan: DevicePlan<B>,
    /// The labels, as the loss takes them, \[B\].
    pub(crate) labels: Tensor<B, 1>,
    /// The numeric fields, \[B·N\].
    pub(crate) numeric: Option<Tensor<B, 1>>,
}

type Item<B> = Result<(HostBatch, Option<Sent<B>>), DataError>;

/// The batches of an epoch, in their order, each with what of it is on the device: nothing where the host has the tables that a step reads.
#[derive(Debug)]
pub struct Transfers<B: ModelBackend, I>(Kind<B, I>);

#[derive(Debug)]
enum Kind<B: ModelBackend, I> {
    Host(I),
    /// Both until the end.
    Device(Option<(Receiver<Item<B>>, JoinHandle<()>)>),
}

impl<B: ModelBackend> Learner<B> {
    /// The batches of an epoch for [`step_in_parts`](Self::step_in_parts) as long as the tables stay where they are.
    #[must_use]
    pub fn transfers<I>(&self, batches: I) -> Transfers<B, I>
    where
        I: Iterator<Item = Result<HostBatch, DataError>> + Send + 'static,
    {
        // Replicas have their numeric fields on devices of their own.
        let uploader = if self.replicas.len() > 1 { None } else { self.tables.uploader() };
        match uploader {
            Some(uploader) => Transfers(Kind::start(batches, uploader, self.base.clone())),
            None => Transfers::none(batches),
        }
    }
}

impl<B: ModelBackend, I> Transfers<B, I> {
    /// The batches alone: each step sends what it needs.
    #[must_use]
    pub fn none(batches: I) -> Self {
        Self(Kind::Host(batches))
    }
}

impl<B: ModelBackend, I: Iterator<Item = Result<HostBatch, DataError>> + Send + 'static> Kind<B, I> {
    fn start(batches: I, uploader: Uploader<B>, base: Option<Arc<BasePredictions>>) -> Self {
        // Without room: one batch lies on the device beside the one that a step works on, in the hands of the thread.
        let (sender, receiver) = sync_channel(0);
        let send_all = move || {
            for batch in batches {
                let item = batch.map(|batch| {
                    let labels = churn::labels(base.as_deref(), &batch);
                    let numbers = [labels.as_ref(), &batch.numeric];
                    let count = if batch.numeric.is_empty() { 1 } else { 2 };
                    let (plan, sent) = uploader(lookups(&batch.plan), &numbers[..count]);
                    let mut sent = sent.into_iter();
                    let Some(labels) = sent.next() else { unreachable!("labels were sent") };
                    let sent = Sent { plan, labels, numeric: sent.next() };
                    (batch, Some(sent))
                });
                // The receiver is gone where the epoch has been broken off.
                if sender.send(item).is_err() {
                    return;
                }
            }
        };
        match std::thread::Builder::new().name("transfers".to_owned()).spawn(send_all) {
            Ok(thread) => Self::Device(Some((receiver, thread))),
            Err(error) => panic!("no thread could be started that copies batches to the device: {error}"),
        }
    }
}

impl<B: ModelBackend, I: Iterator<Item = Result<HostBatch, DataError>>> Iterator for Transfers<B, I> {
    type Item = Item<B>;

    /// # Panics
    /// With what the device said, when it has failed.
    fn next(&mut self) -> Option<Item<B>> {
        match &mut self.0 {
            Kind::Host(batches) => batches.next().map(|batch| batch.map(|batch| (batch, None))),
            Kind::Device(device) => {
                if let Ok(item) = device.as_ref()?.0.recv() {
                    return Some(item);
                }
                let (_, thread) = device.take()?;
                thread.join().unwrap_or_else(|payload| resume_unwind(payload));
                None
            }
        }
    }
}

impl<B: ModelBackend, I> Drop for Transfers<B, I> {
    fn drop(&mut self) {
        if let Kind::Device(device) = &mut self.0
            && let Some((receiver, thread)) = device.take()
        {
            drop(receiver);
            // What went wrong in a batch that nobody takes is nobody's error.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Arc;

    use burn::backend::Flex;
    use ctr_data::{Bags, DataError, HostBatch, RowPlan};

    use super::{Kind, Transfers, Uploader};

    fn batch() -> HostBatch {
        let (examples, labels) = (vec![0], vec![1.0]);
        let (bags, plan) = (Bags::default(), RowPlan::default());
        HostBatch { index: 0, examples, labels, numeric: vec![], categorical: vec![], bags, plan }
    }

    fn failing() -> Uploader<Flex> {
        Box::new(|_, _| panic!("the device is gone"))
    }

    #[test]
    fn what_a_device_says_when_it_fails_is_heard() {
        let mut transfers = Transfers(Kind::start(std::iter::once(Ok(batch())), failing(), None));
        let payload = catch_unwind(AssertUnwindSafe(|| transfers.next().is_none())).unwrap_err();
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"the device is gone"));
        assert!(transfers.next().is_none());
    }

    #[test]
    fn errors_of_the_data_come_through_and_an_epoch_that_is_broken_off_ends_its_thread() {
        let held = Arc::new(());
        let in_thread = Arc::clone(&held);
        let endless = std::iter::repeat_with(move || {
            let _ = &in_thread;
            Err(DataError::Cancelled)
        });
        let mut transfers = Transfers(Kind::start(endless, failing(), None));
        assert!(matches!(transfers.next(), Some(Err(DataError::Cancelled))));
        assert_eq!(Arc::strong_count(&held), 2);
        drop(transfers);
        assert_eq!(Arc::strong_count(&held), 1);
    }
}
