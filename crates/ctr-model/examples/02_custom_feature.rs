//! Features of one's own: a hashed cross of two fields, and the hour of the day as a point on a circle.
//!
//! A logistic regression on user, item and hour cannot know that a user has a favourite time of the day; with the cross it can. Run with
//! `cargo run --release -p ctr-model --example 02_custom_feature`.
#![allow(clippy::print_stdout, reason = "an example shows what it did")]
#[allow(dead_code, reason = "this example needs a part of it")]
mod common;

use std::f32::consts::TAU;

use common::{Clicks, HOURS, ITEMS, Learner, Train, USERS};
use ctr_model::init::Initializer;
use ctr_model::model::{InputShape, ModelConfig};
use ctr_model::random::Philox;

/// Ids of the crossed field; two pairs may share one.
const BUCKETS: u32 = 4096;

/// User, item, hour, and the pair of user and quarter of the day as one id; a hash that is the same on every machine.
fn crossed(&[user, item, hour]: &[u32; 3]) -> [u32; 4] {
    [user, item, hour, Philox::new(0).block([user, hour / 6, 0, 0])[0] % BUCKETS]
}

/// The hour on a circle: 23 o'clock is beside 0 o'clock.
fn on_a_circle(&[_, _, hour]: &[u32; 3]) -> [f32; 2] {
    let (sin, cos) = (hour as f32 / HOURS as f32 * TAU).sin_cos();
    [sin, cos]
}

/// Trains the registry's logistic regression on `ids` [B, F] and `numeric` [B, N]; gives the log loss of the test rows.
fn train<const F: usize, const N: usize>(
    cardinalities: [u32; F],
    ids: fn(&[u32; 3]) -> [u32; F],
    numeric: fn(&[u32; 3]) -> [f32; N],
) -> Result<f64, Box<dyn std::error::Error>> {
    let device = burn::tensor::Device::<Train>::default();
    let config: ModelConfig = toml::from_str(r#"type = "lr""#)?;
    let shape = InputShape { categorical: F, numeric: N, embedding_dim: 1 };
    config.check(shape)?;
    let model = config.init::<Train>(shape, Initializer::new(1, &device));
    let mut learner = Learner::new(model, &config.tables(shape, 0.01), &cardinalities.map(u64::from))?;

    let features = |clicks: &Clicks| -> (Vec<[u32; F]>, Vec<[f32; N]>) {
        (clicks.ids.iter().map(ids).collect(), clicks.ids.iter().map(numeric).collect())
    };
    let rows = Clicks::draw("train", 100_000);
    let (ids, numeric) = features(&rows);
    for ((ids, numeric), labels) in ids.chunks(200).zip(numeric.chunks(200)).zip(rows.labels.chunks(200)) {
        learner.step(ids.as_flattened(), numeric.as_flattened(), labels)?;
    }
    let test = Clicks::draw("test", 20_000);
    let (ids, numeric) = features(&test);
    Ok(learner.log_loss(ids.as_flattened(), numeric.as_flattened(), &test.labels)?)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let plain = train([USERS, ITEMS, HOURS], |&ids| ids, |_| [])?;
    let own = train([USERS, ITEMS, HOURS, BUCKETS], crossed, on_a_circle)?;
    println!("log loss of other rows: user, item, hour {plain:.5}; with own features {own:.5}");
    Ok(())
}
