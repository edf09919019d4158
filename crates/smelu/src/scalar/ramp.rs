//! The ramps of RESCU: how the slope rises over the transition region.

use super::Real;

/// A ramp s from [0, 1] to [0, 1] with s(0) = 0, s(1) = 1, and its integral S, S(1) = 1/2.
///
/// Any type with these two functions makes a RESCU activation, `Rescu<T, YourRamp>`, with all gradients.
pub trait Ramp: Copy + Send + Sync {
    /// `s(m)`: the slope at position `m` of the transition region.
    fn slope<T: Real>(m: T) -> T;

    /// `S(m)`, the integral of the ramp from 0 to `m`.
    fn integral<T: Real>(m: T) -> T;
}

/// `s(m) = m`, `S(m) = m²/2`: once continuously differentiable. It makes SmeLU and gSmeLU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Linear;

/// `s(m) = m²(3 − 2m)`, `S(m) = m³ − m⁴/2`: twice continuously differentiable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Smoothstep;

/// `s(m) = (1 − cos πm)/2`, `S(m) = (m − sin(πm)/π)/2`: twice continuously differentiable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cosine;

/// `s(m) = m³(10 − 15m + 6m²)`, `S(m) = 2.5m⁴ − 3m⁵ + m⁶`: three times continuously differentiable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quintic;

#[inline(always)]
fn number<T: Real>(value: f64) -> T {
    T::constant(value)
}

impl Ramp for Linear {
    #[inline(always)]
    fn slope<T: Real>(m: T) -> T {
        m
    }

    #[inline(always)]
    fn integral<T: Real>(m: T) -> T {
        number::<T>(0.5) * m * m
    }
}

impl Ramp for Smoothstep {
    #[inline(always)]
    fn slope<T: Real>(m: T) -> T {
        m * m * (number::<T>(3.0) - (m + m))
    }

    #[inline(always)]
    fn integral<T: Real>(m: T) -> T {
        m * m * m * (number::<T>(1.0) - number::<T>(0.5) * m)
    }
}

impl Ramp for Cosine {
    /// As sin²(πm/2): `1 − cos` would cancel near 0.
    #[inline(always)]
    fn slope<T: Real>(m: T) -> T {
        let half = number::<T>(core::f64::consts::FRAC_PI_2) * m;
        let sine = half * alternating_series::<T, 12>(half * half, 1.0);
        sine * sine
    }

    /// As the series of (a − sin a)/(2π), a = πm: the difference would cancel near 0.
    #[inline(always)]
    fn integral<T: Real>(m: T) -> T {
        let angle = number::<T>(core::f64::consts::PI) * m;
        let square = angle * angle;
        number::<T>(0.5) * m * square * alternating_series::<T, 14>(square, 3.0)
    }
}

/// The series of sin a = a − a³/3! + …, divided by its first power, in the square of a: from the term 1/`first`! on,
/// that one taken with a positive sign.
#[inline(always)]
fn alternating_series<T: Real, const TERMS: usize>(square: T, first: f64) -> T {
    let mut sum = number::<T>(1.0);
    // Horner from the last term: each is the one before times −a² / ((k + 1)(k + 2)).
    for term in (1..TERMS).rev() {
        let k = first + 2.0 * (term as f64 - 1.0);
        sum = number::<T>(1.0) - square * number::<T>(1.0 / ((k + 1.0) * (k + 2.0))) * sum;
    }
    let factorial = if first == 1.0 { 1.0 } else { 6.0 };
    sum * number::<T>(1.0 / factorial)
}

impl Ramp for Quintic {
    #[inline(always)]
    fn slope<T: Real>(m: T) -> T {
        m * m * m * (number::<T>(10.0) - m * (number::<T>(15.0) - number::<T>(6.0) * m))
    }

    #[inline(always)]
    fn integral<T: Real>(m: T) -> T {
        let square = m * m;
        square * square * (number::<T>(2.5) - m * (number::<T>(3.0) - m))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<R: Ramp>() {
        let slope = |m: f64| R::slope(m);
        assert_eq!(slope(0.0), 0.0);
        assert!((slope(1.0) - 1.0).abs() < 1e-15);
        assert!((R::integral(1.0_f64) - 0.5).abs() < 1e-15);
        // Simpson's rule over the ramp gives the integral.
        for end in [0.1, 0.37, 0.9, 1.0] {
            let n = 2000;
            let h = end / f64::from(n);
            let weight = |i| {
                if i == 0 || i == n {
                    1.0
                } else if i % 2 == 1 {
                    4.0
                } else {
                    2.0
                }
            };
            let sum: f64 = (0..=n).map(|i| weight(i) * slope(f64::from(i) * h)).sum();
            assert!((sum * h / 3.0 - R::integral(end)).abs() < 1e-12);
        }
    }

    #[test]
    fn every_ramp_runs_from_0_to_1_and_has_its_integral() {
        check::<Linear>();
        check::<Smoothstep>();
        check::<Cosine>();
        check::<Quintic>();
    }

    #[test]
    fn the_cosine_ramp_keeps_its_digits_near_0() {
        // s ≈ (πm/2)², S ≈ π²m³/12 for small m.
        let (m, pi) = (1e-3_f64, core::f64::consts::PI);
        assert!((Cosine::slope(m) / (0.5 * (1.0 - (pi * m).cos())) - 1.0).abs() < 1e-9);
        assert!((f64::from(Cosine::integral(m as f32)) / Cosine::integral(f64::from(m as f32)) - 1.0).abs() < 1e-6);
        assert!((Cosine::integral(m) / (pi * pi * m.powi(3) / 12.0) - 1.0).abs() < 1e-6);
    }
}
