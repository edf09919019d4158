//! A part of a study's runs.
use std::str::FromStr;

/// Every `of`-th run, from run `index` on: `I/N` on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    index: usize,
    of: usize,
}

impl Share {
    /// Whether the run of this number is in it.
    #[must_use]
    pub fn contains(self, run: usize) -> bool {
        run % self.of == self.index
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = || format!("{text:?} is no share; expected I/N with 0 ≤ I < N, such as 3/16");
        let (index, of) = text.split_once('/').ok_or_else(expected)?;
        let number = |text: &str| text.parse::<usize>().map_err(|_| expected());
        let share = Self { index: number(index)?, of: number(of)? };
        if share.index < share.of { Ok(share) } else { Err(expected()) }
    }
}
