//! Random numbers whose bits are specified here, not by a library's version or a platform's mathematics.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// `ChaCha8` keyed by BLAKE3's key derivation of some integers (little-endian) under a context that names their use.
pub(crate) fn stream(context: &str, numbers: &[u64]) -> ChaCha8Rng {
    let material: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    ChaCha8Rng::from_seed(blake3::derive_key(context, &material))
}

/// A uniform integer in `0..bound`: Lemire's multiply-and-reject on 64-bit words (ACM TOMACS 29(1), 2019, algorithm 5).
pub(crate) fn below(bound: u64, generator: &mut ChaCha8Rng) -> u64 {
    let mut product = u128::from(generator.next_u64()) * u128::from(bound);
    if (product as u64) < bound {
        let reject_below = bound.wrapping_neg() % bound;
        while (product as u64) < reject_below {
            product = u128::from(generator.next_u64()) * u128::from(bound);
        }
    }
    (product >> 64) as u64
}

/// A uniform multiple of 2⁻⁵³ in [0, 1).
pub(crate) fn unit(generator: &mut ChaCha8Rng) -> f64 {
    (generator.next_u64() >> 11) as f64 * f64::EPSILON / 2.0
}

/// A standard normal value: the cosine half of Box and Muller's pair, so that each value takes two words.
pub(crate) fn normal(generator: &mut ChaCha8Rng) -> f64 {
    let radius = libm::sqrt(-2.0 * libm::log(1.0 - unit(generator)));
    radius * libm::cos(std::f64::consts::TAU * unit(generator))
}

/// Draws from a fixed discrete law in constant time: Walker's alias method in Vose's form (IEEE TSE 17(9), 1991).
#[derive(Debug)]
pub(crate) struct Alias {
    keep: Vec<f64>,
    other: Vec<u32>,
}

impl Alias {
    /// The law with probabilities proportional to `weights`: positive, finite, at least one, at most 2³².
    pub(crate) fn new(weights: &[f64]) -> Self {
        let total: f64 = weights.iter().sum();
        let mean = total / weights.len() as f64;
        let mut keep: Vec<f64> = weights.iter().map(|weight| weight / mean).collect();
        let mut other: Vec<u32> = (0..weights.len() as u32).collect();
        let (mut small, mut large): (Vec<u32>, Vec<u32>) =
            (0..weights.len() as u32).partition(|&value| keep[value as usize] < 1.0);
        while let (Some(&few), Some(&many)) = (small.last(), large.last()) {
            small.pop();
            other[few as usize] = many;
            keep[many as usize] -= 1.0 - keep[few as usize];
            if keep[many as usize] < 1.0 {
                large.pop();
                small.push(many);
            }
        }
        // What is left differs from 1 by rounding only.
        for value in small.into_iter().chain(large) {
            keep[value as usize] = 1.0;
        }
        Self { keep, other }
    }

    pub(crate) fn draw(&self, generator: &mut ChaCha8Rng) -> u32 {
        let value = below(self.keep.len() as u64, generator) as u32;
        if unit(generator) < self.keep[value as usize] { value } else { self.other[value as usize] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alias_draws_follow_the_weights() {
        const DRAWS: u32 = 100_000;
        let weights = [8.0, 4.0, 2.0, 1.0, 1.0];
        let alias = Alias::new(&weights);
        let mut generator = stream("test", &[1]);
        let mut counts = [0_u32; 5];
        for _ in 0..DRAWS {
            counts[alias.draw(&mut generator) as usize] += 1;
        }
        for (count, weight) in counts.into_iter().zip(weights) {
            let p = weight / 16.0;
            let five_sigma = 5.0 * (p * (1.0 - p) * f64::from(DRAWS)).sqrt();
            assert!((f64::from(count) - p * f64::from(DRAWS)).abs() < five_sigma, "{counts:?}");
        }
    }

    #[test]
    fn normals_have_mean_0_and_variance_1() {
        const DRAWS: u32 = 100_000;
        let mut generator = stream("test", &[2]);
        let draws: Vec<f64> = (0..DRAWS).map(|_| normal(&mut generator)).collect();
        let mean = draws.iter().sum::<f64>() / f64::from(DRAWS);
        let variance = draws.iter().map(|x| x * x).sum::<f64>() / f64::from(DRAWS);
        assert!(mean.abs() < 5.0 / f64::from(DRAWS).sqrt(), "{mean}");
        assert!((variance - 1.0).abs() < 5.0 * (2.0 / f64::from(DRAWS)).sqrt(), "{variance}");
    }

    #[test]
    fn context_and_numbers_each_make_a_stream() {
        let word = |context, numbers: &[u64]| stream(context, numbers).next_u64();
        assert_eq!(word("a", &[1, 2]), word("a", &[1, 2]));
        assert_ne!(word("a", &[1, 2]), word("b", &[1, 2]));
        assert_ne!(word("a", &[1, 2]), word("a", &[2, 1]));
    }
}
