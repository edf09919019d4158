//! A RESCU activation with a ramp of one's own: value, slope and the slopes of all parameters follow from two functions.
//!
//! `cargo run -p smelu --example 02_own_ramp`

use smelu::scalar::{Ramp, Real, Rescu, ScalarActivation};

/// `s(m) = m⁴(35 − 84m + 70m² − 20m³)`, `S(m) = m⁵(7 − 14m + 10m² − 2.5m³)`: four times continuously differentiable.
#[derive(Debug, Clone, Copy)]
struct Septic;

impl Ramp for Septic {
    fn slope<T: Real>(m: T) -> T {
        let square = m * m;
        square
            * square
            * (T::constant(35.0) - m * (T::constant(84.0) - m * (T::constant(70.0) - T::constant(20.0) * m)))
    }

    fn integral<T: Real>(m: T) -> T {
        let square = m * m;
        let rest = T::constant(7.0) - m * (T::constant(14.0) - m * (T::constant(10.0) - T::constant(2.5) * m));
        square * square * m * rest
    }
}

#[allow(clippy::print_stdout, reason = "an example shows what it does")]
fn main() {
    let curve = Rescu::<f64, Septic>::new(1.0, 1.0, 0.0, 1.0, 0.0);
    println!("    x    value    slope     df/dα     df/dβ");
    for i in -4..=4 {
        let x = f64::from(i) / 2.0;
        let [alpha, beta, ..] = curve.parameter_slopes(x);
        println!("{x:5.1} {:8.4} {:8.4} {alpha:9.4} {beta:9.4}", curve.value(x), curve.slope(x));
    }
}
