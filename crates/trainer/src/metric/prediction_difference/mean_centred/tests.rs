use super::super::{LabelDistributions, argmax_churn, pairwise_relative_pd};
use super::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn close(got: f64, expected: f64) {
    assert!((got - expected).abs() < 1e-12, "got {got}, expected {expected}");
}

/// Distributions [no click, click] of click probabilities.
fn clicks(p: &[f64]) -> Vec<f64> {
    p.iter().flat_map(|&p| [1.0 - p, p]).collect()
}

#[test]
fn two_models_on_the_click_label() {
    // The case "p2" of the reference values: on two labels Δ₁ counts the click's deviation twice.
    let a = clicks(&[0.1, 0.4, 0.02, 0.75]);
    let b = clicks(&[0.14, 0.38, 0.01, 0.77]);
    let replicas = LabelDistributions::new(vec![&a, &b], 2).unwrap();
    close(norm_pd(&replicas, Norm::L1).value(), 2.0 * 0.011_250_000_000_000_007);
    close(true_label_relative_pd(&replicas, &[1; 4]).unwrap().value(), 0.134_699_730_094_466_95);
}

#[test]
fn two_models_from_logits() {
    // The same case through f32 logits: their rounding is all that differs.
    let logit = |p: f64| (p / (1.0 - p)).ln() as f32;
    let a = [0.1, 0.4, 0.02, 0.75].map(logit);
    let b = [0.14, 0.38, 0.01, 0.77].map(logit);
    let replicas = ClickReplicas::new(vec![&a, &b]).unwrap();
    let near = |got: f64, expected: f64| assert!((got / expected - 1.0).abs() < 1e-5, "got {got}, expected {expected}");
    near(relative_mean_centred_pd(&replicas).value(), 0.134_699_730_094_466_95);
    near(pairwise_relative_pd(&replicas).mean(), 0.269_399_460_188_933_96);
    near(absolute_mean_centred_pd(&replicas).value(), 0.011_250_000_000_000_007);
    near(norm_pd(&replicas, Norm::L1).value(), 2.0 * 0.011_250_000_000_000_007);
    near(norm_pd(&replicas, Norm::L2).value(), 2f64.sqrt() * 0.011_250_000_000_000_007);
}

#[test]
fn three_models_on_three_labels() {
    // The case "P3" of the reference values.
    let models: [&[f64]; 3] =
        [&[0.7, 0.2, 0.1, 0.3, 0.3, 0.4], &[0.6, 0.3, 0.1, 0.2, 0.5, 0.3], &[0.8, 0.1, 0.1, 0.25, 0.35, 0.4]];
    let replicas = LabelDistributions::new(models.to_vec(), 3).unwrap();
    close(norm_pd(&replicas, Norm::L1).value(), 0.144_444_444_444_444_5);
    close(norm_pd(&replicas, Norm::L2).value(), 0.096_015_914_286_763_72);
    close(relative_pd_over_labels(&replicas).value(), 0.443_007_716_920_760_5);
    close(hellinger_pd(&replicas).value(), 0.059_817_132_902_700_9);
    close(true_label_relative_pd(&replicas, &[0, 1]).unwrap().value(), 0.149_068_322_981_366_52);
    close(argmax_churn(&replicas).mean(), 0.333_333_333_333_333_3);
}

#[test]
fn true_labels_are_checked() {
    let p = clicks(&[0.1, 0.4]);
    let replicas = LabelDistributions::new(vec![&p, &p], 2).unwrap();
    assert!(true_label_relative_pd(&replicas, &[0]).is_err());
    let error = true_label_relative_pd(&replicas, &[0, 2]).unwrap_err();
    assert_eq!(error.to_string(), "row 1: the true label is 2, expected one below 2");
}

#[test]
fn identical_models_have_exactly_zero_difference() {
    // Three times 0.1, divided by 3, is not 0.1 in plain f64.
    let p: Vec<f64> = clicks(&[0.1, 0.7, 1.0 / 3.0, 1e-9]);
    let replicas = LabelDistributions::new(vec![&p, &p, &p], 2).unwrap();
    assert_eq!(norm_pd(&replicas, Norm::L1).value(), 0.0);
    assert_eq!(hellinger_pd(&replicas).value(), 0.0);
    assert_eq!(relative_pd_over_labels(&replicas).value(), 0.0);
}

#[test]
fn trap_two_mean_centred_grows_with_the_number_of_models_and_pairwise_does_not() {
    let mut random = ChaCha8Rng::seed_from_u64(11);
    // Sums of twelve uniforms are near enough to normal; one-in-a-thousand clicks keep p close to exp(z).
    let mut normal = || (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
    let logits: Vec<Vec<f32>> = (0..32).map(|_| (0..4000).map(|_| (0.05 * normal() - 7.0) as f32).collect()).collect();
    let measure = |models: usize| {
        let replicas = ClickReplicas::new(logits[..models].iter().map(Vec::as_slice).collect()).unwrap();
        (pairwise_relative_pd(&replicas).mean(), relative_mean_centred_pd(&replicas).value())
    };
    let (pairwise_2, centred_2) = measure(2);
    let (pairwise_32, centred_32) = measure(32);
    assert!((pairwise_32 / pairwise_2 - 1.0).abs() < 0.04, "{pairwise_32} {pairwise_2}");
    let growth = (31.0f64 / 32.0).sqrt() / (1.0f64 / 2.0).sqrt();
    assert!((centred_32 / centred_2 / growth - 1.0).abs() < 0.04, "{centred_32} {centred_2}");
    let corrected = (centred_32 * replica_count_correction(32)) / (centred_2 * replica_count_correction(2));
    assert!((corrected - 1.0).abs() < 0.04, "{corrected}");
}

#[test]
fn chunks_of_examples_merge() {
    let a = [0.3f32, -1.0, 2.0, 0.7];
    let b = [0.1f32, -1.5, 2.5, 0.7];
    let part =
        |range: std::ops::Range<usize>| hellinger_pd(&ClickReplicas::new(vec![&a[range.clone()], &b[range]]).unwrap());
    let mut merged = part(2..4);
    merged.merge(&part(0..2));
    assert_eq!(merged.value(), part(0..4).value());
}
