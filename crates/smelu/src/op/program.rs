//! A formula recorded as a list of operations.
//!
//! The composed reference runs the list as tensor operations, so that it follows the same definition as the kernels
//! without a second copy of it.

use core::cell::RefCell;
use core::mem;
use core::ops::{Add, Div, Mul, Neg, Sub};

use crate::scalar::Real;

/// One recorded operation; operands are the positions of earlier operations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Instruction {
    /// The element the formula is applied to.
    Input,
    /// A number known when the formula is recorded.
    Constant(f64),
    Add(usize, usize),
    Sub(usize, usize),
    Mul(usize, usize),
    Div(usize, usize),
    Neg(usize),
    Less(usize, usize),
    LessEqual(usize, usize),
    /// Mask, value where it holds, value elsewhere.
    Select(usize, usize, usize),
}

impl Instruction {
    /// The positions this instruction reads.
    pub(crate) fn operands(self) -> impl Iterator<Item = usize> {
        let operands = match self {
            Self::Input | Self::Constant(_) => [None; 3],
            Self::Neg(a) => [Some(a), None, None],
            Self::Add(a, b)
            | Self::Sub(a, b)
            | Self::Mul(a, b)
            | Self::Div(a, b)
            | Self::Less(a, b)
            | Self::LessEqual(a, b) => [Some(a), Some(b), None],
            Self::Select(mask, yes, no) => [Some(mask), Some(yes), Some(no)],
        };
        operands.into_iter().flatten()
    }
}

thread_local! {
    /// What the formula under evaluation has recorded so far. A symbol is only a position in it, which keeps symbols
    /// `Copy`, as formulas expect of numbers.
    static RECORDING: RefCell<Vec<Instruction>> = const { RefCell::new(Vec::new()) };
}

/// A recorded formula of one input; its result is the last instruction.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Program(Vec<Instruction>);

impl Program {
    /// Records `formula`.
    pub(crate) fn record(formula: impl FnOnce(Symbol) -> Symbol) -> Self {
        let outer = RECORDING.with_borrow_mut(mem::take);
        let Symbol(result) = formula(Symbol::push(Instruction::Input));
        let mut instructions = RECORDING.with_borrow_mut(|recording| mem::replace(recording, outer));
        instructions.truncate(result + 1);
        Self(instructions)
    }

    /// The instructions in the order of evaluation.
    pub(crate) fn instructions(&self) -> &[Instruction] {
        &self.0
    }
}

/// A number of a formula being recorded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Symbol(usize);

/// A comparison of a formula being recorded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SymbolMask(usize);

impl Symbol {
    fn push(instruction: Instruction) -> Self {
        RECORDING.with_borrow_mut(|recording| {
            recording.push(instruction);
            Self(recording.len() - 1)
        })
    }

    fn known(self) -> Option<f64> {
        RECORDING.with_borrow(|recording| match recording[self.0] {
            Instruction::Constant(value) => Some(value),
            _ => None,
        })
    }

    /// Records a binary operation, or its result when both operands are known.
    fn binary(self, other: Self, fold: fn(f64, f64) -> f64, record: fn(usize, usize) -> Instruction) -> Self {
        match (self.known(), other.known()) {
            (Some(a), Some(b)) => Self::push(Instruction::Constant(fold(a, b))),
            _ => Self::push(record(self.0, other.0)),
        }
    }
}

impl Add for Symbol {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        self.binary(other, f64::add, Instruction::Add)
    }
}

impl Sub for Symbol {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self.binary(other, f64::sub, Instruction::Sub)
    }
}

impl Mul for Symbol {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        self.binary(other, f64::mul, Instruction::Mul)
    }
}

impl Div for Symbol {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        self.binary(other, f64::div, Instruction::Div)
    }
}

impl Neg for Symbol {
    type Output = Self;
    fn neg(self) -> Self {
        match self.known() {
            Some(value) => Self::constant(-value),
            None => Self::push(Instruction::Neg(self.0)),
        }
    }
}

impl Real for Symbol {
    type Mask = SymbolMask;

    fn constant(value: f64) -> Self {
        Self::push(Instruction::Constant(value))
    }

    fn less(self, other: Self) -> SymbolMask {
        SymbolMask(Self::push(Instruction::Less(self.0, other.0)).0)
    }

    fn less_equal(self, other: Self) -> SymbolMask {
        SymbolMask(Self::push(Instruction::LessEqual(self.0, other.0)).0)
    }

    fn select(mask: SymbolMask, yes: Self, no: Self) -> Self {
        Self::push(Instruction::Select(mask.0, yes.0, no.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_on_known_numbers_are_done_while_recording() {
        let program = Program::record(|x| x + Symbol::constant(2.0) * Symbol::constant(3.0));
        assert!(program.instructions().contains(&Instruction::Constant(6.0)));
        assert!(!program.instructions().iter().any(|i| matches!(i, Instruction::Mul(..))));
    }

    #[test]
    fn a_recording_inside_a_recording_leaves_the_outer_one_intact() {
        let outer = Program::record(|x| {
            let inner = Program::record(|y| y * y);
            assert_eq!(inner.instructions(), [Instruction::Input, Instruction::Mul(0, 0)]);
            x + x
        });
        assert_eq!(outer.instructions(), [Instruction::Input, Instruction::Add(0, 0)]);
    }
}
