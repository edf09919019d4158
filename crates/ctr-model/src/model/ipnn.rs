//! Inner-product-based neural network.
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::{Architecture, CtrModel, EMBEDDING, InputShape, ModelError, ModelInput, check};
use crate::init::Initializer;
use crate::interaction::{FieldEmbedding, flatten, inner_products, pair_count};
use crate::mlp::Mlp;
use crate::op::ModelBackend;
use crate::pass::Pass;

super::keys::with_perceptron! {
    /// Keys of `[model]` for `type = "ipnn"`: those of the perceptron.
    IpnnConfig(empty = "`[]` leaves one linear layer") {}
}

/// `z = MLP([e_1; …; e_F; ⟨e_1, e_2⟩; …; ⟨e_{F−1}, e_F⟩])`, numeric fields embedded like the others.
///
/// # Shapes
/// embeddings [B, F, D], numeric fields [B, N] → \[B\].
///
/// # Reference
/// Qu et al., "Product-based neural networks for user response prediction", arXiv 1611.00144, the variant IPNN.
#[derive(Module, Debug)]
pub struct Ipnn<B: Backend> {
    fields: FieldEmbedding<B>,
    mlp: Mlp<B>,
}

impl Architecture for IpnnConfig {
    type Model<B: Backend> = Ipnn<B>;

    fn tables(&self, shape: InputShape) -> Vec<(&'static str, usize)> {
        vec![(EMBEDDING, shape.embedding_dim)]
    }

    fn check(&self, shape: InputShape) -> Result<(), ModelError> {
        check::two_fields("ipnn", shape)?;
        check::perceptron(&self.mlp())
    }

    fn init<B: ModelBackend>(&self, shape: InputShape, init: Initializer<'_, B>) -> Ipnn<B> {
        Ipnn {
            fields: FieldEmbedding::new("fields", shape.numeric, shape.embedding_dim, init),
            mlp: self.mlp().init("mlp", shape.embedded() + pair_count(shape.fields()), init),
        }
    }
}

impl<B: ModelBackend> CtrModel<B> for Ipnn<B> {
    fn forward(&self, input: ModelInput<B>, pass: Pass) -> Tensor<B, 1> {
        let ([embeddings], numeric) = input.split();
        let fields = self.fields.forward(embeddings, numeric); // [B, F + N, D]
        let products = inner_products(fields.clone()); // [B, P]
        self.mlp.forward(Tensor::cat(vec![flatten(fields), products], 1), pass)
    }
}
