//! The models, one file each.
//!
//! A file holds the keys of `[model]` (`…Config`), the module, and how the one is made of the other ([`Architecture`]). The list of all
//! models is `registry`, one line each; what they are made of lies in [`interaction`](crate::interaction) and [`mlp`](crate::mlp).
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

mod afm;
mod afn;
mod any;
mod autoint;
mod check;
mod cross_head;
mod dcn;
mod dcn_v2;
mod deepfm;
mod dlrm;
mod dnn;
mod edcn;
mod ensemble;
mod ffm;
mod fibinet;
mod finalmlp;
mod fm;
mod fmfm;
mod fwfm;
mod gdcn;
mod ipnn;
mod keys;
mod lr;
mod masknet;
mod nfm;
mod registry;
mod wide_deep;
mod xdeepfm;

pub use afm::{Afm, AfmConfig};
pub use afn::{Afn, AfnConfig};
pub use any::AnyModel;
pub use autoint::{AutoInt, AutoIntConfig};
pub use check::ModelError;
pub use cross_head::{CrossHead, CrossStructure};
pub use dcn::{Dcn, DcnConfig};
pub use dcn_v2::{AnyCrossNetwork, DcnV2, DcnV2Config};
pub use deepfm::{DeepFm, DeepFmConfig};
pub use dlrm::{Dlrm, DlrmConfig, DlrmInteraction};
pub use dnn::{Dnn, DnnConfig};
pub use edcn::{Edcn, EdcnConfig};
pub use ensemble::{Ensemble, EnsembleConfig, MemberCost, MemberPrediction, MemberTables, Predictor};
pub use ffm::{Ffm, FfmConfig};
pub use fibinet::{FiBiNet, FiBiNetConfig, FiBiNetMatrices};
pub use finalmlp::{FinalMlp, FinalMlpConfig};
pub use fm::{Fm, FmConfig};
pub use fmfm::{FmFm, FmFmConfig, FmFmInteraction};
pub use fwfm::{FwFm, FwFmConfig, FwFmLinear};
pub use gdcn::{Gdcn, GdcnConfig};
pub use ipnn::{Ipnn, IpnnConfig};
pub use lr::{Lr, LrConfig};
pub use masknet::{MaskNet, MaskNetConfig, MaskNetStructure};
pub use nfm::{Nfm, NfmConfig};
pub use registry::{ModelConfig, ModelInfo, ModelKind};
pub use wide_deep::{WideDeep, WideDeepConfig};
pub use xdeepfm::{XDeepFm, XDeepFmConfig};

use crate::init::Initializer;
use crate::op::ModelBackend;
use crate::pass::Pass;

/// The specification of the embedding rows, of which a field may have a width of its own.
pub const EMBEDDING_TABLE: &str = EMBEDDING;

/// The table of the embedding rows.
const EMBEDDING: &str = "embedding";
/// The table of the first-order weights, rows of width 1.
const LINEAR: &str = "linear";

/// What a model sees of a batch.
#[derive(Clone, Debug)]
pub struct ModelInput<B: Backend> {
    /// The gathered rows of each table of [`ModelConfig::tables`], [B, F, D], or [B, n, D] where n fields alone look rows up there; rows of several
    /// widths are concatenated, [B, 1, ΣD].
    pub embeddings: Vec<Tensor<B, 3>>,
    /// The numeric fields, [B, N]; `None` when there are none.
    pub numeric: Option<Tensor<B, 2>>,
}

impl<B: Backend> ModelInput<B> {
    /// The rows of each of the model's `T` tables, and the numeric fields.
    fn split<const T: usize>(self) -> ([Tensor<B, 3>; T], Option<Tensor<B, 2>>) {
        let found = self.embeddings.len();
        let Ok(tables) = self.embeddings.try_into() else {
            panic!("the model looks rows up in {T} tables, but was given the rows of {found}");
        };
        (tables, self.numeric)
    }

    /// The rows of the model's first table, those of its others, and the numeric fields.
    fn split_first(self) -> (Tensor<B, 3>, impl Iterator<Item = Tensor<B, 3>>, Option<Tensor<B, 2>>) {
        let mut tables = self.embeddings.into_iter();
        let Some(first) = tables.next() else { panic!("the model looks rows up, but was given none") };
        (first, tables, self.numeric)
    }
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

impl InputShape {
    /// Fields of both kinds, F + N.
    #[must_use]
    pub fn fields(self) -> usize {
        self.categorical + self.numeric
    }

    /// Width of the embeddings of the categorical fields beside the numbers of the numeric ones, F·D + N.
    #[must_use]
    pub fn concatenated(self) -> usize {
        self.categorical * self.embedding_dim + self.numeric
    }

    /// Width of the embeddings of all fields, (F + N)·D.
    #[must_use]
    pub fn embedded(self) -> usize {
        self.fields() * self.embedding_dim
    }
}

/// A table for some fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedFields<'a> {
    /// The key of `[model]` that names the fields.
    pub key: &'static str,
    /// The table.
    pub table: &'static str,
    /// The names of categorical fields.
    pub fields: &'a [String],
}

/// The keys of a model: what they ask for, and the model made of them.
pub trait Architecture {
    /// The model.
    type Model<B: Backend>;

    /// The tables that the model looks its rows up in: the name and the width of each.
    fn tables(&self, shape: InputShape) -> Vec<(&'static str, usize)>;

    /// The tables that some fields alone look their rows up in; all fields do in the others.
    fn named_fields(&self) -> Vec<NamedFields<'_>> {
        Vec::new()
    }

    /// Whether the model can be built for data of this shape.
    ///
    /// # Errors
    /// A key out of its range, or one that the data do not fit, by name.
    fn check(&self, shape: InputShape) -> Result<(), ModelError>;

    /// The model with its initial dense parameters.
    fn init<B: ModelBackend>(&self, shape: InputShape, init: Initializer<'_, B>) -> Self::Model<B>;
}

/// A click-through-rate model.
pub trait CtrModel<B: ModelBackend>: Module<B> {
    /// The logits of a batch, \[B\].
    fn forward(&self, input: ModelInput<B>, pass: Pass) -> Tensor<B, 1>;
}
