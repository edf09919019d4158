//! A model in training, in plain steps: what the trainer does, without its loop.
use burn::backend::Autodiff;
use burn::tensor::{Tensor, TensorData};
use ctr_model::embedding::{EmbeddingTables, LookupLayout, RowClip, UpdateRule, UpdateScope};
use ctr_model::init::Initializer;
use ctr_model::loss::bce_with_logits;
use ctr_model::model::{AnyModel, CtrModel, InputShape, ModelConfig, ModelInput};
use ctr_model::optim::{AdamConfig, DenseOptimizer, OptimizerConfig, RowOptimizerConfig, UpdateStep};
use ctr_model::{ModelBackend, Pass, parameters};

use crate::embedding::Plan;

/// The rows of one batch.
pub(crate) struct Batch {
    /// The looked up row of each field, [B, F].
    pub(crate) ids: Vec<u64>,
    /// [B, N].
    pub(crate) numeric: Vec<f32>,
    /// \[B\].
    pub(crate) labels: Vec<f32>,
}

/// A model, its tables and their optimisers.
pub(crate) struct Learner<B: ModelBackend> {
    pub(crate) model: AnyModel<Autodiff<B>>,
    pub(crate) tables: EmbeddingTables,
    dense: DenseOptimizer<B>,
    shape: InputShape,
    steps: u64,
    device: B::Device,
}

/// What a step computed before its update.
pub(crate) struct Step {
    pub(crate) logits: Vec<f32>,
    pub(crate) loss: f32,
    /// The gradient of each dense parameter by name; none for one that the loss does not depend on.
    pub(crate) gradients: Vec<(String, Option<Vec<f32>>)>,
    /// The gradient of each table's gathered rows, [B, F, D].
    pub(crate) leaves: Vec<Vec<f32>>,
}

impl<B: ModelBackend> Learner<B> {
    /// Tables of `rows` rows, from N(0, 0.1²), that the fields `f0`, `f1`, … share, and Adam for everything.
    pub(crate) fn new(
        config: &ModelConfig,
        shape: InputShape,
        rows: u64,
        adam: AdamConfig,
        l2: f64,
        seed: u64,
    ) -> Self {
        config.check(shape).unwrap();
        let device = B::Device::default();
        let names = (0..shape.categorical).map(|field| format!("f{field}")).collect();
        let layout = LookupLayout { names, ..LookupLayout::uniform(rows, shape.categorical) };
        let rule = UpdateRule {
            scope: UpdateScope::AllRows,
            optimizer: RowOptimizerConfig::LazyAdam(adam.clone()),
            l2,
            weight_decay: 0.0,
            clip: RowClip::default(),
        };
        Self {
            model: config.init(shape, Initializer::new(seed, &device)),
            tables: EmbeddingTables::with_layout(&config.tables(shape, 0.1), &layout, rule, seed).unwrap(),
            dense: DenseOptimizer::new(OptimizerConfig::Adam(adam)),
            shape,
            steps: 0,
            device,
        }
    }

    fn input(&self, batch: &Batch, embeddings: Vec<Tensor<Autodiff<B>, 3>>) -> ModelInput<Autodiff<B>> {
        let dims = [batch.labels.len(), self.shape.numeric];
        let numeric = || Tensor::from_data(TensorData::new(batch.numeric.clone(), dims), &self.device);
        ModelInput { embeddings, numeric: (self.shape.numeric > 0).then(numeric) }
    }

    /// The logits of a batch.
    pub(crate) fn logits(&self, batch: &Batch, pass: Pass) -> Vec<f32> {
        let plan = Plan::new(&batch.ids);
        let leaves = self.tables.gather(plan.lookups(), batch.labels.len(), &self.device);
        self.model.forward(self.input(batch, leaves), pass).into_data().iter::<f32>().collect()
    }

    /// One step on a batch.
    pub(crate) fn step(&mut self, batch: &Batch) -> Step {
        let plan = Plan::new(&batch.ids);
        let leaves = self.tables.gather::<Autodiff<B>>(plan.lookups(), batch.labels.len(), &self.device);
        let leaves: Vec<_> = leaves.into_iter().map(Tensor::require_grad).collect();
        let pass = Pass::Train { dropout_seed: 1, step: self.steps };
        let logits = self.model.forward(self.input(batch, leaves.clone()), pass);
        let labels = Tensor::from_data(TensorData::new(batch.labels.clone(), [batch.labels.len()]), &self.device);
        let loss = bce_with_logits(logits.clone(), labels);
        let mut grads = loss.backward();
        let row_grads: Vec<_> = leaves.iter().map(|leaf| leaf.grad_remove(&mut grads)).collect();
        let host = |grad: &Tensor<B, 3>| grad.to_data().iter::<f32>().collect::<Vec<_>>();
        let step = Step {
            logits: logits.into_data().iter::<f32>().collect(),
            loss: loss.into_data().iter::<f32>().next().unwrap(),
            gradients: parameters::gradients(&self.model, &grads),
            leaves: row_grads.iter().map(|grad| grad.as_ref().map_or_else(Vec::new, host)).collect(),
        };
        self.steps += 1;
        let update = UpdateStep { number: self.steps, rate_scale: 1.0, grad_scale: 1.0 };
        let row_grads = self.tables.reduce(row_grads, plan.lookups());
        self.tables.update(&row_grads, plan.lookups(), update);
        self.model = self.dense.step(self.model.clone(), grads, update);
        step
    }
}
