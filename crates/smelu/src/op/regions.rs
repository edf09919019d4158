//! How many regions a long cascade has.

/// From 5 to 16: shorter cascades are formulas of their own, with kernels of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Regions(u8);

impl Regions {
    /// The fewest regions.
    pub const FEWEST: usize = 5;

    /// The most regions.
    pub const MOST: usize = 16;

    /// The most parameters of any formula.
    pub(crate) const MOST_PARAMETERS: usize = 3 * Self::MOST + 2;

    /// `regions` regions; `None` below 5 and above 16.
    #[must_use]
    pub const fn new(regions: usize) -> Option<Self> {
        if regions >= Self::FEWEST && regions <= Self::MOST { Some(Self(regions as u8)) } else { None }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> usize {
        self.0 as usize
    }

    /// How many parameters a cascade of as many regions has: 3K + 2.
    #[must_use]
    pub const fn parameters(self) -> usize {
        3 * self.get() + 2
    }
}
