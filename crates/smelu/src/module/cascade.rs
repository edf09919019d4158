//! Several lines, joined one after another.

use super::define::{imports, parametric};

imports!();

/// Defines a cascade: where its regions begin and end, the slopes of its lines from left to right, each with its default.
macro_rules! cascade {
    (
        $Module:ident, $Config:ident, $name:literal, $summary:literal,
        begin: [$($lo:ident = $begin:literal),+], end: [$($hi:ident = $end:literal),+],
        slopes: [$($slope:ident = $gradient:literal),+]
    ) => {
        parametric! {
            #[doc = concat!($summary, ", in which the slope changes linearly.")]
            ///
            /// Formula, gradient and edge cases: [`scalar::Cascade`](crate::scalar::Cascade). lo1 and hi1 are the ends of
            /// the leftmost region, g0 is the slope of the leftmost line.
            $Module, $Config, $name, $Module {
                $(
                    /// Where this region begins.
                    $lo: Free = $begin,
                )+
                $(
                    /// Where this region ends.
                    $hi: Free = $end,
                )+
                $(
                    /// The slope of this line.
                    $slope: Free = $gradient,
                )+
                /// The value at x = lo1.
                t: Free = 0.0,
            }
        }
    };
}

cascade!(
    Cascade1, Cascade1Config, "Cascade1", "2 lines joined by one region [lo, hi]",
    begin: [lo1 = -0.5], end: [hi1 = 0.5], slopes: [g0 = 0.0, g1 = 1.0]
);
cascade!(
    Cascade2, Cascade2Config, "Cascade2", "3 lines joined by two regions [lo, hi]",
    begin: [lo1 = -1.5, lo2 = 0.5], end: [hi1 = -0.5, hi2 = 1.5], slopes: [g0 = 0.0, g1 = 0.5, g2 = 1.0]
);
cascade!(
    Cascade3, Cascade3Config, "Cascade3", "4 lines joined by three regions [lo, hi]",
    begin: [lo1 = -1.5, lo2 = 0.5, lo3 = 2.5], end: [hi1 = -0.5, hi2 = 1.5, hi3 = 3.5],
    slopes: [g0 = 0.0, g1 = 0.3333, g2 = 0.6667, g3 = 1.0]
);
cascade!(
    Cascade4, Cascade4Config, "Cascade4", "5 lines joined by four regions [lo, hi]",
    begin: [lo1 = -1.5, lo2 = 0.5, lo3 = 2.5, lo4 = 4.5], end: [hi1 = -0.5, hi2 = 1.5, hi3 = 3.5, hi4 = 5.5],
    slopes: [g0 = 0.0, g1 = 0.25, g2 = 0.5, g3 = 0.75, g4 = 1.0]
);
