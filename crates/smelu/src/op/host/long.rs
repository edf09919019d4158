//! The loops over a block of elements for cascades of many regions.
//!
//! One loop for any number of regions: with a type for each number, as the shorter cascades have, every kernel would be
//! compiled a dozen times more. The results are the bits that such types would give.

use core::mem::MaybeUninit;

use multiversion::multiversion;

use super::kernel::{Columns, Compute};
use super::lanes::{LANES, Lanes};
use crate::op::Regions;
use crate::scalar::LongCascade;

/// `parameters`, the same for every lane.
fn repeated<T: Compute>(parameters: &[T]) -> Vec<Lanes<T>> {
    parameters.iter().map(|parameter| Lanes::all(*parameter)).collect()
}

#[inline(always)]
fn cascade<T: Compute>(parameters: &[Lanes<T>]) -> LongCascade<'_, Lanes<T>> {
    LongCascade::new(parameters).expect("the formula has as many parameters")
}

/// Fewer than [`LANES`] elements, filled up.
#[inline(always)]
fn filled<T: Compute>(rest: &[T]) -> Lanes<T> {
    let mut lanes = [T::default(); LANES];
    lanes[..rest.len()].copy_from_slice(rest);
    Lanes(lanes)
}

/// `f(x)` into new memory of the length of `x`, every element of which is written.
pub(super) fn values_into<T: Compute>(x: &[T], out: &mut [MaybeUninit<T>], parameters: &[T]) {
    values_into_of(x, out, &repeated(parameters));
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2"))]
fn values_into_of<T: Compute>(x: &[T], out: &mut [MaybeUninit<T>], parameters: &[Lanes<T>]) {
    let cascade = cascade(parameters);
    let write = |out: &mut [MaybeUninit<T>], values: Lanes<T>| {
        for (out, value) in out.iter_mut().zip(values.0) {
            out.write(value);
        }
    };
    let ((whole, rest), (out, out_of_rest)) = (x.as_chunks::<LANES>(), out.as_chunks_mut::<LANES>());
    for (x, out) in whole.iter().zip(out) {
        write(out, cascade.value(Lanes(*x)));
    }
    write(out_of_rest, cascade.value(filled(rest)));
}

/// `f(x)` in place of x.
pub(super) fn values<T: Compute>(x: &mut [T], parameters: &[T]) {
    values_of(x, &repeated(parameters));
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2"))]
fn values_of<T: Compute>(x: &mut [T], parameters: &[Lanes<T>]) {
    let cascade = cascade(parameters);
    let (whole, rest) = x.as_chunks_mut::<LANES>();
    for x in whole {
        *x = cascade.value(Lanes(*x)).0;
    }
    let last = cascade.value(filled(rest)).0;
    rest.copy_from_slice(&last[..rest.len()]);
}

/// The product of grad and the slope at x in place of grad.
pub(super) fn slopes<T: Compute>(grad: &mut [T], x: &[T], parameters: &[T]) {
    slopes_of(grad, x, &repeated(parameters));
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2"))]
fn slopes_of<T: Compute>(grad: &mut [T], x: &[T], parameters: &[Lanes<T>]) {
    let cascade = cascade(parameters);
    let ((grads, rest), (whole, x_of_rest)) = (grad.as_chunks_mut::<LANES>(), x.as_chunks::<LANES>());
    for (grad, x) in grads.iter_mut().zip(whole) {
        *grad = (Lanes(*grad) * cascade.slope(Lanes(*x))).0;
    }
    let last = (filled(rest) * cascade.slope(filled(x_of_rest))).0;
    rest.copy_from_slice(&last[..rest.len()]);
}

/// The parameters of [`LANES`] elements, in the first places of the room for the most that there may be.
type Room<T> = [Lanes<T>; Regions::MOST_PARAMETERS];

/// Fills `room` with the parameters of the elements from `first` on.
#[inline(always)]
fn load<'r, T: Compute>(
    room: &'r mut Room<T>,
    columns: Columns<'_, T>,
    first: usize,
    regions: Regions,
) -> &'r [Lanes<T>] {
    let room = &mut room[..regions.parameters()];
    for (p, lanes) in room.iter_mut().enumerate() {
        let start = columns.position(p, first);
        lanes.0.copy_from_slice(&columns.table[start..start + LANES]);
    }
    room
}

/// `f(x)` in place of x, with the parameters of each element's column; the length is a multiple of [`LANES`].
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2"))]
pub(super) fn values_with<T: Compute>(x: &mut [T], columns: Columns<'_, T>, regions: Regions) {
    let mut room: Room<T> = [Lanes::all(T::default()); _];
    for (step, x) in x.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
        *x = cascade(load(&mut room, columns, step * LANES, regions)).value(Lanes(*x)).0;
    }
}

/// `grad · f'(x)` in place of grad; adds `grad · df/dp` to `sums`, a table like that of the parameters. The length is a
/// multiple of [`LANES`].
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2"))]
pub(super) fn slopes_with<T: Compute>(
    grad: &mut [T],
    x: &[T],
    columns: Columns<'_, T>,
    sums: &mut [T],
    regions: Regions,
) {
    let mut room: Room<T> = [Lanes::all(T::default()); _];
    let steps = grad.as_chunks_mut::<LANES>().0.iter_mut().zip(x.as_chunks::<LANES>().0);
    for (step, (grad, x)) in steps.enumerate() {
        let (upstream, x) = (Lanes(*grad), Lanes(*x));
        let cascade = cascade(load(&mut room, columns, step * LANES, regions));
        cascade.parameter_slopes(x, |p, slope| {
            let start = columns.position(p, step * LANES);
            for (sum, product) in sums[start..start + LANES].iter_mut().zip((upstream * slope).0) {
                *sum = *sum + product;
            }
        });
        *grad = (upstream * cascade.slope(x)).0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::{Curve, Formula};

    const ROW: usize = 96;

    fn wave(count: usize, step: f64, scale: f64) -> Vec<f32> {
        (0..count).map(|i| ((i as f64 * step).sin() * scale) as f32).collect()
    }

    /// A cascade with kinks and falling lines.
    fn curve(regions: usize) -> Curve {
        let begins = (0..regions).map(|k| k as f64 - 3.0);
        let ends = (0..regions).map(|k| k as f64 - 3.0 + 0.25 * (k % 4) as f64);
        let slopes = (0..=regions).map(|k| (k * 7 % 5) as f64 * 0.3 - 0.4);
        let parameters: Vec<f64> = begins.chain(ends).chain(slopes).chain([0.2]).collect();
        Curve::new(Formula::cascade(regions).expect("in range"), &parameters).expect("the right number")
    }

    #[test]
    fn blocks_of_any_length_have_the_bits_of_the_definition() {
        for (regions, length) in [(5, 1), (5, 15), (7, 16), (7, 33), (16, 95), (16, 96)] {
            let parameters = curve(regions).numbers::<f32>();
            let one = LongCascade::new(&parameters).expect("the right number");
            let (x, grad) = (wave(length, 0.618, regions as f64), wave(length, 0.3, 2.0));
            let expected: Vec<f32> = x.iter().map(|x| one.value(*x)).collect();
            let mut in_place = x.clone();
            values(&mut in_place, &parameters);
            let mut new = vec![MaybeUninit::new(0.0); length];
            values_into(&x, &mut new, &parameters);
            // SAFETY: each was initialised above.
            let new: Vec<f32> = new.into_iter().map(|value| unsafe { value.assume_init() }).collect();
            assert_eq!((&in_place, &new), (&expected, &expected), "{regions} {length}");

            let expected: Vec<f32> = grad.iter().zip(&x).map(|(grad, x)| grad * one.slope(*x)).collect();
            let mut products = grad;
            slopes(&mut products, &x, &parameters);
            assert_eq!(products, expected, "{regions} {length}");
        }
    }

    #[test]
    fn each_element_has_the_parameters_of_its_column() {
        for regions in [5, 16] {
            let parameters = curve(regions).numbers::<f32>();
            let table: Vec<f32> =
                parameters.iter().flat_map(|p| (0..ROW).map(move |column| p * (1.0 + 0.01 * column as f32))).collect();
            let columns = Columns { table: &table, width: ROW, first: 0 };
            let (x, grad) = (wave(ROW, 0.618, regions as f64), wave(ROW, 0.3, 2.0));
            let count = Regions::new(regions).expect("in range");
            let (mut out, mut of_x, mut sums) = (x.clone(), grad.clone(), vec![0.5; table.len()]);
            values_with(&mut out, columns, count);
            slopes_with(&mut of_x, &x, columns, &mut sums, count);
            for column in 0..ROW {
                let own: Vec<f32> = table.iter().skip(column).step_by(ROW).copied().collect();
                let one = LongCascade::new(&own).expect("the right number");
                assert_eq!(out[column], one.value(x[column]));
                assert_eq!(of_x[column], grad[column] * one.slope(x[column]));
                one.parameter_slopes(x[column], |p, slope| {
                    assert_eq!(sums[p * ROW + column], 0.5 + grad[column] * slope, "parameter {p}");
                });
            }
        }
    }
}
