//! Elementary functions in single precision that a loop can be vectorised over: no table, no branch, no call.
//!
//! The coefficients are near-minimax fits, weighted for the relative error of the function; the tests measure the error
//! against double precision.

/// Below it `eˣ` rounds to 0 in `f32`, above [`EXP_HIGH`] to ∞.
pub(crate) const EXP_LOW: f32 = -104.0;
pub(crate) const EXP_HIGH: f32 = 89.0;

/// ln 2 in two parts; products of the first with the exponents of `f32` are exact.
pub(crate) const LN_2_HIGH: f32 = 0.693_359_4;
pub(crate) const LN_2_LOW: f32 = -2.121_944_4e-4;

/// (eʳ − 1 − r)/r² for |r| <= ln 2 / 2.
pub(crate) const EXP_TAIL: [f32; 5] = [0.499_999_98, 0.166_665_39, 0.041_667_22, 8.367_182e-3, 1.388_238_5e-3];

/// 2·artanh(s)/s in s², for s from 0 to 1/3.
pub(crate) const ARTANH: [f32; 5] = [2.0, 0.666_663_15, 0.400_249_1, 0.279_606_1, 0.281_783];

/// M(a)·(a + 2) in (a − 4)/(a + 4): see [`normal_cdf`].
pub(crate) const NORMAL_TAIL: [f32; 9] = [
    0.566_463_8,
    -0.267_101_07,
    0.138_378_28,
    -0.043_110_877,
    -1.325_370_2e-3,
    9.476_316e-3,
    -4.520_05e-3,
    2.431_975_4e-4,
    5.108_818_3e-4,
];

/// 1.5 · 2²³: adding and subtracting it rounds to an integer, and the integer stands in the low bits of the sum.
const ROUNDER: f32 = 12_582_912.0;

#[inline(always)]
fn limit(x: f32, low: f32, high: f32) -> f32 {
    let x = if x < low { low } else { x };
    if x > high { high } else { x }
}

#[inline(always)]
fn polynomial<const N: usize>(x: f32, coefficients: [f32; N]) -> f32 {
    let mut sum = coefficients[N - 1];
    for coefficient in coefficients[..N - 1].iter().rev() {
        sum = sum * x + coefficient;
    }
    sum
}

/// `x = n·ln 2 + r` with |r| <= ln 2 / 2: the pair of `eʳ − 1` and n, x limited to where `eˣ` is finite and not 0.
#[inline(always)]
fn reduced_exp_m1(x: f32) -> (f32, i32) {
    let x = limit(x, EXP_LOW, EXP_HIGH);
    let shifted = x * core::f32::consts::LOG2_E + ROUNDER;
    let n = shifted - ROUNDER;
    let r = (x - n * LN_2_HIGH) - n * LN_2_LOW;
    let tail = polynomial(r, EXP_TAIL);
    (r + r * r * tail, (shifted.to_bits() as i32).wrapping_sub(ROUNDER.to_bits() as i32))
}

/// `2ⁿ` for n from −126 to 127.
#[inline(always)]
fn power_of_2(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) << 23) as u32)
}

/// `eˣ`.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    let (m, n) = reduced_exp_m1(x);
    // In two factors, because 2ⁿ itself may lie beyond the normal numbers.
    let half = n >> 1;
    (m + 1.0) * power_of_2(half) * power_of_2(n.wrapping_sub(half))
}

/// `eˣ − 1`.
#[inline(always)]
pub(super) fn exp_m1(x: f32) -> f32 {
    let (m, n) = reduced_exp_m1(x);
    let half = n >> 1;
    let (first, second) = (power_of_2(half), power_of_2(n.wrapping_sub(half)));
    m * first * second + (first * second - 1.0)
}

/// `ln(1 + x)` for x from 0 to 1: the series of the area tangent, 2·artanh(x / (2 + x)).
#[inline(always)]
pub(super) fn ln_1p(x: f32) -> f32 {
    let s = x / (x + 2.0);
    s * polynomial(s * s, ARTANH)
}

/// Φ(z): the tail is exp(−a²/2)·M(a) for a = |z|, with M·(a + 2) a polynomial in (a − 4)/(a + 4).
#[inline(always)]
pub(super) fn normal_cdf(z: f32) -> f32 {
    let a = limit(z.abs(), 0.0, 15.0);
    let t = (a - 4.0) / (a + 4.0);
    let scaled = polynomial(t, NORMAL_TAIL);
    let tail = exp(-0.5 * a * a) * scaled / (a + 2.0);
    if z > 0.0 { 1.0 - tail } else { tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest error in units in the last place over `from..to`.
    fn worst(from: f32, to: f32, function: fn(f32) -> f32, exact: fn(f64) -> f64) -> f64 {
        (0..=200_000)
            .map(|i| {
                let x = from + (to - from) * (i as f32 / 200_000.0);
                let exact = exact(f64::from(x));
                let nearest = (exact as f32).abs().max(f32::MIN_POSITIVE);
                (f64::from(function(x)) - exact).abs() / f64::from(nearest.next_up() - nearest)
            })
            .fold(0.0, f64::max)
    }

    #[test]
    fn errors_stay_within_few_ulp() {
        type Case = (&'static str, f32, f32, fn(f32) -> f32, fn(f64) -> f64, f64);
        let cdf = |z: f64| 0.5 * libm::erfc(-z * core::f64::consts::FRAC_1_SQRT_2);
        let cases: [Case; 9] = [
            ("exp", -87.0, 88.7, exp, f64::exp, 2.0),
            ("exp", -1.0, 1.0, exp, f64::exp, 2.0),
            ("exp_m1", -20.0, 88.0, exp_m1, f64::exp_m1, 3.0),
            ("exp_m1", -0.5, 0.5, exp_m1, f64::exp_m1, 3.0),
            ("exp_m1", -1e-6, 1e-6, exp_m1, f64::exp_m1, 1.0),
            ("ln_1p", 0.0, 1.0, ln_1p, f64::ln_1p, 3.0),
            ("normal_cdf", 0.0, 6.0, normal_cdf, cdf, 3.0),
            ("normal_cdf", -1.0, 0.0, normal_cdf, cdf, 5.0),
            // Further down the rounding of z² grows with it.
            ("normal_cdf", -3.0, -1.0, normal_cdf, cdf, 9.0),
        ];
        for (name, from, to, function, exact, bound) in cases {
            let worst = worst(from, to, function, exact);
            assert!(worst < bound, "{name} on {from}..{to}: {worst} ulp");
        }
    }

    #[test]
    fn ends_of_the_range_are_limits_and_nan_stays() {
        assert_eq!((exp(f32::INFINITY), exp(f32::NEG_INFINITY), exp(0.0)), (f32::INFINITY, 0.0, 1.0));
        assert_eq!((exp_m1(f32::INFINITY), exp_m1(f32::NEG_INFINITY), exp_m1(0.0)), (f32::INFINITY, -1.0, 0.0));
        assert_eq!((ln_1p(0.0), normal_cdf(f32::INFINITY), normal_cdf(f32::NEG_INFINITY)), (0.0, 1.0, 0.0));
        assert_eq!(normal_cdf(0.0), 0.5);
        for function in [exp, exp_m1, ln_1p, normal_cdf] {
            assert!(function(f32::NAN).is_nan());
        }
    }
}
