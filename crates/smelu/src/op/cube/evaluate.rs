//! A recorded formula, unrolled into a kernel.

use cubecl::prelude::*;

use super::code::{Code, Step};
use super::elementary::{exp, exp_m1, ln_1p, normal_cdf};

/// Which elements are not a number, by their bits: Vulkan and WGSL let a compiler take comparisons of floats to be of numbers.
#[cube]
fn is_nan<N: Size>(x: Vector<f32, N>) -> Vector<bool, N> {
    let magnitude = Vector::<u32, N>::reinterpret(x) & Vector::new(u32::new(0x7fff_ffff));
    Vector::<u32, N>::new(u32::new(0x7f80_0000)).less_than(magnitude)
}

/// The results of `code` for the elements `x`; all are NaN where x is.
#[cube]
pub(super) fn evaluate<N: Size>(
    x: Vector<f32, N>,
    parameters: &Sequence<Vector<f32, N>>,
    #[comptime] code: &Code,
) -> Sequence<Vector<f32, N>> {
    let mut numbers = Sequence::<Vector<f32, N>>::new();
    let mut masks = Sequence::<Vector<bool, N>>::new();
    numbers.push(x);
    #[unroll]
    for p in 0..code.parameters {
        numbers.push(*parameters.index(p));
    }
    #[unroll]
    for i in 0..code.steps.len() {
        let step = comptime!(code.steps[i]);
        match step {
            Step::Constant(bits) => numbers.push(Vector::new(f32::new(comptime!(f32::from_bits(bits))))),
            Step::Add(a, b) => numbers.push(*numbers.index(a) + *numbers.index(b)),
            Step::Sub(a, b) => numbers.push(*numbers.index(a) - *numbers.index(b)),
            Step::Mul(a, b) => numbers.push(*numbers.index(a) * *numbers.index(b)),
            Step::Div(a, b) => numbers.push(*numbers.index(a) / *numbers.index(b)),
            // CubeCL's CUDA code negates no vector.
            Step::Neg(a) => numbers.push(*numbers.index(a) * Vector::new(f32::new(-1.0))),
            Step::Sqrt(a) => numbers.push(Vector::sqrt(*numbers.index(a))),
            Step::Exp(a) => numbers.push(exp::<N>(*numbers.index(a))),
            Step::ExpM1(a) => numbers.push(exp_m1::<N>(*numbers.index(a))),
            Step::Ln1p(a) => numbers.push(ln_1p::<N>(*numbers.index(a))),
            Step::NormalCdf(a) => numbers.push(normal_cdf::<N>(*numbers.index(a))),
            Step::Less(a, b) => masks.push((*numbers.index(a)).less_than(*numbers.index(b))),
            Step::LessEqual(a, b) => masks.push((*numbers.index(a)).less_equal(*numbers.index(b))),
            Step::Select(mask, yes, no) => {
                numbers.push(select_many(*masks.index(mask), *numbers.index(yes), *numbers.index(no)));
            }
        }
    }
    let nan = is_nan::<N>(x);
    let mut results = Sequence::<Vector<f32, N>>::new();
    #[unroll]
    for i in 0..code.results.len() {
        results.push(select_many(nan, x, *numbers.index(comptime!(code.results[i]))));
    }
    results
}
