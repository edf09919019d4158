//! Dropout in place: sixteen Philox blocks at a time decide 128 elements.
use multiversion::multiversion;
use rayon::prelude::*;

use crate::op::reference::{dropout_counter, dropout_threshold};
use crate::parallel::BLOCK;
use crate::pass::DropoutKey;
use crate::random::Philox;

const LANES: usize = 16;
const PER_BLOCK: usize = 8;

/// The mask of one dropout, as a function of the place of an element.
#[derive(Clone, Copy)]
pub(super) struct Mask {
    key: DropoutKey,
    threshold: u32,
    scale: f32,
}

impl Mask {
    pub(super) fn new(key: DropoutKey, probability: f64) -> Self {
        let (threshold, scale) = dropout_threshold(probability);
        Self { key, threshold, scale }
    }

    /// Applies the mask to elements that begin at `first`, a multiple of eight.
    pub(super) fn apply(self, x: &mut [f32], first: usize) {
        dropout_block(x, self.key, (first / PER_BLOCK) as u32, self.threshold, self.scale);
    }
}

pub(super) fn dropout(x: &mut [f32], mask: Mask) {
    x.par_chunks_mut(BLOCK).enumerate().for_each(|(index, x)| mask.apply(x, index * BLOCK));
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma"))]
fn dropout_block(x: &mut [f32], key: DropoutKey, first_block: u32, threshold: u32, scale: f32) {
    let philox = Philox::new(key.seed);
    for (group, x) in x.chunks_mut(LANES * PER_BLOCK).enumerate() {
        let first = first_block + (group * LANES) as u32;
        let mut words = dropout_counter(key, first).map(|word| [word; LANES]);
        for (lane, counter) in words[0].iter_mut().enumerate() {
            *counter = first + lane as u32;
        }
        philox.rounds(&mut words);
        let mut factors = [0.0_f32; LANES * PER_BLOCK];
        for (lane, factors) in factors.chunks_exact_mut(PER_BLOCK).enumerate() {
            for (word, pair) in words.iter().zip(factors.chunks_exact_mut(2)) {
                pair[0] = if word[lane] & 0xFFFF < threshold { 0.0 } else { scale };
                pair[1] = if word[lane] >> 16 < threshold { 0.0 } else { scale };
            }
        }
        for (x, factor) in x.iter_mut().zip(&factors) {
            *x *= factor;
        }
    }
}
