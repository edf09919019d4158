//! DLRM.
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};

use super::{Architecture, CtrModel, EMBEDDING, InputShape, ModelError, ModelInput, check};
use crate::init::Initializer;
use crate::interaction::{flatten, inner_products, pair_count};
use crate::mlp::{HiddenLayers, MaskGroup, Mlp, MlpConfig};
use crate::op::ModelBackend;
use crate::pass::Pass;

super::keys::with_perceptron! {
    /// Keys of `[model]` for `type = "dlrm"`; `hidden_units` are those of the top perceptron.
    DlrmConfig(empty = "`[]` leaves one linear layer") {
        /// Hidden widths of the bottom perceptron, which makes one vector of width `embedding.dim` of the numeric fields. Default `[]`.
        #[serde(default)]
        bottom_hidden_units: Vec<usize>,
        /// What the top perceptron sees of the vectors. Default `"dot"`.
        #[serde(default)]
        interaction: DlrmInteraction,
    }
}

/// What the top perceptron of a [`Dlrm`] sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DlrmInteraction {
    /// The inner products of all pairs of vectors, and the numeric fields' vector.
    #[default]
    Dot,
    /// The vectors.
    Cat,
}

/// `z = MLP([d; ⟨v_i, v_j⟩ for i < j])` with `d = bottom(x)` the numeric fields' vector and v the embeddings and d.
///
/// # Shapes
/// embeddings [B, F, D], numeric fields [B, N] → \[B\].
///
/// # Reference
/// Naumov et al., "Deep learning recommendation model for personalization and recommendation systems", arXiv 1906.00091.
#[derive(Module, Debug)]
pub struct Dlrm<B: Backend> {
    bottom: Option<HiddenLayers<B>>,
    mlp: Mlp<B>,
    dot: bool,
}

impl Architecture for DlrmConfig {
    type Model<B: Backend> = Dlrm<B>;

    fn tables(&self, shape: InputShape) -> Vec<(&'static str, usize)> {
        vec![(EMBEDDING, shape.embedding_dim)]
    }

    fn check(&self, shape: InputShape) -> Result<(), ModelError> {
        if self.interaction == DlrmInteraction::Dot && shape.numeric == 0 {
            check::two_fields("dlrm", shape)?;
        }
        if shape.numeric == 0 && !self.bottom_hidden_units.is_empty() {
            let expected = "no such key: the data set has no numeric fields, so there is no bottom perceptron";
            return Err(ModelError::new("bottom_hidden_units", format!("{:?}", self.bottom_hidden_units), expected));
        }
        check::widths("bottom_hidden_units", &self.bottom_hidden_units)?;
        check::perceptron(&self.mlp())
    }

    fn init<B: ModelBackend>(&self, shape: InputShape, init: Initializer<'_, B>) -> Dlrm<B> {
        let (numeric, dim) = (shape.numeric > 0, shape.embedding_dim);
        let bottom = numeric.then(|| {
            let hidden_units = self.bottom_hidden_units.iter().copied().chain([dim]).collect();
            let config = MlpConfig { hidden_units, dropout: 0.0, ..self.mlp() };
            config.init_hidden("bottom", shape.numeric, MaskGroup(1), init)
        });
        let vectors = shape.categorical + usize::from(numeric);
        let inputs = match self.interaction {
            DlrmInteraction::Dot => pair_count(vectors) + dim * usize::from(numeric),
            DlrmInteraction::Cat => vectors * dim,
        };
        let dot = self.interaction == DlrmInteraction::Dot;
        Dlrm { bottom, mlp: self.mlp().init("mlp", inputs, init), dot }
    }
}

impl<B: ModelBackend> CtrModel<B> for Dlrm<B> {
    fn forward(&self, input: ModelInput<B>, pass: Pass) -> Tensor<B, 1> {
        let ([embeddings], numeric) = input.split();
        let dense = numeric.zip(self.bottom.as_ref()).map(|(x, bottom)| bottom.forward(x, pass)); // [B, D]
        let embeddings = (embeddings.dims()[1] > 0).then_some(embeddings);
        let parts: Vec<_> = embeddings.into_iter().chain(dense.clone().map(|dense| dense.unsqueeze_dim(1))).collect();
        let vectors = Tensor::cat(parts, 1); // [B, V, D]
        let features: Vec<_> = match (self.dot, vectors.dims()[1]) {
            (false, _) => vec![flatten(vectors)],
            (true, 1) => dense.into_iter().collect(),
            (true, _) => dense.into_iter().chain([inner_products(vectors)]).collect(),
        };
        self.mlp.forward(Tensor::cat(features, 1), pass)
    }
}
