//! Philox4x32-10: random numbers as a function of a counter.
//!
//! A counter-based generator needs no state: number `i` of a stream is computed alone, so that initial values and dropout masks do not
//! depend on the order or the number of threads that ask for them, and a resumed run continues where it stopped.
//!
//! Source: Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.

const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const ROUNDS: usize = 10;
const FNV_OFFSET: u64 = 0xCBF2_9CE4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01B3;

/// A stream of random numbers, selected by a 64-bit key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Philox {
    key: [u32; 2],
}

impl Philox {
    /// The stream of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { key: [seed as u32, (seed >> 32) as u32] }
    }

    /// A stream of its own for `name` under `seed`: its key is drawn from the seed's stream at the FNV-1a hash of the name.
    #[must_use]
    pub fn named(seed: u64, name: &str) -> Self {
        let hash = name.bytes().fold(FNV_OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME));
        let block = Self::new(seed).block([hash as u32, (hash >> 32) as u32, u32::MAX, u32::MAX]);
        Self { key: [block[0], block[1]] }
    }

    /// The four numbers at `counter`.
    #[must_use]
    pub fn block(self, counter: [u32; 4]) -> [u32; 4] {
        let mut lanes = counter.map(|word| [word]);
        self.rounds(&mut lanes);
        lanes.map(|[word]| word)
    }

    /// Replaces `N` counters, one per lane, by their numbers; `words[w][lane]` is word `w` of a lane's counter.
    #[inline(always)]
    pub(crate) fn rounds<const N: usize>(self, words: &mut [[u32; N]; 4]) {
        let mut key = self.key;
        for _ in 0..ROUNDS {
            #[allow(clippy::needless_range_loop, reason = "four arrays are walked together, two of them written")]
            for lane in 0..N {
                let product0 = u64::from(words[0][lane]) * u64::from(MULTIPLIERS[0]);
                let product1 = u64::from(words[2][lane]) * u64::from(MULTIPLIERS[1]);
                words[0][lane] = (product1 >> 32) as u32 ^ words[1][lane] ^ key[0];
                words[1][lane] = product1 as u32;
                words[2][lane] = (product0 >> 32) as u32 ^ words[3][lane] ^ key[1];
                words[3][lane] = product0 as u32;
            }
            key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
        }
    }

    /// Fills `out` with standard normal numbers: number `i` depends on the key, on `row` and on `i` alone.
    ///
    /// Box–Muller in `f64` with `libm`, so that the bits do not depend on the system's mathematics library.
    pub fn fill_normal(self, row: u64, out: &mut [f32]) {
        for (index, pair) in out.chunks_mut(2).enumerate() {
            let words = self.block([index as u32, 0, row as u32, (row >> 32) as u32]);
            let radius = libm::sqrt(-2.0 * libm::log(open_unit(words[0], words[1])));
            let angle = core::f64::consts::TAU * open_unit(words[2], words[3]);
            let values = [radius * libm::cos(angle), radius * libm::sin(angle)];
            for (slot, value) in pair.iter_mut().zip(values) {
                *slot = value as f32;
            }
        }
    }
}

/// A number of the open interval (0, 1) with 53 random bits.
fn open_unit(high: u32, low: u32) -> f64 {
    let bits = (u64::from(high) << 32 | u64::from(low)) >> 12;
    (bits as f64 + 0.5) * (1.0 / (1_u64 << 52) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_equal_the_published_known_answers() {
        assert_eq!(Philox::new(0).block([0; 4]), [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8]);
        assert_eq!(Philox::new(u64::MAX).block([u32::MAX; 4]), [0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD]);
        let digits_of_pi = Philox::new(0x299F_31D0_A409_3822);
        assert_eq!(
            digits_of_pi.block([0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344]),
            [0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1]
        );
    }

    #[test]
    fn names_and_seeds_select_streams() {
        let first = |seed, name| Philox::named(seed, name).block([0; 4]);
        assert_eq!(first(1, "a"), first(1, "a"));
        assert_ne!(first(1, "a"), first(1, "b"));
        assert_ne!(first(1, "a"), first(2, "a"));
    }

    #[test]
    fn lanes_equal_single_blocks() {
        let philox = Philox::new(99);
        let mut lanes = [[1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12]];
        philox.rounds(&mut lanes);
        for lane in 0..3_u32 {
            let block = philox.block([1 + lane, 4 + lane, 7 + lane, 10 + lane]);
            assert_eq!(block, lanes.map(|word| word[lane as usize]));
        }
    }

    #[test]
    fn normals_have_the_moments_of_a_normal_and_depend_on_the_row() {
        let mut values = vec![0.0; 100_000];
        Philox::new(7).fill_normal(3, &mut values);
        let n = values.len() as f64;
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        let var = values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n;
        let fourth = values.iter().map(|&v| (f64::from(v) - mean).powi(4)).sum::<f64>() / n;
        assert!(mean.abs() < 0.01 && (var - 1.0).abs() < 0.02 && (fourth - 3.0).abs() < 0.15, "{mean} {var} {fourth}");
        let mut other = vec![0.0; 4];
        Philox::new(7).fill_normal(4, &mut other);
        assert_ne!(other, values[..4]);
    }
}
