//! SquarePlus.

use super::define::{imports, parametric};

imports!();

parametric! {
    /// SquarePlus: `f(x) = (x + √(x² + b))/2`; `df/dx = f/√(x² + b)`, `df/db = 1/(4√(x² + b))` (Barron 2021,
    /// arXiv 2112.11687).
    SquarePlus, SquarePlusConfig, "SquarePlus", SquarePlus {
        /// b, the square of twice the value at 0.
        b: Positive = 4.0,
    }
}
