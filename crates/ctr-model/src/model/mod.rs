//! The models, one file each.
#![allow(clippy::large_enum_variant, reason = "a process holds one model, and the derived records cannot be annotated")]
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};

mod dnn;
mod lr;

pub use dnn::{Dnn, DnnConfig};
pub use lr::{Lr, LrConfig};

use crate::embedding::TableSpec;
use crate::init::Initializer;
use crate::op::ModelBackend;
use crate::pass::Pass;

/// The specification of the embedding rows, of which a field may have a width of its own.
pub const EMBEDDING_TABLE: &str = dnn::TABLE;

/// What a model sees of a batch.
#[derive(Clone, Debug)]
pub struct ModelInput<B: Backend> {
    /// The gathered rows of each table of [`ModelConfig::tables`], [B, F, D]; rows of several widths are concatenated, [B, 1, ΣD].
    pub embeddings: Vec<Tensor<B, 3>>,
    /// The numeric fields, [B, N]; `None` when there are none.
    pub numeric: Option<Tensor<B, 2>>,
}

/// The shape of the data that a model is built for. Fields with embeddings of several widths count as one, as wide as all of them together;
/// only a model that [concatenates](ModelConfig::concatenates) can be built for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputShape {
    /// Categorical fields, F.
    pub categorical: usize,
    /// Numeric fields, N.
    pub numeric: usize,
    /// Width of an embedding row, D.
    pub embedding_dim: usize,
}

/// A click-through-rate model.
pub trait CtrModel<B: ModelBackend>: Module<B> {
    /// The logits of a batch, \[B\].
    fn forward(&self, input: ModelInput<B>, pass: Pass) -> Tensor<B, 1>;
}

/// The model to train, told apart by the key `type`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ModelConfig {
    /// `type = "lr"`: logistic regression, one weight per feature value and a bias.
    Lr(LrConfig),
    /// `type = "dnn"`: concatenated embeddings, then a multi-layer perceptron.
    Dnn(DnnConfig),
}

/// Any of the models.
#[derive(Module, Debug)]
pub enum AnyModel<B: Backend> {
    /// See [`Lr`].
    Lr(Lr<B>),
    /// See [`Dnn`].
    Dnn(Dnn<B>),
}

impl ModelConfig {
    /// Whether the model concatenates the embeddings of all fields and does nothing else with them, so that their widths may differ.
    #[must_use]
    pub fn concatenates(&self) -> bool {
        matches!(self, Self::Dnn(_))
    }

    /// The tables that the model looks its rows up in.
    #[must_use]
    pub fn tables(&self, shape: InputShape, init_std: f64) -> Vec<TableSpec> {
        let (name, width) = match self {
            Self::Lr(_) => (lr::TABLE, 1),
            Self::Dnn(_) => (dnn::TABLE, shape.embedding_dim),
        };
        vec![TableSpec { name: name.to_owned(), width, init_std }]
    }

    /// The model with its initial dense parameters.
    #[must_use]
    pub fn init<B: ModelBackend>(&self, shape: InputShape, init: Initializer<'_, B>) -> AnyModel<B> {
        match self {
            Self::Lr(config) => AnyModel::Lr(lr::init(config, shape, init)),
            Self::Dnn(config) => AnyModel::Dnn(dnn::init(config, shape, init)),
        }
    }
}

impl<B: ModelBackend> CtrModel<B> for AnyModel<B> {
    fn forward(&self, input: ModelInput<B>, pass: Pass) -> Tensor<B, 1> {
        match self {
            Self::Lr(model) => model.forward(input, pass),
            Self::Dnn(model) => model.forward(input, pass),
        }
    }
}
