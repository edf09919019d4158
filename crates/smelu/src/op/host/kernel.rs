//! The loops over a block of elements, compiled once per activation, number type and instruction set.
//!
//! Every element is computed by itself and without contraction of multiplications and additions, so the result does not
//! depend on the vector width of the processor.

use core::mem::MaybeUninit;

use multiversion::multiversion;

use super::lanes::LANES;
use super::long;
use crate::op::Formula;
use crate::op::curve::{Curve, with_scalar};
use crate::scalar::{Parameters, Real, ScalarActivation, Smelu};

/// The most parameters of a formula with a type of its own: a cascade of four regions.
const MOST_PARAMETERS: usize = 14;

/// The parameters of a stretch of elements, those of one element in one column.
#[derive(Clone, Copy)]
pub(in crate::op) struct Columns<'a, T> {
    /// Row p of the table holds parameter p of every column.
    pub(in crate::op) table: &'a [T],
    /// The number of columns.
    pub(in crate::op) width: usize,
    /// The column of the first element.
    pub(in crate::op) first: usize,
}

impl<T: Copy> Columns<'_, T> {
    /// Where the parameter of an element lies in the table.
    #[inline(always)]
    pub(super) fn position(&self, parameter: usize, element: usize) -> usize {
        parameter * self.width + self.first + element
    }

    #[inline(always)]
    fn get(&self, parameter: usize, element: usize) -> T {
        self.table[self.position(parameter, element)]
    }
}

/// What a backward pass multiplies the gradient by, element by element.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::op) enum Slope<'a> {
    /// `f'(x)`, from the input x.
    FromInput(&'a Curve),
    /// `f'(x)` of SmeLU of this half-width, from the output f(x).
    FromOutput(f64),
}

/// A number type of the kernels.
pub(in crate::op) trait Compute: Real + Default {
    /// In double precision; exact.
    fn to_f64(self) -> f64;

    /// `f(x)` into new memory of the length of `x`, every element of which is written.
    fn values_into(curve: &Curve, x: &[Self], out: &mut [MaybeUninit<Self>]);

    /// `f(x)` in place of x.
    fn values(curve: &Curve, x: &mut [Self]);

    /// The product of grad and the slope in place of grad; `kept` is what the slope starts from.
    fn slopes(slope: Slope<'_>, grad: &mut [Self], kept: &[Self]);

    /// `f(x)` in place of x, with the parameters of each element's column; the length is a multiple of [`LANES`].
    fn values_with(formula: Formula, x: &mut [Self], columns: Columns<'_, Self>);

    /// `grad · f'(x)` in place of grad; adds `grad · df/dp` to `sums`, a table like that of the parameters. The length is a
    /// multiple of [`LANES`].
    fn slopes_with(formula: Formula, grad: &mut [Self], x: &[Self], columns: Columns<'_, Self>, sums: &mut [Self]);
}

impl Compute for f32 {
    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }

    fn values_into(curve: &Curve, x: &[Self], out: &mut [MaybeUninit<Self>]) {
        with_scalar!(curve.formula(), f32, |A| values_into(x, out, curve.scalar::<f32, A>()), |_| long::values_into(
            x,
            out,
            &curve.numbers()
        ));
    }

    fn values(curve: &Curve, x: &mut [Self]) {
        with_scalar!(curve.formula(), f32, |A| values(x, curve.scalar::<f32, A>()), |_| long::values(
            x,
            &curve.numbers()
        ));
    }

    fn slopes(slope: Slope<'_>, grad: &mut [Self], kept: &[Self]) {
        match slope {
            Slope::FromInput(curve) => with_scalar!(
                curve.formula(),
                f32,
                |A| slopes(grad, kept, curve.scalar::<f32, A>()),
                |_| long::slopes(grad, kept, &curve.numbers())
            ),
            Slope::FromOutput(beta) => slopes_from_values(grad, kept, Smelu::new(f32::constant(beta))),
        }
    }

    fn values_with(formula: Formula, x: &mut [Self], columns: Columns<'_, Self>) {
        with_scalar!(formula, f32, |A| values_with::<A>(x, columns), |regions| long::values_with(x, columns, regions));
    }

    fn slopes_with(formula: Formula, grad: &mut [Self], x: &[Self], columns: Columns<'_, Self>, sums: &mut [Self]) {
        with_scalar!(formula, f32, |A| slopes_with::<A>(grad, x, columns, sums), |regions| long::slopes_with(
            grad, x, columns, sums, regions
        ));
    }
}

/// Double precision is for checks: one plain loop each, so that the kernels of single precision are most of what is
/// compiled.
impl Compute for f64 {
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }

    fn values_into(curve: &Curve, x: &[Self], out: &mut [MaybeUninit<Self>]) {
        with_scalar!(
            curve.formula(),
            f64,
            |A| {
                let activation: A = curve.scalar::<f64, A>();
                for (out, x) in out.iter_mut().zip(x) {
                    out.write(activation.value(*x));
                }
            },
            |_| long::values_into(x, out, &curve.numbers())
        );
    }

    fn values(curve: &Curve, x: &mut [Self]) {
        with_scalar!(
            curve.formula(),
            f64,
            |A| {
                let activation: A = curve.scalar::<f64, A>();
                for x in x {
                    *x = activation.value(*x);
                }
            },
            |_| long::values(x, &curve.numbers())
        );
    }

    fn slopes(slope: Slope<'_>, grad: &mut [Self], kept: &[Self]) {
        match slope {
            Slope::FromInput(curve) => with_scalar!(
                curve.formula(),
                f64,
                |A| {
                    let activation: A = curve.scalar::<f64, A>();
                    for (grad, x) in grad.iter_mut().zip(kept) {
                        *grad *= activation.slope(*x);
                    }
                },
                |_| long::slopes(grad, kept, &curve.numbers())
            ),
            Slope::FromOutput(beta) => {
                for (grad, y) in grad.iter_mut().zip(kept) {
                    *grad *= Smelu::new(beta).slope_from_value(*y);
                }
            }
        }
    }

    fn values_with(formula: Formula, x: &mut [Self], columns: Columns<'_, Self>) {
        with_scalar!(
            formula,
            f64,
            |A| {
                for (i, x) in x.iter_mut().enumerate() {
                    let activation = A::from_parameters(Parameters::from_fn(|p| columns.get(p, i)));
                    *x = activation.value(*x);
                }
            },
            |regions| long::values_with(x, columns, regions)
        );
    }

    fn slopes_with(formula: Formula, grad: &mut [Self], x: &[Self], columns: Columns<'_, Self>, sums: &mut [Self]) {
        with_scalar!(
            formula,
            f64,
            |A| {
                for (i, (grad, x)) in grad.iter_mut().zip(x).enumerate() {
                    let activation = A::from_parameters(Parameters::from_fn(|p| columns.get(p, i)));
                    for (p, slope) in activation.parameter_slopes(*x).as_ref().iter().enumerate() {
                        sums[columns.position(p, i)] += *grad * slope;
                    }
                    *grad *= activation.slope(*x);
                }
            },
            |regions| long::slopes_with(grad, x, columns, sums, regions)
        );
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2"))]
fn values_into<A: ScalarActivation<f32>>(x: &[f32], out: &mut [MaybeUninit<f32>], activation: A) {
    for (out, x) in out.iter_mut().zip(x) {
        out.write(activation.value(*x));
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2"))]
fn values<A: ScalarActivation<f32>>(x: &mut [f32], activation: A) {
    for x in x {
        *x = activation.value(*x);
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2"))]
fn slopes<A: ScalarActivation<f32>>(grad: &mut [f32], x: &[f32], activation: A) {
    for (grad, x) in grad.iter_mut().zip(x) {
        *grad *= activation.slope(*x);
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2"))]
fn slopes_from_values(grad: &mut [f32], y: &[f32], smelu: Smelu<f32>) {
    for (grad, y) in grad.iter_mut().zip(y) {
        *grad *= smelu.slope_from_value(*y);
    }
}

#[multiversion(targets("x86_64+avx2"))]
fn values_with<A: ScalarActivation<f32>>(x: &mut [f32], columns: Columns<'_, f32>) {
    for (step, x) in x.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
        let parameters = lanes_of::<A>(columns, step * LANES);
        for (lane, x) in x.iter_mut().enumerate() {
            let activation = A::from_parameters(A::Parameters::from_fn(|p| parameters[p][lane]));
            *x = activation.value(*x);
        }
    }
}

#[multiversion(targets("x86_64+avx2"))]
fn slopes_with<A: ScalarActivation<f32>>(grad: &mut [f32], x: &[f32], columns: Columns<'_, f32>, sums: &mut [f32]) {
    let steps = grad.as_chunks_mut::<LANES>().0.iter_mut().zip(x.as_chunks::<LANES>().0);
    for (step, (grad, x)) in steps.enumerate() {
        // Local arrays: the compiler need not prove that the tables and the elements do not overlap.
        let parameters = lanes_of::<A>(columns, step * LANES);
        let mut grads = *grad;
        let mut products = [[0.0; LANES]; MOST_PARAMETERS];
        for lane in 0..LANES {
            let activation = A::from_parameters(A::Parameters::from_fn(|p| parameters[p][lane]));
            let slopes = activation.parameter_slopes(x[lane]);
            for (products, slope) in products.iter_mut().zip(slopes.as_ref()) {
                products[lane] = grads[lane] * slope;
            }
            grads[lane] *= activation.slope(x[lane]);
        }
        *grad = grads;
        for (p, products) in products.iter().enumerate().take(A::Parameters::COUNT) {
            let start = columns.position(p, step * LANES);
            for (sum, product) in sums[start..start + LANES].iter_mut().zip(products) {
                *sum += product;
            }
        }
    }
}

/// The parameters of [`LANES`] elements from `first` on.
#[inline(always)]
fn lanes_of<A: ScalarActivation<f32>>(columns: Columns<'_, f32>, first: usize) -> [[f32; LANES]; MOST_PARAMETERS] {
    let mut lanes = [[0.0; LANES]; MOST_PARAMETERS];
    for (p, lanes) in lanes.iter_mut().enumerate().take(A::Parameters::COUNT) {
        let start = columns.position(p, first);
        lanes.copy_from_slice(&columns.table[start..start + LANES]);
    }
    lanes
}
