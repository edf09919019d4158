//! A model of one's own on the embedding tables, the interactions and the perceptron of this crate.
//!
//! Run with `cargo run --release -p ctr-model --example 01_own_model`.
#![allow(clippy::print_stdout, reason = "an example shows what it did")]
mod common;

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use common::{Clicks, HOURS, ITEMS, Learner, Train, USERS};
use ctr_model::embedding::TableSpec;
use ctr_model::init::Initializer;
use ctr_model::interaction::flatten;
use ctr_model::mlp::{Mlp, MlpConfig};
use ctr_model::model::{CtrModel, ModelInput};
use ctr_model::{ModelBackend, Pass};

const DIM: usize = 8;

/// `z = MLP([e_user; e_item; e_hour; e_user ∘ e_item])`.
#[derive(Module, Debug)]
struct Agreement<B: Backend> {
    mlp: Mlp<B>,
}

impl<B: ModelBackend> Agreement<B> {
    fn new(init: Initializer<'_, B>) -> Self {
        // The keys of `[model]` in a config file; every activation of `smelu` may stand here.
        let keys = r#"
            hidden_units = [32, 16]
            activation = "SmeLU(beta=0.5)"
        "#;
        let config: MlpConfig = toml::from_str(keys).expect("the keys above are those of a perceptron");
        Self { mlp: config.init("mlp", 4 * DIM, init) }
    }
}

impl<B: ModelBackend> CtrModel<B> for Agreement<B> {
    fn forward(&self, input: ModelInput<B>, pass: Pass) -> Tensor<B, 1> {
        let [fields] = input.embeddings.try_into().expect("one table, as in `main`"); // [B, 3, D]
        let (user, item) = (fields.clone().narrow(1, 0, 1), fields.clone().narrow(1, 1, 1));
        let agreement = (user * item).squeeze_dim::<2>(1); // [B, D]
        self.mlp.forward(Tensor::cat(vec![flatten(fields), agreement], 1), pass)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = burn::tensor::Device::<Train>::default();
    let model = Agreement::new(Initializer::new(1, &device));
    let table = TableSpec::new("embedding", DIM, 0.3);
    let mut learner = Learner::new(model, &[table], &[USERS, ITEMS, HOURS].map(u64::from))?;

    let (train, test) = (Clicks::draw("train", 100_000), Clicks::draw("test", 20_000));
    println!("rows seen   log loss of other rows");
    for (part, (ids, labels)) in train.ids.chunks(20_000).zip(train.labels.chunks(20_000)).enumerate() {
        for (ids, labels) in ids.chunks(200).zip(labels.chunks(200)) {
            learner.step(ids.as_flattened(), &[], labels)?;
        }
        let loss = learner.log_loss(test.ids.as_flattened(), &[], &test.labels)?;
        println!("{:>9}   {loss:.5}", 20_000 * (part + 1));
    }
    Ok(())
}
