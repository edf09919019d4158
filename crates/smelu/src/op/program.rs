//! A formula recorded as a list of operations.
//!
//! The composed reference runs the list as tensor operations, so that it follows the same definition as the kernels
//! without a second copy of it.

use core::cell::RefCell;
use core::mem;
use core::ops::{Add, Div, Mul, Neg, Sub};

use super::curve::{Curve, Formula, with_scalar};
use super::regions::Regions;
use crate::scalar::{LongCascade, Parameters, Real, ScalarActivation, Smelu};

/// One recorded operation; operands are the positions of earlier operations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Instruction {
    /// The element the formula is applied to.
    Input,
    /// A number known when the formula is recorded.
    Constant(f64),
    /// The parameter at this position.
    Parameter(usize),
    Add(usize, usize),
    Sub(usize, usize),
    Mul(usize, usize),
    Div(usize, usize),
    Neg(usize),
    Sqrt(usize),
    Exp(usize),
    ExpM1(usize),
    Ln1p(usize),
    NormalCdf(usize),
    Less(usize, usize),
    LessEqual(usize, usize),
    /// Mask, value where it holds, value elsewhere.
    Select(usize, usize, usize),
}

impl Instruction {
    /// The positions this instruction reads.
    pub(crate) fn operands(self) -> impl Iterator<Item = usize> {
        let operands = match self {
            Self::Input | Self::Constant(_) | Self::Parameter(_) => [None; 3],
            Self::Neg(a) | Self::Sqrt(a) | Self::Exp(a) | Self::ExpM1(a) | Self::Ln1p(a) | Self::NormalCdf(a) => {
                [Some(a), None, None]
            }
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

/// A recorded formula of one input and some parameters.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Program {
    instructions: Vec<Instruction>,
    results: Vec<usize>,
}

impl Program {
    /// Records `formula`.
    ///
    /// Symbols live inside the formula only: one made outside would stand for another recording's instruction.
    pub(crate) fn record(formula: impl FnOnce(Symbol) -> Vec<Symbol>) -> Self {
        let outer = RECORDING.with_borrow_mut(mem::take);
        let results = formula(Symbol::push(Instruction::Input)).into_iter().map(|symbol| symbol.0).collect();
        let instructions = RECORDING.with_borrow_mut(|recording| mem::replace(recording, outer));
        Self { instructions, results }
    }

    /// `f(x)`.
    pub(crate) fn value(curve: &Curve) -> Self {
        with_scalar!(curve.formula(), Symbol, |A| Self::record(|x| vec![curve.scalar::<Symbol, A>().value(x)]), |_| {
            Self::record(|x| vec![long(&curve.numbers()).value(x)])
        })
    }

    /// `f'(x)`.
    pub(crate) fn slope(curve: &Curve) -> Self {
        with_scalar!(curve.formula(), Symbol, |A| Self::record(|x| vec![curve.scalar::<Symbol, A>().slope(x)]), |_| {
            Self::record(|x| vec![long(&curve.numbers()).slope(x)])
        })
    }

    /// The slope of SmeLU of half-width `beta` from its value.
    pub(crate) fn smelu_slope_from_value(beta: f64) -> Self {
        Self::record(|y| vec![Smelu::new(Symbol::constant(beta)).slope_from_value(y)])
    }

    /// `f(x)` with open parameters.
    pub(crate) fn value_with(formula: Formula) -> Self {
        with_scalar!(formula, Symbol, |A| Self::record(|x| vec![open::<A>().value(x)]), |regions| Self::record(
            |x| vec![long(&all(regions)).value(x)]
        ))
    }

    /// `f'(x)` with open parameters.
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    pub(crate) fn slope_with(formula: Formula) -> Self {
        with_scalar!(formula, Symbol, |A| Self::record(|x| vec![open::<A>().slope(x)]), |regions| Self::record(
            |x| vec![long(&all(regions)).slope(x)]
        ))
    }

    /// `f'(x)` and the derivative with respect to each parameter, with open parameters.
    pub(crate) fn slopes_with(formula: Formula) -> Self {
        with_scalar!(
            formula,
            Symbol,
            |A| {
                let slopes = |x| [&[open::<A>().slope(x)], open::<A>().parameter_slopes(x).as_ref()].concat();
                Self::record(slopes)
            },
            |regions| {
                Self::record(|x| {
                    let parameters = all(regions);
                    // The slope, then the derivatives, each in its place in time.
                    let mut slopes = vec![long(&parameters).slope(x); 1 + parameters.len()];
                    long(&parameters).parameter_slopes(x, |p, slope| slopes[1 + p] = slope);
                    slopes
                })
            }
        )
    }

    /// The instructions in the order of evaluation.
    pub(crate) fn instructions(&self) -> &[Instruction] {
        &self.instructions
    }

    /// The instructions that hold the results.
    pub(crate) fn results(&self) -> &[usize] {
        &self.results
    }

    /// How often each instruction is read on the way to the results, the results themselves counted once more: 0 for one
    /// that need not be evaluated.
    pub(crate) fn uses(&self) -> Vec<usize> {
        let mut uses = vec![0; self.instructions.len()];
        for result in &self.results {
            uses[*result] += 1;
        }
        for (position, instruction) in self.instructions.iter().enumerate().rev() {
            if uses[position] > 0 {
                instruction.operands().for_each(|operand| uses[operand] += 1);
            }
        }
        uses
    }
}

/// The activation with its parameters left open; inside a recording only.
fn open<A: ScalarActivation<Symbol>>() -> A {
    A::from_parameters(Parameters::from_fn(Symbol::parameter))
}

/// The open parameters of a cascade of many regions; inside a recording only.
fn all(regions: Regions) -> Vec<Symbol> {
    (0..regions.parameters()).map(Symbol::parameter).collect()
}

/// A cascade of many regions.
fn long(parameters: &[Symbol]) -> LongCascade<'_, Symbol> {
    LongCascade::new(parameters).expect("the formula has as many parameters")
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

    /// The parameter at `position`.
    pub(crate) fn parameter(position: usize) -> Self {
        Self::push(Instruction::Parameter(position))
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
        SymbolMask(self.binary(other, |a, b| f64::from(u8::from(a < b)), Instruction::Less).0)
    }

    fn less_equal(self, other: Self) -> SymbolMask {
        SymbolMask(self.binary(other, |a, b| f64::from(u8::from(a <= b)), Instruction::LessEqual).0)
    }

    fn select(SymbolMask(mask): SymbolMask, yes: Self, no: Self) -> Self {
        match Self(mask).known() {
            Some(holds) => [no, yes][usize::from(holds != 0.0)],
            None => Self::push(Instruction::Select(mask, yes.0, no.0)),
        }
    }

    fn sqrt(self) -> Self {
        Self::push(Instruction::Sqrt(self.0))
    }

    fn exp(self) -> Self {
        Self::push(Instruction::Exp(self.0))
    }

    fn exp_m1(self) -> Self {
        Self::push(Instruction::ExpM1(self.0))
    }

    fn ln_1p(self) -> Self {
        Self::push(Instruction::Ln1p(self.0))
    }

    fn normal_cdf(self) -> Self {
        Self::push(Instruction::NormalCdf(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_on_known_numbers_are_done_while_recording() {
        let program = Program::record(|x| {
            let six = Symbol::constant(2.0) * Symbol::constant(3.0);
            vec![Symbol::select(six.less(Symbol::constant(7.0)), x + six, x)]
        });
        let used = |(instruction, uses): (&Instruction, usize)| (uses > 0).then_some(*instruction);
        let needed: Vec<_> = program.instructions().iter().zip(program.uses()).filter_map(used).collect();
        assert_eq!(needed, [Instruction::Input, Instruction::Constant(6.0), Instruction::Add(0, 3)]);
    }

    #[test]
    fn a_recording_inside_a_recording_leaves_the_outer_one_intact() {
        let outer = Program::record(|x| {
            let inner = Program::record(|y| vec![y * y]);
            assert_eq!(inner.instructions(), [Instruction::Input, Instruction::Mul(0, 0)]);
            vec![x + x]
        });
        assert_eq!(outer.instructions(), [Instruction::Input, Instruction::Add(0, 0)]);
        assert_eq!((outer.results(), outer.uses()), (&[1][..], vec![2, 1]));
    }
}
