//! The terms of the loss against their definitions in f64: values, gradients by finite differences, and targets that get no gradient.
use burn::backend::Autodiff;
use burn::tensor::Tensor;
use ctr_model::ModelBackend;
use ctr_model::loss::{Objective, bce_with_logits, co_distillation, decorrelation, entropy, symmetric_kl};

use crate::backends::on_backends;
use crate::values::{assert_close, elements, normals, vector};

type A<B> = Autodiff<B>;

/// A function of the logits of several models, K of B each.
type Definition<'a> = &'a dyn Fn(&[Vec<f64>]) -> f64;

fn probability(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

/// KL(p‖q) of two Bernoulli distributions.
fn kl(p: f64, q: f64) -> f64 {
    p * (p / q).ln() + (1.0 - p) * ((1.0 - p) / (1.0 - q)).ln()
}

/// −y·ln p − (1 − y)·ln(1 − p).
fn cross_entropy(z: f64, y: f64) -> f64 {
    let p = probability(z);
    -y * p.ln() - (1.0 - y) * (1.0 - p).ln()
}

fn entropy_by_definition(members: &[Vec<f64>]) -> f64 {
    mean(members[0].iter().map(|&z| cross_entropy(z, probability(z))))
}

fn symmetric_kl_by_definition(members: &[Vec<f64>]) -> f64 {
    let pairs = members[0].iter().zip(&members[1]);
    mean(pairs.map(|(&z, &w)| kl(probability(z), probability(w)) + kl(probability(w), probability(z))))
}

fn decorrelation_by_definition(members: &[Vec<f64>]) -> f64 {
    let centred = |z: &Vec<f64>| {
        let mean = mean(z.iter().copied());
        z.iter().map(|z| z - mean).collect::<Vec<f64>>()
    };
    let (c, d) = (centred(&members[0]), centred(&members[1]));
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    (dot(&c, &d) / (dot(&c, &c) * dot(&d, &d)).sqrt()).powi(2)
}

/// Logits of three models, some of them far from 0; the models are related, as trained ones are.
fn logits() -> Vec<Vec<f32>> {
    let common = normals(1, 24);
    let of_model = |model: u64| {
        let own = normals(10 + model, 24);
        let mut logits: Vec<f32> = common.iter().zip(&own).map(|(common, own)| 1.5 * common + 0.7 * own).collect();
        (logits[3], logits[7]) = (6.0, -6.0);
        logits[11] = -3.0 + model as f32;
        logits
    };
    (0..3).map(of_model).collect()
}

fn labels() -> Vec<f32> {
    normals(5, 24).iter().map(|&value| f32::from(value > 0.0)).collect()
}

fn double(values: &[Vec<f32>]) -> Vec<Vec<f64>> {
    values.iter().map(|model| model.iter().map(|&z| f64::from(z)).collect()).collect()
}

/// Compares a term and its gradient to every logit with the definition and its central differences.
fn check<B: ModelBackend>(
    name: &str,
    models: usize,
    term: impl Fn(&[Tensor<A<B>, 1>]) -> Tensor<A<B>, 1>,
    definition: Definition<'_>,
) {
    let values = &logits()[..models];
    let members: Vec<_> = values.iter().map(|z| vector::<A<B>>(z.clone()).require_grad()).collect();
    let value = term(&members);
    let exact = double(values);
    assert_close(name, &elements(value.clone()), &[definition(&exact) as f32], 2e-6);
    let grads = value.backward();
    for (model, member) in members.iter().enumerate() {
        let step = 1e-5;
        let moved = |row: usize, by: f64| {
            let mut moved = exact.clone();
            moved[model][row] += by;
            definition(&moved)
        };
        let rows = 0..exact[model].len();
        let slopes = rows.map(|row| ((moved(row, step) - moved(row, -step)) / (2.0 * step)) as f32);
        let gradient = elements(member.grad(&grads).unwrap());
        assert_close(&format!("{name}, model {model}"), &gradient, &slopes.collect::<Vec<_>>(), 1e-5);
    }
}

fn single_terms_and_their_gradients_are_those_of_the_definitions<B: ModelBackend>() {
    check::<B>("entropy", 1, |m| entropy(m[0].clone()), &entropy_by_definition);
    check::<B>("symmetric KL", 2, |m| symmetric_kl(m[0].clone(), m[1].clone()), &symmetric_kl_by_definition);
    check::<B>("decorrelation", 2, |m| decorrelation(m[0].clone(), m[1].clone()), &decorrelation_by_definition);
}

/// The mean prediction of the other models, for each model.
fn targets_of(members: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let others = (members.len() - 1) as f64;
    let target = |model: usize, row: usize| {
        let sum: f64 = (0..members.len()).filter(|&m| m != model).map(|m| probability(members[m][row])).sum();
        sum / others
    };
    (0..members.len()).map(|model| (0..members[model].len()).map(|row| target(model, row)).collect()).collect()
}

fn towards(members: &[Vec<f64>], targets: &[Vec<f64>]) -> f64 {
    let term = |(z, t): (&Vec<f64>, &Vec<f64>)| mean(z.iter().zip(t).map(|(&z, &t)| cross_entropy(z, t)));
    members.iter().zip(targets).map(term).sum()
}

fn co_distillation_gives_no_gradient_to_its_targets<B: ModelBackend>() {
    for models in [2, 3] {
        // Held where they are: what the finite differences move is the models alone.
        let targets = targets_of(&double(&logits()[..models]));
        check::<B>("co-distillation", models, co_distillation, &|members| towards(members, &targets));
    }
    // With the gradient to the targets it would be another one: the test can tell them apart.
    let exact = double(&logits()[..2]);
    let step = 1e-5;
    let with_targets = |by: f64| {
        let mut moved = exact.clone();
        moved[0][0] += by;
        towards(&moved, &targets_of(&moved))
    };
    let full = (with_targets(step) - with_targets(-step)) / (2.0 * step);
    let members: Vec<_> = logits()[..2].iter().map(|z| vector::<A<B>>(z.clone()).require_grad()).collect();
    let ours = elements(members[0].grad(&co_distillation(&members).backward()).unwrap())[0];
    assert!((f64::from(ours) - full).abs() > 1e-3, "{ours} {full}");
}

fn mixed_labels_mix_the_losses<B: ModelBackend>() {
    // Churn distillation: (1 − λ)·CE(y, f) + λ·CE(f_base, f), the base run fixed.
    let (weight, y) = (0.3, labels());
    let base: Vec<f32> = logits()[1].iter().map(|&z| probability(f64::from(z)) as f32).collect();
    let mixed = y.iter().zip(&base).map(|(y, b)| (1.0 - weight) * y + weight * b).collect::<Vec<f32>>();
    check::<B>("churn", 1, |m| bce_with_logits(m[0].clone(), vector(mixed.clone())), &|members| {
        let against =
            |target: &[f32]| mean(members[0].iter().zip(target).map(|(&z, &t)| cross_entropy(z, f64::from(t))));
        (1.0 - f64::from(weight)) * against(&y) + f64::from(weight) * against(&base)
    });
}

fn the_objective_is_the_weighted_sum_of_its_terms<B: ModelBackend>() {
    let y = labels();
    let objective = Objective {
        entropy: -0.2,
        symmetric_kl: 0.7,
        anti_distillation: 0.4,
        co_distillation: 0.3,
        co_distillation_from: 5,
    };
    let targets = targets_of(&double(&logits()));
    let pairs = |members: &[Vec<f64>], term: &dyn Fn(&[Vec<f64>]) -> f64| {
        let pair = |a: usize, b: usize| term(&[members[a].clone(), members[b].clone()]);
        (pair(0, 1) + pair(0, 2) + pair(1, 2)) / 3.0
    };
    let definition = |members: &[Vec<f64>], co_distillation: f64| {
        let plain = |z: &Vec<f64>| mean(z.iter().zip(&y).map(|(&z, &y)| cross_entropy(z, f64::from(y))));
        members.iter().map(|z| plain(z) - 0.2 * entropy_by_definition(std::slice::from_ref(z))).sum::<f64>()
            + 0.7 * pairs(members, &symmetric_kl_by_definition)
            + 0.4 * pairs(members, &decorrelation_by_definition)
            + co_distillation * towards(members, &targets)
    };
    let loss = |m: &[Tensor<A<B>, 1>], steps| objective.loss(m, &vector(y.clone()), steps);
    check::<B>("objective", 3, |m| loss(m, 5), &|members| definition(members, 0.3));
    check::<B>("objective before co-distillation", 3, |m| loss(m, 4), &|members| definition(members, 0.0));
}

fn extreme_logits_give_numbers<B: ModelBackend>() {
    let far = vector::<A<B>>(vec![200.0, -200.0, 0.0, 1e30]).require_grad();
    let same = vector::<A<B>>(vec![2.0; 4]).require_grad();
    let total = entropy(far.clone()) + decorrelation(same.clone(), same.clone() * 2.0);
    let grads = total.clone().backward();
    let [far, same] = [far, same].map(|z| elements(z.grad(&grads).unwrap()));
    assert!(elements(total).iter().chain(&far).chain(&same).all(|value| value.is_finite()), "{far:?} {same:?}");
}

on_backends!(
    single_terms_and_their_gradients_are_those_of_the_definitions,
    co_distillation_gives_no_gradient_to_its_targets,
    mixed_labels_mix_the_losses,
    the_objective_is_the_weighted_sum_of_its_terms,
    extreme_logits_give_numbers
);
