//! What the examples share: made-up clicks, and the training loop of a model with tables outside autodiff.
use burn::backend::{Autodiff, Flex};
use burn::module::AutodiffModule;
use burn::tensor::{ElementConversion, Tensor, TensorData};
use ctr_data::{Bags, DataError, RowLayout, RowPlan, RowPlanner};
use ctr_model::Pass;
use ctr_model::embedding::{EmbeddingTables, Lookups, TableSpec, UpdateRule};
use ctr_model::loss::bce_with_logits;
use ctr_model::model::{CtrModel, ModelInput};
use ctr_model::optim::{AdagradConfig, AdamConfig, DenseOptimizer, OptimizerConfig, RowOptimizerConfig, UpdateStep};
use ctr_model::random::Philox;

/// The backend that trains: autodiff around Burn's `Flex`.
pub(crate) type Train = Autodiff<Flex>;

/// Clicks of users on items at an hour of the day. A user and an item agree or not, and each user has a favourite quarter of the day.
pub(crate) struct Clicks {
    /// User, item and hour of each row, [B, 3].
    pub(crate) ids: Vec<[u32; 3]>,
    /// Whether it was a click, \[B\].
    pub(crate) labels: Vec<f32>,
}

pub(crate) const USERS: u32 = 200;
pub(crate) const ITEMS: u32 = 100;
pub(crate) const HOURS: u32 = 24;

impl Clicks {
    /// Rows of a named stream: the same seed and name give the same rows.
    pub(crate) fn draw(name: &str, rows: usize) -> Self {
        let stream = Philox::named(7, name);
        let (mut ids, mut labels) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
        for row in 0..rows as u32 {
            let draw = stream.block([row, 0, 0, 0]);
            let (user, item, hour) = (draw[0] % USERS, draw[1] % ITEMS, draw[2] % HOURS);
            let agree = if (user * 7 + item * 3) % 5 < 2 { 1.2 } else { -0.8 };
            let awake = if hour / 6 == user % 4 { 1.0 } else { -0.6 };
            let p = 1.0 / (1.0 + f32::exp(-(agree + awake - 0.5)));
            ids.push([user, item, hour]);
            labels.push(f32::from(u8::from((draw[3] as f32) < p * 2.0_f32.powi(32))));
        }
        Self { ids, labels }
    }
}

/// A model in training: the dense part in Burn, the tables beside it.
pub(crate) struct Learner<M> {
    pub(crate) model: M,
    tables: EmbeddingTables,
    dense: DenseOptimizer<Flex>,
    layout: RowLayout,
    planner: RowPlanner,
    steps: u64,
}

impl<M: CtrModel<Train> + AutodiffModule<Train>> Learner<M> {
    /// `specs` are the tables that the model looks its rows up in, `cardinalities` the numbers of ids of the fields.
    pub(crate) fn new(
        model: M,
        specs: &[TableSpec],
        cardinalities: &[u64],
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let layout = RowLayout::new(cardinalities.iter().copied());
        let rows = RowOptimizerConfig::Adagrad(AdagradConfig { learning_rate: 0.1, ..AdagradConfig::default() });
        Ok(Self {
            model,
            tables: EmbeddingTables::new(specs, layout.rows, UpdateRule::sparse(rows), 1)?,
            dense: DenseOptimizer::new(OptimizerConfig::Adam(AdamConfig {
                learning_rate: 5e-3,
                ..AdamConfig::default()
            })),
            layout,
            planner: RowPlanner::new(),
            steps: 0,
        })
    }

    /// One step on a batch of ids [B, F] (row-major), numeric fields [B, N] and labels \[B\]; gives the loss before the update.
    pub(crate) fn step(&mut self, ids: &[u32], numeric: &[f32], labels: &[f32]) -> Result<f64, DataError> {
        let device = burn::tensor::Device::<Train>::default();
        let plan = self.planner.plan(ids, &Bags::default(), &self.layout)?;
        // Leaves: the gathered rows are where autodiff begins.
        let leaves = self.tables.gather::<Train>(lookups(&plan), labels.len(), &device);
        let leaves: Vec<_> = leaves.into_iter().map(Tensor::require_grad).collect();
        let pass = Pass::Train { dropout_seed: 1, step: self.steps };
        let logits = self.model.forward(input(leaves.clone(), numeric, labels.len()), pass);
        let targets = Tensor::from_data(TensorData::new(labels.to_vec(), [labels.len()]), &device);
        let loss = bce_with_logits(logits, targets);
        let mut grads = loss.backward();
        // The gradient of a row is the sum over its lookups, in an order that no thread changes.
        let leaf_grads = leaves.iter().map(|leaf| leaf.grad_remove(&mut grads)).collect();
        let row_grads = self.tables.reduce(leaf_grads, lookups(&plan));
        self.steps += 1;
        let step = UpdateStep { number: self.steps, rate_scale: 1.0, grad_scale: 1.0 };
        self.tables.update(&row_grads, lookups(&plan), step);
        self.model = self.dense.step(self.model.clone(), grads, step);
        Ok(loss.into_scalar().elem())
    }

    /// The mean log loss, in nats, of rows that the model does not learn from.
    pub(crate) fn log_loss(&mut self, ids: &[u32], numeric: &[f32], labels: &[f32]) -> Result<f64, DataError> {
        let device = burn::tensor::Device::<Train>::default();
        let plan = self.planner.plan(ids, &Bags::default(), &self.layout)?;
        let rows = self.tables.gather::<Train>(lookups(&plan), labels.len(), &device);
        let logits = self.model.forward(input(rows, numeric, labels.len()), Pass::Evaluate);
        let targets = Tensor::from_data(TensorData::new(labels.to_vec(), [labels.len()]), &device);
        Ok(bce_with_logits(logits, targets).into_scalar().elem())
    }
}

fn input(embeddings: Vec<Tensor<Train, 3>>, numeric: &[f32], rows: usize) -> ModelInput<Train> {
    let fields = numeric.len() / rows;
    let data = TensorData::new(numeric.to_vec(), [rows, fields]);
    ModelInput {
        embeddings,
        numeric: (fields > 0).then(|| Tensor::from_data(data, &burn::tensor::Device::<Train>::default())),
    }
}

fn lookups(plan: &RowPlan) -> Lookups<'_> {
    Lookups {
        rows: &plan.rows,
        inverse: &plan.inverse,
        offsets: &plan.offsets,
        order: &plan.order,
        bags: &plan.bags,
        factors: &plan.factors,
    }
}
