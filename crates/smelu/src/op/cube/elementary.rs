//! The elementary functions of single precision, as in [`scalar::elementary`](crate::scalar::elementary).
//!
//! The functions of the platforms will not do: Vulkan asks of `exp` an error of 3 + 2|x| units in the last place only.

use cubecl::prelude::*;

use crate::scalar::elementary::{ARTANH, EXP_HIGH, EXP_LOW, EXP_TAIL, LN_2_HIGH, LN_2_LOW, NORMAL_TAIL};

#[cube]
fn number<N: Size>(#[comptime] value: f32) -> Vector<f32, N> {
    Vector::new(f32::new(value))
}

/// `x` between the bounds; NaN stays NaN.
#[cube]
fn limit<N: Size>(x: Vector<f32, N>, #[comptime] low: f32, #[comptime] high: f32) -> Vector<f32, N> {
    let (low, high) = (number::<N>(low), number::<N>(high));
    let x = select_many(x.less_than(low), low, x);
    select_many(high.less_than(x), high, x)
}

#[cube]
fn polynomial<N: Size>(x: Vector<f32, N>, #[comptime] coefficients: Vec<f32>) -> Vector<f32, N> {
    let last = comptime!(coefficients.len() - 1);
    let mut sum = number::<N>(comptime!(coefficients[last]));
    #[unroll]
    for i in 0..last {
        sum = sum * x + number::<N>(comptime!(coefficients[last - 1 - i]));
    }
    sum
}

/// `x = n·ln 2 + r` with |r| <= ln 2 / 2: the pair of `eʳ − 1` and n.
#[cube]
fn reduced_exp_m1<N: Size>(x: Vector<f32, N>) -> (Vector<f32, N>, Vector<f32, N>) {
    let x = limit::<N>(x, EXP_LOW, EXP_HIGH);
    let n = (x * number::<N>(core::f32::consts::LOG2_E) + number::<N>(0.5)).floor();
    let r = (x - n * number::<N>(LN_2_HIGH)) - n * number::<N>(LN_2_LOW);
    let tail = polynomial::<N>(r, comptime!(EXP_TAIL.to_vec()));
    (r + r * r * tail, n)
}

/// `2ⁿ` for whole n from −126 to 127.
#[cube]
fn power_of_2<N: Size>(n: Vector<f32, N>) -> Vector<f32, N> {
    // What becomes of NaN as an integer is undefined.
    let n = select_many(n.equal(n), n, number::<N>(0.0));
    let bits = Vector::<u32, N>::cast_from((n + number::<N>(127.0)) * number::<N>(8_388_608.0));
    Vector::<f32, N>::reinterpret(bits)
}

/// `2ⁿ` as two factors, because it may lie beyond the normal numbers.
#[cube]
fn powers_of_2<N: Size>(n: Vector<f32, N>) -> (Vector<f32, N>, Vector<f32, N>) {
    let half = (n * number::<N>(0.5)).floor();
    (power_of_2::<N>(half), power_of_2::<N>(n - half))
}

/// `eˣ`.
#[cube]
pub(super) fn exp<N: Size>(x: Vector<f32, N>) -> Vector<f32, N> {
    let (m, n) = reduced_exp_m1::<N>(x);
    let (first, second) = powers_of_2::<N>(n);
    (m + number::<N>(1.0)) * first * second
}

/// `eˣ − 1`.
#[cube]
pub(super) fn exp_m1<N: Size>(x: Vector<f32, N>) -> Vector<f32, N> {
    let (m, n) = reduced_exp_m1::<N>(x);
    let (first, second) = powers_of_2::<N>(n);
    m * first * second + (first * second - number::<N>(1.0))
}

/// `ln(1 + x)` for x from 0 to 1.
#[cube]
pub(super) fn ln_1p<N: Size>(x: Vector<f32, N>) -> Vector<f32, N> {
    let s = x / (x + number::<N>(2.0));
    s * polynomial::<N>(s * s, comptime!(ARTANH.to_vec()))
}

/// Φ(z).
#[cube]
pub(super) fn normal_cdf<N: Size>(z: Vector<f32, N>) -> Vector<f32, N> {
    let zero = number::<N>(0.0);
    let a = limit::<N>(select_many(z.less_than(zero), z * number::<N>(-1.0), z), 0.0, 15.0);
    let t = (a - number::<N>(4.0)) / (a + number::<N>(4.0));
    let scaled = polynomial::<N>(t, comptime!(NORMAL_TAIL.to_vec()));
    let tail = exp::<N>(number::<N>(-0.5) * a * a) * scaled / (a + number::<N>(2.0));
    select_many(zero.less_than(z), number::<N>(1.0) - tail, tail)
}
