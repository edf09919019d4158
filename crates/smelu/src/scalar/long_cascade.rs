//! A cascade of any number of regions.

use super::Real;
use super::cascade::{Place, area, highest, lowest, position};

/// A [`Cascade`](super::Cascade) whose number of regions K is known at run time only; its parameters lie elsewhere.
///
/// Formula, gradient and edge cases are those of a cascade, and so are the bits of both results. The number of parameters
/// being open, it is no [`ScalarActivation`](super::ScalarActivation), and the methods take the place of those of that trait.
///
/// ```
/// use smelu::scalar::LongCascade;
///
/// // A staircase of 5 kinks: begins, ends, slopes, value at the first begin.
/// let parameters = [
///     [0.0, 1.0, 2.0, 3.0, 4.0].as_slice(),
///     &[0.0, 1.0, 2.0, 3.0, 4.0],
///     &[0.0, 1.0, 0.0, 1.0, 0.0, 1.0],
///     &[0.0],
/// ]
/// .concat();
/// let staircase = LongCascade::new(&parameters).expect("3·5 + 2 numbers");
/// assert_eq!([-1.0, 0.5, 1.5, 2.5, 9.0].map(|x| staircase.value(x)), [0.0, 0.5, 1.0, 1.5, 7.0]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LongCascade<'a, T> {
    lo: &'a [T],
    hi: &'a [T],
    /// The slopes before, between and after the regions.
    slopes: &'a [T],
    t: T,
    lowest: T,
    highest: T,
}

impl<'a, T: Real> LongCascade<'a, T> {
    /// The cascade of `parameters`: lo₁ … `lo_K`, hi₁ … `hi_K`, g₀ … `g_K`, t. `None` unless their number is 3K + 2 for
    /// a K from 1 on.
    #[must_use]
    #[inline(always)]
    pub fn new(parameters: &'a [T]) -> Option<Self> {
        let regions = parameters.len().checked_sub(2)? / 3;
        if regions == 0 || parameters.len() != 3 * regions + 2 {
            return None;
        }
        let (lo, rest) = parameters.split_at(regions);
        let (hi, rest) = rest.split_at(regions);
        let (slopes, t) = rest.split_at(regions + 1);
        Some(Self { lo, hi, slopes, t: t[0], lowest: lowest(lo), highest: highest(hi) })
    }

    /// The number K of regions.
    #[must_use]
    #[inline(always)]
    pub fn regions(self) -> usize {
        self.lo.len()
    }

    #[inline(always)]
    fn place(self, x: T) -> Place<T> {
        Place::of(x, self.lowest, self.highest)
    }

    /// gₖ − gₖ₋₁, k from 0.
    #[inline(always)]
    fn change(self, k: usize) -> T {
        self.slopes[k + 1] - self.slopes[k]
    }

    /// The value `f(x)`.
    #[must_use]
    #[inline(always)]
    pub fn value(self, x: T) -> T {
        let Place { inside: x, below, above } = self.place(x);
        let mut value = self.t + self.slopes[0] * (x - self.lo[0]);
        for (k, (lo, hi)) in self.lo.iter().zip(self.hi).enumerate() {
            value = value + self.change(k) * area(*lo, *hi, position(*lo, *hi, x), x);
        }
        value + T::rise(self.slopes[0], below) + T::rise(self.slopes[self.regions()], above)
    }

    /// The slope `df/dx` at `x`.
    #[must_use]
    #[inline(always)]
    pub fn slope(self, x: T) -> T {
        let mut slope = self.slopes[0];
        for (k, (lo, hi)) in self.lo.iter().zip(self.hi).enumerate() {
            slope = slope + self.change(k) * position(*lo, *hi, x);
        }
        slope
    }

    /// Calls `each` with every parameter's position and the derivative of the value at `x` with respect to it, each
    /// once and in no order that matters.
    #[inline(always)]
    pub fn parameter_slopes(self, x: T, mut each: impl FnMut(usize, T)) {
        let regions = self.regions();
        let Place { inside, below, above } = self.place(x);
        // Of gₖ: the area behind region k, without that behind the next one.
        let mut before = inside - self.lo[0];
        for (k, (lo, hi)) in self.lo.iter().zip(self.hi).enumerate() {
            // Of x itself: the end of the part inside may be a region of width 0, behind which x lies and the end does not.
            let m = position(*lo, *hi, x);
            let half_square = T::constant(0.5) * m * m;
            let of_lo = -(self.change(k) * (m - half_square));
            each(k, if k == 0 { of_lo - self.slopes[0] } else { of_lo });
            each(regions + k, -(self.change(k) * half_square));
            let area = area(*lo, *hi, m, inside);
            each(2 * regions + k, if k == 0 { before - area + below } else { before - area });
            before = area;
        }
        each(3 * regions, before + above);
        each(3 * regions + 1, T::constant(1.0));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Cascade, ScalarActivation};
    use super::*;

    /// Numbers around the regions, both infinities, NaN.
    fn inputs() -> impl Iterator<Item = f64> {
        let grid = (-80..80).map(|i| f64::from(i) / 16.0);
        grid.chain([1e30, -1e30, f64::INFINITY, f64::NEG_INFINITY, f64::NAN])
    }

    #[test]
    fn up_to_four_regions_it_is_a_cascade_to_the_bit() {
        let four = [-1.5, -0.5, 0.7, 2.0, -1.0, -0.5, 1.9, 3.1, 0.1, -0.7, 0.4, 0.9, 1.3, 0.2];
        let two = [-1.5, 0.5, -0.5, 0.5, 0.0, 0.7, 0.0, -0.3];
        for x in inputs() {
            check(x, Cascade::<f64, 4>::from_parameters(four), &four);
            check(x, Cascade::<f64, 2>::from_parameters(two), &two);
            let single = |number| number as f32;
            check(single(x), Cascade::<f32, 4>::from_parameters(four.map(single)), &four.map(single));
        }
    }

    fn check<T, A>(x: T, short: A, parameters: &[T])
    where
        T: Real + core::fmt::LowerExp,
        A: ScalarActivation<T>,
    {
        let long = LongCascade::new(parameters).expect("3K + 2 parameters");
        let mut slopes = vec![None; parameters.len()];
        long.parameter_slopes(x, |p, slope| assert!(slopes[p].replace(slope).is_none(), "{p} twice"));
        let pairs = short.parameter_slopes(x).as_ref().to_vec().into_iter().zip(slopes.into_iter().flatten());
        let pairs: Vec<_> = pairs.chain([(short.value(x), long.value(x)), (short.slope(x), long.slope(x))]).collect();
        assert_eq!(pairs.len(), parameters.len() + 2);
        for (short, long) in pairs {
            // As texts, which have every digit: NaN is equal to itself there.
            assert_eq!(format!("{short:e}"), format!("{long:e}"), "at {x:e}");
        }
    }

    #[test]
    fn another_number_of_parameters_is_none() {
        let numbers = [0.0; 60];
        let taken: Vec<usize> = (0..=60).filter(|count| LongCascade::new(&numbers[..*count]).is_some()).collect();
        assert_eq!(taken, (1..20).map(|regions| 3 * regions + 2).collect::<Vec<_>>());
    }
}
