//! A recorded formula in the form in which a kernel is compiled from it.

use crate::op::program::{Instruction, Program};

/// The steps of a kernel for one element.
///
/// Numbers and masks are counted apart, because they have different types in the kernel. The first numbers are the
/// element and the parameters; each step adds the next number or the next mask.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Code {
    pub(super) steps: Vec<Step>,
    /// The numbers that are the results.
    pub(super) results: Vec<usize>,
    /// How many parameters come after the element.
    pub(super) parameters: usize,
}

/// One step; operands are positions among the numbers, but for the first of a select, which is one among the masks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Step {
    /// The bits of a number in single precision.
    Constant(u32),
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
    Select(usize, usize, usize),
}

impl Code {
    /// The code of `program`, which has `parameters` open parameters, without the instructions nothing depends on.
    pub(super) fn new(program: &Program, parameters: usize) -> Self {
        let mut code = Self { steps: Vec::new(), results: Vec::new(), parameters };
        let (mut numbers, mut masks) = (1 + parameters, 0);
        // For each instruction, its position among the numbers or among the masks.
        let mut places = Vec::with_capacity(program.instructions().len());
        for (instruction, uses) in program.instructions().iter().zip(program.uses()) {
            let at = |position: usize| places[position];
            let step = match *instruction {
                _ if uses == 0 => {
                    places.push(usize::MAX);
                    continue;
                }
                Instruction::Input => {
                    places.push(0);
                    continue;
                }
                Instruction::Parameter(position) => {
                    places.push(1 + position);
                    continue;
                }
                Instruction::Constant(value) => Step::Constant((value as f32).to_bits()),
                Instruction::Add(a, b) => Step::Add(at(a), at(b)),
                Instruction::Sub(a, b) => Step::Sub(at(a), at(b)),
                Instruction::Mul(a, b) => Step::Mul(at(a), at(b)),
                Instruction::Div(a, b) => Step::Div(at(a), at(b)),
                Instruction::Neg(a) => Step::Neg(at(a)),
                Instruction::Sqrt(a) => Step::Sqrt(at(a)),
                Instruction::Exp(a) => Step::Exp(at(a)),
                Instruction::ExpM1(a) => Step::ExpM1(at(a)),
                Instruction::Ln1p(a) => Step::Ln1p(at(a)),
                Instruction::NormalCdf(a) => Step::NormalCdf(at(a)),
                Instruction::Less(a, b) => Step::Less(at(a), at(b)),
                Instruction::LessEqual(a, b) => Step::LessEqual(at(a), at(b)),
                Instruction::Select(mask, yes, no) => Step::Select(at(mask), at(yes), at(no)),
            };
            let next = if matches!(step, Step::Less(..) | Step::LessEqual(..)) { &mut masks } else { &mut numbers };
            places.push(*next);
            *next += 1;
            code.steps.push(step);
        }
        code.results = program.results().iter().map(|result| places[*result]).collect();
        code
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::Formula;

    #[test]
    fn numbers_and_masks_are_counted_apart_and_unused_instructions_left_out() {
        let code = Code::new(&Program::value_with(Formula::Relu), 0);
        let expected = [Step::Constant(0), Step::LessEqual(0, 1), Step::Select(0, 1, 0)];
        assert_eq!((code.steps.as_slice(), code.results.as_slice()), (&expected[..], &[2][..]));

        let code = Code::new(&Program::slopes_with(Formula::LeakyRelu), 1);
        assert_eq!(code.results.len(), 2);
        let numbers = code.steps.iter().filter(|step| !matches!(step, Step::Less(..) | Step::LessEqual(..))).count();
        assert!(code.results.iter().all(|result| *result < 2 + numbers));
    }
}
