//! All that training changes: the dense parameters, the tables, and the optimisers' state.
use std::sync::Arc;

use burn::backend::Autodiff;
use burn::module::AutodiffModule;
use ctr_data::{RowLayout, Schema};
use ctr_model::ModelBackend;
use ctr_model::embedding::{EmbeddingTables, Lookups, TableError, UpdateRule, UpdateScope};
use ctr_model::init::{self, Initializer};
use ctr_model::loss::Objective;
use ctr_model::model::Predictor;
use ctr_model::optim::{DenseOptimizer, TensorClip};
use ctr_model::parameters;

use crate::churn::BasePredictions;
use crate::config::{EmbeddingUpdate, Plan};
use crate::layouts::Layouts;
use crate::perturb::flip_last_bit;
use crate::repro::Stream;
use crate::residence::{PlacedTables, Residence};
use crate::schedule::{Horizon, ScheduleConfig};
use crate::step::replicas;

/// A model in training: its parameters, on one device.
#[derive(Debug)]
pub struct Learner<B: ModelBackend> {
    pub(crate) model: Predictor<Autodiff<B>>,
    pub(crate) tables: PlacedTables<B>,
    pub(crate) dense: DenseOptimizer<B>,
    pub(crate) device: B::Device,
    /// The device of each replica that a batch is divided among; the first is that of the learner.
    pub(crate) replicas: Vec<B::Device>,
    pub(crate) layout: RowLayout,
    /// Steps done since the beginning of the run.
    pub(crate) steps: u64,
    /// What the learning rates of the next step are multiplied by.
    pub(crate) rates: RateScales,
    pub(crate) dropout_seed: u64,
    /// What is minimised.
    pub(crate) objective: Objective,
    /// What the labels are mixed with, in training against a base run.
    pub(crate) base: Option<Arc<BasePredictions>>,
    pub(crate) tensor_clip: TensorClip,
    pub(crate) gradient_clip_norm: Option<f64>,
    /// Whether the norm of the gradient is computed where nothing is clipped, too.
    pub(crate) watch_gradient: bool,
    /// L2 norm of the whole gradient of the latest step, where it was computed, ahead of clipping.
    pub(crate) gradient_norm: Option<f64>,
}

/// A configuration that cannot be trained as it stands.
#[derive(Debug, thiserror::Error)]
pub enum LearnerError {
    /// A table that could not be made.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The machine does not have the memory for the dense parameters.
    #[error(
        "the dense parameters of this model are {numbers} numbers, which with their gradients and optimiser state need {bytes} bytes that could \
         not be reserved; lower the numbers of units in `model`, or `embedding.dim`"
    )]
    Memory {
        /// Numbers of all dense parameters.
        numbers: u128,
        /// What was asked for.
        bytes: u128,
    },
    /// Embeddings of several widths for a model that needs one.
    #[error(
        "the field `{field}` has embeddings of width {width} and another one of {dim}, but `model.type = \"{model}\"` needs one width for all \
         fields, and has no place for a projection: set `embedding.dim` of every field to one number, or use another model"
    )]
    MixedWidths {
        /// The first field of another width.
        field: String,
        /// Its width.
        width: usize,
        /// The width of the first field.
        dim: usize,
        /// The model.
        model: &'static str,
    },
    /// An embedding of odd width that is made of two halves.
    #[error(
        "the field `{field}` has embeddings of width {width}, which cannot be halved: `embedding.compress.combine = \"concatenate\"` needs an \
         even `embedding.dim`"
    )]
    OddWidth {
        /// The field.
        field: String,
        /// Its width.
        width: usize,
    },
    /// Tables for a device that can only be in the host's memory.
    #[error(
        "`embedding.residence = \"device\"` needs one row of the width of `embedding.dim` for each field of an example in every table, but a field \
         has a list of values, compressed or other embeddings, or the model a table for some fields alone; set `embedding.residence` to \"auto\" or \"host\""
    )]
    NotPlain,
    /// A device without bfloat16.
    #[error(
        "`training.precision` is \"{precision}\", which the device {device} cannot compute in; set it to \"f32\", or use a device that has this \
         format, such as flex or cuda"
    )]
    Precision {
        /// What was asked for.
        precision: &'static str,
        /// The device.
        device: String,
    },
}

impl<B: ModelBackend> Learner<B> {
    /// A learner with its initial parameters: functions of the plan, the schema and the seeds alone.
    ///
    /// # Errors
    /// When a table cannot be made, or there is no memory for the dense parameters.
    pub fn new(plan: &Plan, schema: &Schema, device: B::Device) -> Result<Self, LearnerError> {
        let seeds = plan.seed_streams();
        let seed = seeds.seed(Stream::Init);
        let layouts = Layouts::new(plan, schema)?;
        let shape = layouts.input_shape(plan, schema);
        let member = plan.member_model();
        let specs = plan.ensemble.tables(&member, shape, plan.embedding.init_std);
        let tables = EmbeddingTables::with_layout(&specs, &layouts.lookups, update_rule(plan), seed)?;
        if plan.embedding.residence == Residence::Device && !tables.is_plain() {
            return Err(LearnerError::NotPlain);
        }
        let precision = plan.training.precision;
        let replicas = replicas::devices(&device, plan.training.replicas, B::device_count);
        if let Some(device) = replicas.iter().find(|device| !B::computes_in(precision, device)) {
            return Err(LearnerError::Precision { precision: precision.name(), device: B::name(device) });
        }
        let init = Initializer { precision, ..Initializer::new(seed, &device) };
        let build = || {
            let model = plan.ensemble.init::<Autodiff<B>>(&member, shape, init);
            match layouts.projected(plan) {
                Some(widths) => model.projecting(widths, init),
                None => model,
            }
        };
        reserve(init::measured(build))?;
        let model = build();
        let model = match plan.perturb.one_ulp {
            Some(number) => flip_last_bit::<B, _>(model, number),
            None => model,
        };
        Ok(Self {
            model,
            tables: PlacedTables::new(tables, plan.embedding.residence),
            dense: DenseOptimizer::new(plan.optimizer.clone()).with_update_clip(plan.training.update_clip_rms),
            replicas,
            device,
            layout: layouts.rows,
            steps: 0,
            rates: RateScales { dense: 1.0, rows: 1.0 },
            dropout_seed: seeds.seed(Stream::Dropout),
            objective: plan.loss.objective,
            base: None,
            tensor_clip: TensorClip { value: plan.training.tensor_clip_value, norm: plan.training.tensor_clip_norm },
            gradient_clip_norm: plan.training.gradient_clip_norm,
            watch_gradient: plan.watch.statistics > 0,
            gradient_norm: None,
        })
    }

    /// The model for evaluation, without autodiff.
    #[must_use]
    pub fn evaluator(&self) -> Predictor<B> {
        self.model.valid()
    }

    /// The embedding tables, as the host's memory has them.
    ///
    /// # Panics
    /// When those of the device were updated and not [fetched](Self::fetch_tables).
    #[must_use]
    pub fn tables(&self) -> &EmbeddingTables {
        self.tables.host()
    }

    /// Copies the embedding tables to the device, where the plan and the device allow it: steps then update them there.
    ///
    /// # Errors
    /// When the device does not have the memory.
    pub fn place_tables(&mut self) -> Result<(), LearnerError> {
        Ok(self.tables.place(&self.device)?)
    }

    /// Brings the embedding tables in the host's memory up to those of the device.
    ///
    /// # Errors
    /// When the device has failed.
    pub fn fetch_tables(&mut self) -> Result<(), LearnerError> {
        Ok(self.tables.fetch()?)
    }

    /// Trainable numbers: dense parameters and table weights.
    #[must_use]
    pub fn parameter_count(&self) -> usize {
        self.tables.weights() + parameters::count_trainable(&self.model)
    }
}

/// Whether there is memory for so many numbers, their gradients and two numbers of optimiser state each: an allocation that fails later ends
/// the process without a word.
fn reserve(numbers: u128) -> Result<(), LearnerError> {
    let bytes = numbers.saturating_mul(4 * 4);
    if init::is_reservable(bytes) { Ok(()) } else { Err(LearnerError::Memory { numbers, bytes }) }
}

/// What the learning rates of a step are multiplied by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateScales {
    /// Those of the dense parameters.
    pub dense: f64,
    /// Those of the embedding rows.
    pub rows: f64,
}

impl RateScales {
    /// The factors of the step that follows `steps` others: those of the schedules, times that of the plateaus so far.
    #[must_use]
    pub fn at(plan: &Plan, plateau: f64, steps: u64, horizon: Horizon) -> Self {
        let factor = |schedule: &ScheduleConfig| schedule.factor(steps, horizon);
        let dense = plan.training.schedule.as_ref().map_or(1.0, factor);
        let rows = plan.embedding.schedule.as_ref().map_or(dense, factor);
        Self { dense: plateau * dense, rows: plateau * rows }
    }
}

fn update_rule(plan: &Plan) -> UpdateRule {
    let embedding = &plan.embedding;
    let (scope, optimizer, weight_decay) = match &embedding.update {
        EmbeddingUpdate::Sparse(optimizer) => (UpdateScope::TouchedRows, optimizer.clone(), embedding.weight_decay),
        EmbeddingUpdate::Dense => (UpdateScope::AllRows, plan.optimizer.for_rows(), plan.optimizer.weight_decay()),
    };
    UpdateRule { scope, optimizer, l2: embedding.l2, weight_decay, clip: embedding.clip }
}

/// A batch's row plan as the tables read it.
#[must_use]
pub fn lookups(plan: &ctr_data::RowPlan) -> Lookups<'_> {
    Lookups {
        rows: &plan.rows,
        inverse: &plan.inverse,
        offsets: &plan.offsets,
        order: &plan.order,
        bags: &plan.bags,
        factors: &plan.factors,
    }
}
