//! Several lines, joined one after another.

use super::define::{imports, parametric};

imports!();

parametric! {
    /// 2 lines joined by one region [lo, hi], in which the slope changes linearly.
    ///
    /// Formula, gradient and edge cases: [`scalar::Cascade`](crate::scalar::Cascade).
    Cascade1, Cascade1Config, "Cascade1", Cascade1 {
        /// Where region 1 begins.
        lo1: Free = -0.5,
        /// Where region 1 ends.
        hi1: Free = 0.5,
        /// The slope below region 1.
        g0: Free = 0.0,
        /// The slope above region 1.
        g1: Free = 1.0,
        /// The value at x = lo1.
        t: Free = 0.0,
    }
}

parametric! {
    /// 3 lines joined by two regions [lo, hi], in each of which the slope changes linearly.
    ///
    /// Formula, gradient and edge cases: [`scalar::Cascade`](crate::scalar::Cascade).
    Cascade2, Cascade2Config, "Cascade2", Cascade2 {
        /// Where region 1 begins.
        lo1: Free = -1.5,
        /// Where region 2 begins.
        lo2: Free = 0.5,
        /// Where region 1 ends.
        hi1: Free = -0.5,
        /// Where region 2 ends.
        hi2: Free = 1.5,
        /// The slope below region 1.
        g0: Free = 0.0,
        /// The slope between regions 1 and 2.
        g1: Free = 0.5,
        /// The slope above region 2.
        g2: Free = 1.0,
        /// The value at x = lo1.
        t: Free = 0.0,
    }
}

parametric! {
    /// 4 lines joined by three regions [lo, hi], in each of which the slope changes linearly.
    ///
    /// Formula, gradient and edge cases: [`scalar::Cascade`](crate::scalar::Cascade).
    Cascade3, Cascade3Config, "Cascade3", Cascade3 {
        /// Where region 1 begins.
        lo1: Free = -1.5,
        /// Where region 2 begins.
        lo2: Free = 0.5,
        /// Where region 3 begins.
        lo3: Free = 2.5,
        /// Where region 1 ends.
        hi1: Free = -0.5,
        /// Where region 2 ends.
        hi2: Free = 1.5,
        /// Where region 3 ends.
        hi3: Free = 3.5,
        /// The slope below region 1.
        g0: Free = 0.0,
        /// The slope between regions 1 and 2.
        g1: Free = 0.3333,
        /// The slope between regions 2 and 3.
        g2: Free = 0.6667,
        /// The slope above region 3.
        g3: Free = 1.0,
        /// The value at x = lo1.
        t: Free = 0.0,
    }
}

parametric! {
    /// 5 lines joined by four regions [lo, hi], in each of which the slope changes linearly.
    ///
    /// Formula, gradient and edge cases: [`scalar::Cascade`](crate::scalar::Cascade).
    Cascade4, Cascade4Config, "Cascade4", Cascade4 {
        /// Where region 1 begins.
        lo1: Free = -1.5,
        /// Where region 2 begins.
        lo2: Free = 0.5,
        /// Where region 3 begins.
        lo3: Free = 2.5,
        /// Where region 4 begins.
        lo4: Free = 4.5,
        /// Where region 1 ends.
        hi1: Free = -0.5,
        /// Where region 2 ends.
        hi2: Free = 1.5,
        /// Where region 3 ends.
        hi3: Free = 3.5,
        /// Where region 4 ends.
        hi4: Free = 5.5,
        /// The slope below region 1.
        g0: Free = 0.0,
        /// The slope between regions 1 and 2.
        g1: Free = 0.25,
        /// The slope between regions 2 and 3.
        g2: Free = 0.5,
        /// The slope between regions 3 and 4.
        g3: Free = 0.75,
        /// The slope above region 4.
        g4: Free = 1.0,
        /// The value at x = lo1.
        t: Free = 0.0,
    }
}
