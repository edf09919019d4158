//! Any model, with what stands between the tables and it.
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::{CtrModel, ModelInput, ModelKind};
use crate::init::Initializer;
use crate::interaction::FieldProjections;
use crate::mlp::Mlp;
use crate::op::ModelBackend;
use crate::pass::Pass;

/// Any of the models. Its own parameters are named as if it stood alone; those of projections are `projections.maps.FIELD`.
#[derive(Module, Debug)]
pub struct AnyModel<B: Backend> {
    projections: Option<FieldProjections<B>>,
    model: ModelKind<B>,
}

impl<B: ModelBackend> AnyModel<B> {
    /// A model whose fields have the widths it was built for.
    #[must_use]
    pub fn new(model: ModelKind<B>) -> Self {
        Self { projections: None, model }
    }

    /// The same model for embedding rows of these widths, one for each categorical field, which are projected to the widest: the width that the
    /// model was built for.
    #[must_use]
    pub fn projecting(self, widths: &[usize], init: Initializer<'_, B>) -> Self {
        Self { projections: Some(FieldProjections::new("projections", widths, init)), ..self }
    }
}

impl<B: Backend> AnyModel<B> {
    /// The perceptron on the concatenated fields that the model consists of, if it consists of that alone.
    #[must_use]
    pub fn perceptron(&self) -> Option<&Mlp<B>> {
        if self.projections.is_none() { self.model.perceptron() } else { None }
    }
}

impl<B: ModelBackend> CtrModel<B> for AnyModel<B> {
    fn forward(&self, mut input: ModelInput<B>, pass: Pass) -> Tensor<B, 1> {
        // The embedding rows are the first of a model's tables.
        if let (Some(projections), Some(rows)) = (&self.projections, input.embeddings.first_mut()) {
            *rows = projections.forward(rows.clone());
        }
        self.model.forward(input, pass)
    }
}
