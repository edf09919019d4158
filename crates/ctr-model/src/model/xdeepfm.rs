//! xDeepFM.
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::{Architecture, CtrModel, EMBEDDING, InputShape, LINEAR, ModelError, ModelInput, check};
use crate::init::Initializer;
use crate::interaction::{CompressedInteraction, FieldEmbedding, FirstOrder, flatten};
use crate::linear::Linear;
use crate::mlp::Mlp;
use crate::op::ModelBackend;
use crate::pass::Pass;

super::keys::with_perceptron! {
    /// Keys of `[model]` for `type = "xdeepfm"`.
    XDeepFmConfig(empty = "`[]` leaves the perceptron out") {
        /// Feature maps of each layer of the compressed interaction network, from input to output; at least one layer. Required.
        cin_units: Vec<usize>,
    }
}

/// `z = Σ_f w_f + w·CIN(e) + b + MLP([e_1; …; e_F])`, numeric fields embedded like the others.
///
/// # Shapes
/// embeddings [B, F, D], weights [B, F, 1], numeric fields [B, N] → \[B\].
///
/// # Reference
/// Lian et al., "xDeepFM: combining explicit and implicit feature interactions for recommender systems", arXiv 1803.05170, equation 9.
#[derive(Module, Debug)]
pub struct XDeepFm<B: Backend> {
    linear: FirstOrder<B>,
    fields: FieldEmbedding<B>,
    cin: CompressedInteraction<B>,
    output: Linear<B>,
    mlp: Option<Mlp<B>>,
}

impl Architecture for XDeepFmConfig {
    type Model<B: Backend> = XDeepFm<B>;

    fn tables(&self, shape: InputShape) -> Vec<(&'static str, usize)> {
        vec![(EMBEDDING, shape.embedding_dim), (LINEAR, 1)]
    }

    fn check(&self, _shape: InputShape) -> Result<(), ModelError> {
        check::some_widths("cin_units", &self.cin_units)?;
        check::perceptron(&self.mlp())
    }

    fn init<B: ModelBackend>(&self, shape: InputShape, init: Initializer<'_, B>) -> XDeepFm<B> {
        let deep = !self.hidden_units.is_empty();
        XDeepFm {
            linear: FirstOrder::without_bias("linear", shape.numeric, init),
            fields: FieldEmbedding::new("fields", shape.numeric, shape.embedding_dim, init),
            cin: CompressedInteraction::new("cin", shape.fields(), &self.cin_units, init),
            output: Linear::new("output", self.cin_units.iter().sum(), 1, init),
            mlp: deep.then(|| self.mlp().init("mlp", shape.embedded(), init)),
        }
    }
}

impl<B: ModelBackend> CtrModel<B> for XDeepFm<B> {
    fn forward(&self, input: ModelInput<B>, pass: Pass) -> Tensor<B, 1> {
        let ([embeddings, weights], numeric) = input.split();
        let fields = self.fields.forward(embeddings, numeric.clone()); // [B, F + N, D]
        let explicit = self.output.forward(self.cin.forward(fields.clone())).squeeze_dim(1); // [B]
        let logits = self.linear.forward(weights, numeric) + explicit;
        match &self.mlp {
            Some(mlp) => logits + mlp.forward(flatten(fields), pass),
            None => logits,
        }
    }
}
