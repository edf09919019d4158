use super::super::prediction_difference::{ClickReplicas, PairMatrix, pairwise_relative_pd};
use super::*;

fn mean_of(values: &[f64]) -> impl Fn(&[usize]) -> Option<f64> {
    move |kept| Some(kept.iter().map(|&index| values[index]).sum::<f64>() / kept.len() as f64)
}

fn normal(random: &mut ChaCha8Rng) -> f64 {
    (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0
}

/// M replicas whose logits deviate from a common model by noise of a size of their own.
fn noisy_replicas(models: usize, examples: usize, random: &mut ChaCha8Rng) -> PairMatrix {
    let logits: Vec<Vec<f32>> = (0..models)
        .map(|_| {
            let shift = 0.1 * normal(random);
            (0..examples).map(|i| (-4.0 + 0.1 * i as f64 + shift + 0.1 * normal(random)) as f32).collect()
        })
        .collect();
    pairwise_relative_pd(&ClickReplicas::new(logits.iter().map(Vec::as_slice).collect()).unwrap())
}

/// The share of `trials` in which the interval holds the mean of many replicas.
fn coverage(models: usize, trials: usize, interval: impl Fn(&PairMatrix, u64) -> ReplicaInterval) -> f64 {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let truth = noisy_replicas(400, 10, &mut random).mean();
    let covered = (0..trials)
        .filter(|&trial| {
            let interval = interval(&noisy_replicas(models, 10, &mut random), trial as u64);
            interval.low <= truth && truth <= interval.high
        })
        .count();
    covered as f64 / trials as f64
}

#[test]
fn the_jackknife_of_a_mean_is_the_t_interval() {
    let values = [1.0, 4.0, 2.0, 9.0];
    let interval = jackknife(4, 0.95, mean_of(&values)).unwrap();
    let variance = values.iter().map(|v| (v - 4.0f64).powi(2)).sum::<f64>() / 3.0;
    assert!((interval.standard_error - (variance / 4.0).sqrt()).abs() < 1e-12);
    assert!((interval.high - 4.0 - 3.182_446_305 * interval.standard_error).abs() < 1e-8);
    assert_eq!(interval.estimate, 4.0);
}

#[test]
fn ninety_five_per_cent_cover_about_that_many() {
    let covered = coverage(10, 1500, |pairs, _| jackknife(10, 0.95, |kept| pairs.mean_over(kept)).unwrap());
    assert!((0.93..=0.97).contains(&covered), "{covered}");
}

#[test]
fn the_bootstrap_follows_its_seed_and_is_narrow_for_few_replicas() {
    let values = [1.0, 4.0, 2.0, 9.0, 3.0];
    let first = bootstrap(5, 0.9, 500, 7, mean_of(&values)).unwrap();
    assert_eq!(first, bootstrap(5, 0.9, 500, 7, mean_of(&values)).unwrap());
    assert_ne!(first, bootstrap(5, 0.9, 500, 8, mean_of(&values)).unwrap());
    assert!(first.low < first.estimate && first.estimate < first.high);
    let covered = coverage(8, 150, |pairs, seed| bootstrap(8, 0.95, 200, seed, |kept| pairs.mean_over(kept)).unwrap());
    assert!((0.75..0.97).contains(&covered), "{covered}");
}

#[test]
fn samples_without_a_pair_are_drawn_again() {
    let pairs = noisy_replicas(3, 5, &mut ChaCha8Rng::seed_from_u64(1));
    let interval = bootstrap(3, 0.95, 300, 3, |kept| pairs.mean_over(kept)).unwrap();
    assert!(interval.low > 0.0 && interval.high.is_finite());
    assert!(bootstrap(3, 0.95, 300, 3, |_| None).is_err());
}

#[test]
fn too_few_replicas_and_bad_arguments_are_errors() {
    let values = [1.0, 2.0, 3.0];
    let error = jackknife(2, 0.95, mean_of(&values)).unwrap_err();
    assert!(error.to_string().contains("needs at least 3 models, got 2"), "{error}");
    assert!(jackknife(3, 1.0, mean_of(&values)).is_err());
    assert!(jackknife(3, f64::NAN, mean_of(&values)).is_err());
    assert!(bootstrap(3, 0.95, 1, 0, mean_of(&values)).is_err());
    assert!(jackknife(3, 0.95, |_| Some(f64::NAN)).is_err());
}

#[test]
fn identical_replicas_have_an_interval_of_exactly_zero() {
    let same = [0.3f32, -2.0];
    let pairs = pairwise_relative_pd(&ClickReplicas::new(vec![&same; 4]).unwrap());
    let interval = jackknife(4, 0.95, |kept| pairs.mean_over(kept)).unwrap();
    assert_eq!((interval.estimate, interval.low, interval.high), (0.0, 0.0, 0.0));
}
