//! A step whose batch is divided among replicas of the model (data parallelism).
//!
//! Parameters, tables and the optimisers' state are those of the learner, on its device. A step copies the parameters to the replicas' devices,
//! takes consecutive rows of the batch through each replica, adds the gradients in the order of the replicas, and updates once. Nothing can
//! drift apart, and a checkpoint knows of no replica.
use std::ops::Range;

use burn::backend::Autodiff;
use burn::module::{AutodiffModule, Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::backend::{AutodiffBackend, Backend, DeviceId, DeviceOps};
use burn::tensor::ops::FloatTensor;
use burn::tensor::{ElementConversion, Tensor, TensorData, TensorPrimitive};
use ctr_data::HostBatch;
use ctr_model::loss::Objective;
use ctr_model::model::{ModelInput, Predictor};
use ctr_model::{ModelBackend, Pass};

use super::StepPart;
use crate::churn;
use crate::learner::{Learner, lookups};
use crate::repro::replica_seed;

type Gradients<B> = <Autodiff<B> as AutodiffBackend>::Gradients;

/// The device of each of `count` replicas: the numbered devices of the first one's kind from that on, round and round; where it has no number,
/// the same for all. `known` counts the devices of a kind.
pub(crate) fn devices<D: DeviceOps>(first: &D, count: usize, known: impl Fn(u16) -> usize) -> Vec<D> {
    let id = first.id();
    // Devices of type 0 are the numbered ones: discrete graphics cards on wgpu, all devices on CUDA.
    let known = if id.type_id == 0 && count > 1 { known(id.type_id) } else { 1 };
    let device = |replica: usize| match known {
        0 | 1 => first.clone(),
        _ => {
            let number = (usize::from(id.index_id) + replica) % known;
            D::from_id(DeviceId { index_id: number as u16, ..id })
        }
    };
    (0..count).map(device).collect()
}

/// The rows of each replica: `rows` consecutive ones, as evenly as can be; those that get none are left out.
pub(crate) fn shares(rows: usize, replicas: usize) -> impl Iterator<Item = Range<usize>> {
    let share = move |replica| rows * replica / replicas..rows * (replica + 1) / replicas;
    (0..replicas).map(share).filter(|share| !share.is_empty())
}

/// A part of a batch on a replica of the model.
struct Replica<B: ModelBackend> {
    model: Predictor<Autodiff<B>>,
    /// The gathered rows of the part, [b, F, D] for each table.
    leaves: Vec<Tensor<Autodiff<B>, 3>>,
    numeric: Option<Tensor<Autodiff<B>, 2>>,
    targets: Tensor<Autodiff<B>, 1>,
    pass: Pass,
    /// The part of the batch's examples: the loss is a mean over all of them.
    weight: f64,
}

/// What a backward pass leaves.
struct Outcome<B: ModelBackend> {
    model: Predictor<Autodiff<B>>,
    leaves: Vec<Tensor<Autodiff<B>, 3>>,
    gradients: Gradients<B>,
}

impl<B: ModelBackend> Replica<B> {
    /// The part's share of the batch's loss, \[1\], and the number of models that it is a sum over.
    fn loss(&self, objective: &Objective, steps: u64) -> (Tensor<Autodiff<B>, 1>, usize) {
        let input = ModelInput { embeddings: self.leaves.clone(), numeric: self.numeric.clone() };
        let logits = self.model.member_logits(input, self.pass); // [b] for each model
        (objective.loss(&logits, &self.targets, steps) * self.weight, logits.len())
    }
}

impl<B: ModelBackend> Learner<B> {
    /// The step of [`step_in_parts`](Self::step_in_parts), on replicas. One thread starts the work of all: an accelerator only queues it, so that
    /// several compute at the same time, and nothing waits before the losses are read.
    pub(super) fn step_on_replicas(mut self, batch: &HostBatch, mut done: impl FnMut(StepPart)) -> (Self, f64) {
        let lookups = lookups(&batch.plan);
        let (rows, plan) = self.tables.gather_with_plan(lookups, None, batch.len(), &self.device); // [B, F, D] for each table
        let labels = churn::labels(self.base.as_deref(), batch);
        let replica = |(number, share)| self.replica(number, share, batch, &rows, &labels);
        let replicas: Vec<_> = shares(batch.len(), self.replicas.len()).enumerate().map(replica).collect();
        done(StepPart::Gather);

        let losses: Vec<_> = replicas.iter().map(|replica| replica.loss(&self.objective, self.steps)).collect(); // [1]
        done(StepPart::Forward);
        let outcome = |(replica, (loss, _)): (Replica<B>, &(Tensor<Autodiff<B>, 1>, usize))| Outcome {
            gradients: loss.backward(),
            model: replica.model,
            leaves: replica.leaves,
        };
        let mut outcomes: Vec<_> = replicas.into_iter().zip(&losses).map(outcome).collect();
        let loss =
            losses.into_iter().map(|(loss, models)| loss.into_scalar().elem::<f64>() / models as f64).sum::<f64>();
        done(StepPart::Backward);
        if outcomes.is_empty() || !loss.is_finite() {
            return (self, loss);
        }

        let row_grads = (0..rows.len()).map(|table| joined(&mut outcomes, table, &self.device)).collect();
        let row_sums = self.tables.reduce(row_grads, lookups, plan);
        done(StepPart::RowReduction);
        let gradients = self.summed(outcomes);
        (self.update(gradients, &row_sums, lookups, done), loss)
    }

    fn replica(
        &self,
        number: usize,
        share: Range<usize>,
        batch: &HostBatch,
        rows: &[Tensor<B, 3>],
        labels: &[f32],
    ) -> Replica<B> {
        let device = &self.replicas[number];
        // The first one moves the learner's running statistics, as PyTorch's does; those of a copy are lost with it.
        let model = match number {
            0 => self.model.clone(),
            _ => Predictor::<Autodiff<B>>::from_inner(self.model.valid()).map(&mut Move { device }),
        };
        let of_share = |rows: &Tensor<B, 3>| {
            let rows = moved(rows.clone().slice(share.clone()), device);
            Tensor::from_inner(rows).require_grad()
        };
        let (size, fields) = (share.len(), batch.numeric.len() / batch.len());
        let numeric = &batch.numeric[share.start * fields..share.end * fields];
        let tensor = |values: &[f32]| TensorData::new(values.to_vec(), [values.len()]);
        Replica {
            model,
            leaves: rows.iter().map(of_share).collect(),
            numeric: (fields > 0).then(|| Tensor::<_, 1>::from_data(tensor(numeric), device).reshape([size, fields])),
            targets: Tensor::from_data(tensor(&labels[share]), device),
            pass: Pass::Train { dropout_seed: replica_seed(self.dropout_seed, number), step: self.steps },
            weight: size as f64 / batch.len() as f64,
        }
    }

    /// The gradients of the learner's dense parameters: those of the replicas, added in their order.
    fn summed(&self, outcomes: Vec<Outcome<B>>) -> Gradients<B> {
        let mut outcomes = outcomes.into_iter();
        let Some(Outcome { gradients, .. }) = outcomes.next() else { unreachable!("a batch has a first row") };
        let others = outcomes.map(|outcome| {
            let mut found = Found { gradients: &outcome.gradients, found: Vec::new() };
            outcome.model.visit(&mut found);
            found.found.into_iter()
        });
        let mut sum = Sum::<B, _> { gradients, others: others.collect(), device: &self.device };
        self.model.visit(&mut sum);
        sum.gradients
    }
}

/// The same numbers on another device, by way of the host's memory: CubeCL's own copies are not there on wgpu, and on CUDA need NCCL.
fn moved<B: Backend, const D: usize>(tensor: Tensor<B, D>, device: &B::Device) -> Tensor<B, D> {
    if tensor.device() == *device { tensor } else { Tensor::from_data(tensor.into_data(), device) }
}

/// Moves a model that shares nothing with another one.
struct Move<'a, B: Backend> {
    device: &'a B::Device,
}

impl<B: ModelBackend> ModuleMapper<Autodiff<B>> for Move<'_, B> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<Autodiff<B>, D>>) -> Param<Tensor<Autodiff<B>, D>> {
        let (id, tensor, mapper) = param.consume();
        let is_trained = tensor.is_require_grad();
        let tensor = Tensor::from_inner(moved(tensor.inner(), self.device)).set_require_grad(is_trained);
        Param::from_mapped_value(id, tensor, mapper)
    }
}

/// The gradient of a table's gathered rows: those of the replicas one below the other, [B, F, D] on `device`.
fn joined<B: ModelBackend>(outcomes: &mut [Outcome<B>], table: usize, device: &B::Device) -> Option<Tensor<B, 3>> {
    let of_replica = |outcome: &mut Outcome<B>| outcome.leaves[table].grad_remove(&mut outcome.gradients);
    let gradients: Option<Vec<_>> =
        outcomes.iter_mut().map(|outcome| of_replica(outcome).map(|gradient| moved(gradient, device))).collect();
    gradients.map(|gradients| Tensor::cat(gradients, 0))
}

/// The gradients of a model's parameters, in the order in which it is visited.
struct Found<'a, B: ModelBackend> {
    gradients: &'a Gradients<B>,
    found: Vec<Option<FloatTensor<B>>>,
}

impl<B: ModelBackend> ModuleVisitor<Autodiff<B>> for Found<'_, B> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<Autodiff<B>, D>>) {
        self.found.push(param.val().grad(self.gradients).map(|gradient| gradient.into_primitive().tensor()));
    }
}

/// Adds the gradients of other models' parameters to those of a model, which is visited in the same order.
struct Sum<'a, B: ModelBackend, I> {
    gradients: Gradients<B>,
    others: Vec<I>,
    device: &'a B::Device,
}

impl<B: ModelBackend, I: Iterator<Item = Option<FloatTensor<B>>>> ModuleVisitor<Autodiff<B>> for Sum<'_, B, I> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<Autodiff<B>, D>>) {
        let tensor = param.val();
        let mut sum = tensor.grad_remove(&mut self.gradients);
        for other in &mut self.others {
            let other = other
                .next()
                .flatten()
                .map(|gradient| moved(Tensor::<B, D>::from_primitive(TensorPrimitive::Float(gradient)), self.device));
            sum = match (sum, other) {
                (Some(sum), Some(other)) => Some(sum + other),
                (sum, other) => sum.or(other),
            };
        }
        if let Some(sum) = sum {
            tensor.grad_replace(&mut self.gradients, sum);
        }
    }
}
