//! Where the embedding tables of a learner are: in the host's memory, and while it trains in that of its device, where the device has its own.
use burn::tensor::Tensor;
use ctr_model::ModelBackend;
use ctr_model::embedding::{DevicePlan, DeviceTables, EmbeddingTables, Lookups, RowGradients, TableError, Uploader};
use ctr_model::optim::UpdateStep;
use serde::{Deserialize, Serialize};

/// Where the embedding tables are while a model trains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Residence {
    /// In the device's memory where it has its own and every field looks up one row of one width, else in the host's.
    #[default]
    Auto,
    /// In the host's memory: a step moves the rows of its batch to the device, and their gradients back.
    Host,
    /// In the device's memory.
    Device,
}

impl Residence {
    /// Whether nothing else is asked for.
    #[must_use]
    pub fn is_auto(&self) -> bool {
        *self == Self::Auto
    }
}

/// The tables of a learner. Those of the host are complete; while copies of them on the device are updated, they are behind.
#[derive(Debug)]
pub struct PlacedTables<B: ModelBackend> {
    host: EmbeddingTables,
    residence: Residence,
    device: Option<Box<dyn DeviceTables<B>>>,
    /// Whether the copies have been updated since they were last fetched.
    is_behind: bool,
}

impl<B: ModelBackend> PlacedTables<B> {
    pub(crate) fn new(host: EmbeddingTables, residence: Residence) -> Self {
        Self { host, residence, device: None, is_behind: false }
    }

    /// The tables in the host's memory.
    ///
    /// # Panics
    /// When they are behind those of the device: the learner fetches them.
    #[must_use]
    pub fn host(&self) -> &EmbeddingTables {
        assert!(!self.is_behind, "the tables were not fetched from the device before they were read");
        &self.host
    }

    /// The tables in the host's memory, where it is they that a step reads and updates.
    pub(crate) fn in_use(&self) -> Option<&EmbeddingTables> {
        self.device.is_none().then_some(&self.host)
    }

    /// The tables in the host's memory, to be changed there; copies on the device are given up.
    ///
    /// # Panics
    /// As [`host`](Self::host).
    pub(crate) fn host_mut(&mut self) -> &mut EmbeddingTables {
        assert!(!self.is_behind, "the tables were not fetched from the device before they were changed");
        self.device = None;
        &mut self.host
    }

    /// Number of weights.
    pub(crate) fn weights(&self) -> usize {
        self.host.tables().iter().map(|table| table.rows() * table.width()).sum()
    }

    /// Copies the tables to the device, where that is wanted and possible.
    pub(crate) fn place(&mut self, device: &B::Device) -> Result<(), TableError> {
        if self.device.is_none() && self.residence != Residence::Host && self.host.is_plain() {
            self.device = B::device_tables(&self.host, device, None)?;
        }
        Ok(())
    }

    /// What copies batches to the device, where the tables are there.
    pub(crate) fn uploader(&self) -> Option<Uploader<B>> {
        self.device.as_ref().map(|tables| tables.uploader())
    }

    /// Whether the device has copies.
    #[must_use]
    pub fn are_placed(&self) -> bool {
        self.device.is_some()
    }

    /// Brings the tables of the host up to those of the device.
    pub(crate) fn fetch(&mut self) -> Result<(), TableError> {
        if let (Some(device), true) = (&self.device, self.is_behind) {
            device.download(&mut self.host)?;
            self.is_behind = false;
        }
        Ok(())
    }

    /// The rows of a batch's lookups; see [`EmbeddingTables::gather`]. On a device it copies the whole plan, of which a step would need more.
    #[must_use]
    pub fn gather(&self, lookups: Lookups<'_>, batch: usize, device: &B::Device) -> Vec<Tensor<B, 3>> {
        self.gather_with_plan(lookups, None, batch, device).0
    }

    /// The same rows, and the row plan on the device where the tables are there, which the rest of a step needs: the one that was `sent`, or a new one.
    pub(crate) fn gather_with_plan(
        &self,
        lookups: Lookups<'_>,
        sent: Option<DevicePlan<B>>,
        batch: usize,
        device: &B::Device,
    ) -> (Vec<Tensor<B, 3>>, Option<DevicePlan<B>>) {
        let Some(tables) = &self.device else { return (self.host.gather(lookups, batch, device), None) };
        let plan = sent.unwrap_or_else(|| tables.upload(lookups));
        (tables.gather(lookups, &plan, batch), Some(plan))
    }

    /// The gradient of each row; `plan` is what the rows were gathered with.
    pub(crate) fn reduce(
        &mut self,
        grads: Vec<Option<Tensor<B, 3>>>,
        lookups: Lookups<'_>,
        plan: Option<DevicePlan<B>>,
    ) -> RowSums<B> {
        match (&mut self.device, plan) {
            (Some(tables), Some(plan)) => {
                tables.reduce(grads, lookups, &plan);
                RowSums::Device(plan)
            }
            (None, None) => RowSums::Host(self.host.reduce(grads, lookups)),
            _ => unreachable!("rows that were gathered on the device have a plan there, others have none"),
        }
    }

    /// The squared norm of what [`reduce`](Self::reduce) has made, the L2 term included.
    pub(crate) fn squared_norm(&self, sums: &RowSums<B>, lookups: Lookups<'_>) -> f64 {
        match (sums, &self.device) {
            (RowSums::Host(grads), _) => self.host.squared_norm(grads, lookups),
            (RowSums::Device(plan), Some(tables)) => tables.squared_norm(lookups, plan),
            (RowSums::Device(_), None) => unreachable!("nothing moves the tables within a step"),
        }
    }

    /// Updates the tables, wherever they are, with what [`reduce`](Self::reduce) has made.
    pub(crate) fn update(&mut self, sums: &RowSums<B>, lookups: Lookups<'_>, step: UpdateStep) {
        match (sums, &mut self.device) {
            (RowSums::Host(grads), _) => self.host.update(grads, lookups, step),
            (RowSums::Device(plan), Some(tables)) => {
                tables.update(lookups, plan, step);
                self.is_behind = true;
            }
            (RowSums::Device(_), None) => unreachable!("nothing moves the tables within a step"),
        }
    }
}

/// The gradient of each row of a batch.
#[derive(Debug)]
pub(crate) enum RowSums<B: ModelBackend> {
    /// In the host's memory.
    Host(RowGradients),
    /// Kept by the tables on the device, for the rows of this plan.
    Device(DevicePlan<B>),
}
