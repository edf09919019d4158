//! Confidence intervals for quantities of a set of replicas.
//!
//! Pairs share replicas and replicas share examples, so neither pairs nor examples are independent draws: replicas are
//! what was repeated, and replicas are what is resampled. The functions take the statistic as a closure over the
//! indices of the replicas kept, so one call serves a PD
//! ([`PairMatrix::mean_over`](super::prediction_difference::PairMatrix::mean_over)), a mean AUC, or the difference of
//! two settings whose replicas are paired by seed:
//!
//! ```
//! use trainer::metric::{jackknife, prediction_difference::{ClickReplicas, pairwise_relative_pd}};
//! # let a = [[0.1f32, -1.0], [0.2, -1.1], [0.0, -0.8], [0.1, -0.7]];
//! # let b = [[0.1f32, -1.0], [0.1, -1.1], [0.1, -0.9], [0.1, -1.0]];
//! # fn pd(m: &[[f32; 2]]) -> trainer::metric::prediction_difference::PairMatrix {
//! #     pairwise_relative_pd(&ClickReplicas::new(m.iter().map(|row| row.as_slice()).collect()).unwrap())
//! # }
//! let (relu, smelu) = (pd(&a), pd(&b)); // replica m of both used seed m
//! let difference = |kept: &[usize]| Some(smelu.mean_over(kept)? - relu.mean_over(kept)?);
//! let interval = jackknife(relu.models(), 0.95, difference)?;
//! assert!(interval.low < interval.estimate && interval.estimate < interval.high);
//! # Ok::<(), trainer::metric::MetricError>(())
//! ```

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::MetricError;
use super::student_t::two_sided_quantile;

/// How an interval was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntervalMethod {
    /// [`jackknife`].
    Jackknife,
    /// [`bootstrap`].
    Bootstrap,
}

/// A confidence interval over replicas.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ReplicaInterval {
    /// The statistic over all replicas.
    pub estimate: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Lower end; not cut at 0, also for quantities that cannot be negative.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Nominal coverage, for example 0.95.
    pub confidence: f64,
    /// Number of replicas.
    pub models: usize,
    /// How it was made.
    pub method: IntervalMethod,
}

/// Delete-one jackknife over M ≥ 3 replicas: `estimate ± t_{M−1} · √((M − 1)/M · Σ_j (θ₋ⱼ − θ̄)²)`, θ₋ⱼ the
/// statistic without replica j and θ̄ their mean.
///
/// `statistic` is given the indices of the replicas kept. Mean-centred PD depends on the number of replicas: multiply
/// by [`replica_count_correction`](super::prediction_difference::replica_count_correction) of the number kept inside
/// it.
///
/// # Errors
/// Fewer than 3 replicas, a confidence outside (0, 1), a statistic that is `None` or not finite.
///
/// # Reference
/// B. Efron and C. Stein, "The jackknife estimate of variance", 1981; for means over pairs, J. N. Arvesen, "Jackknifing
/// U-statistics", 1969.
pub fn jackknife(
    models: usize,
    confidence: f64,
    statistic: impl Fn(&[usize]) -> Option<f64>,
) -> Result<ReplicaInterval, MetricError> {
    check("the jackknife over replicas", models, confidence)?;
    let all: Vec<usize> = (0..models).collect();
    let estimate = defined(statistic(&all))?;
    let mut without = Vec::with_capacity(models);
    for left_out in 0..models {
        let kept: Vec<usize> = all.iter().copied().filter(|&model| model != left_out).collect();
        without.push(defined(statistic(&kept))?);
    }
    let m = models as f64;
    let mean = without.iter().sum::<f64>() / m;
    let squares = without.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    let standard_error = ((m - 1.0) / m * squares).sqrt();
    let reach = two_sided_quantile(confidence, models - 1) * standard_error;
    let (low, high) = (estimate - reach, estimate + reach);
    Ok(ReplicaInterval { estimate, standard_error, low, high, confidence, models, method: IntervalMethod::Jackknife })
}

/// Percentile bootstrap over M ≥ 3 replicas: `resamples` samples of M replicas with replacement, drawn from a `ChaCha8`
/// stream of `seed`; the interval runs between the (1 ∓ confidence)/2 quantiles of the statistic.
///
/// Samples on which the statistic is `None` (one replica drawn M times has no pair) are drawn again. Makes no
/// assumption of symmetry, but is too narrow for few replicas: below about 15 prefer [`jackknife`].
///
/// # Errors
/// Fewer than 3 replicas, fewer than 2 resamples, a confidence outside (0, 1), a statistic that is undefined or not
/// finite.
pub fn bootstrap(
    models: usize,
    confidence: f64,
    resamples: usize,
    seed: u64,
    statistic: impl Fn(&[usize]) -> Option<f64>,
) -> Result<ReplicaInterval, MetricError> {
    check("the bootstrap over replicas", models, confidence)?;
    if resamples < 2 {
        let (name, value) = ("the number of resamples", resamples as f64);
        return Err(MetricError::Argument { name, value, expected: "at least 2" });
    }
    let all: Vec<usize> = (0..models).collect();
    let estimate = defined(statistic(&all))?;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut sample = vec![0; models];
    let mut values = Vec::with_capacity(resamples);
    let mut undefined_left = 10 * resamples;
    while values.len() < resamples {
        // u64, so that the same seed draws the same replicas on machines of any word size.
        sample.fill_with(|| random.random_range(0..models as u64) as usize);
        match statistic(&sample) {
            None if undefined_left > 0 => undefined_left -= 1,
            value => values.push(defined(value)?),
        }
    }
    values.sort_unstable_by(f64::total_cmp);
    let mean = values.iter().sum::<f64>() / resamples as f64;
    let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    Ok(ReplicaInterval {
        estimate,
        standard_error: (squares / (resamples as f64 - 1.0)).sqrt(),
        low: quantile(&values, (1.0 - confidence) / 2.0),
        high: quantile(&values, f64::midpoint(1.0, confidence)),
        confidence,
        models,
        method: IntervalMethod::Bootstrap,
    })
}

/// The quantile of sorted values, linear between neighbours.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let position = share * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (position - below as f64) * (sorted[above] - sorted[below])
}

fn check(what: &'static str, models: usize, confidence: f64) -> Result<(), MetricError> {
    if models < 3 {
        return Err(MetricError::TooFewModels { what, needed: 3, models });
    }
    if confidence > 0.0 && confidence < 1.0 {
        Ok(())
    } else {
        Err(MetricError::Argument { name: "the confidence", value: confidence, expected: "more than 0, less than 1" })
    }
}

fn defined(value: Option<f64>) -> Result<f64, MetricError> {
    let value = value.unwrap_or(f64::NAN);
    if value.is_finite() {
        Ok(value)
    } else {
        Err(MetricError::Argument { name: "the statistic over replicas", value, expected: "a finite number" })
    }
}

#[cfg(test)]
mod tests;
