//! The composed reference: a recorded formula run as tensor operations, on any backend.

use burn::tensor::backend::{Backend, get_device_settings};
use burn::tensor::ops::{BoolTensor, Device, FloatTensor};
use burn::tensor::{BoolDType, FloatDType, Shape, TensorMetadata};

use super::curve::{Curve, with_scalar};
use super::program::{Instruction, Program, Symbol};
use crate::scalar::ScalarActivation;

/// `f(x)`.
pub(super) fn forward<B: Backend>(x: FloatTensor<B>, curve: Curve) -> FloatTensor<B> {
    let value = Program::record(|x| with_scalar!(curve, Symbol, |activation| activation.value(x)));
    run::<B>(&value, x)
}

/// `grad · f'(x)`.
pub(super) fn backward<B: Backend>(x: FloatTensor<B>, grad: FloatTensor<B>, curve: Curve) -> FloatTensor<B> {
    let slope = Program::record(|x| with_scalar!(curve, Symbol, |activation| activation.slope(x)));
    B::float_mul(grad, run::<B>(&slope, x))
}

/// An intermediate result.
enum Value<B: Backend> {
    Number(f64),
    Tensor(FloatTensor<B>),
    Mask(BoolTensor<B>),
}

impl<B: Backend> Clone for Value<B> {
    fn clone(&self) -> Self {
        match self {
            Self::Number(number) => Self::Number(*number),
            Self::Tensor(tensor) => Self::Tensor(tensor.clone()),
            Self::Mask(mask) => Self::Mask(mask.clone()),
        }
    }
}

/// The results so far, each given up at its last use: the backend may then work in place, and the peak of memory stays
/// low.
struct Values<B: Backend> {
    values: Vec<Option<Value<B>>>,
    uses_left: Vec<usize>,
}

impl<B: Backend> Values<B> {
    fn read(&mut self, position: usize) -> Value<B> {
        self.uses_left[position] -= 1;
        let value = &mut self.values[position];
        let value = if self.uses_left[position] == 0 { value.take() } else { value.clone() };
        value.expect("an instruction only reads earlier ones, each as often as was counted")
    }
}

/// Runs `program` on every element of `input`.
fn run<B: Backend>(program: &Program, input: FloatTensor<B>) -> FloatTensor<B> {
    let context = Context::<B>::of(&input);
    let instructions = program.instructions();
    let mut uses_left = vec![0; instructions.len()];
    // The result is read once more at the end, and an unused input is never read.
    uses_left[instructions.len() - 1] = 1;
    for operand in instructions.iter().flat_map(|instruction| instruction.operands()) {
        uses_left[operand] += 1;
    }

    let mut values = Values { values: vec![Some(Value::Tensor(input))], uses_left };
    for instruction in &instructions[1..] {
        let mut read = |position| values.read(position);
        let value = match *instruction {
            Instruction::Input => read(0),
            Instruction::Constant(number) => Value::Number(number),
            Instruction::Add(a, b) => context.add(read(a), read(b)),
            Instruction::Sub(a, b) => context.sub(read(a), read(b)),
            Instruction::Mul(a, b) => context.mul(read(a), read(b)),
            Instruction::Div(a, b) => context.div(read(a), read(b)),
            Instruction::Neg(a) => Value::Tensor(B::float_neg(context.tensor(read(a)))),
            Instruction::Less(a, b) => context.less(read(a), read(b)),
            Instruction::LessEqual(a, b) => context.less_equal(read(a), read(b)),
            Instruction::Select(mask, yes, no) => context.select(read(mask), read(yes), read(no)),
        };
        values.values.push(Some(value));
    }
    context.tensor(values.read(instructions.len() - 1))
}

/// What is needed to make a tensor like the input, and the operations on intermediate results.
struct Context<B: Backend> {
    shape: Shape,
    device: Device<B>,
    float: FloatDType,
    bool: BoolDType,
}

impl<B: Backend> Context<B> {
    fn of(input: &FloatTensor<B>) -> Self {
        let device = B::float_device(input);
        let bool = get_device_settings::<B>(&device).bool_dtype;
        Self { shape: input.shape(), float: input.dtype().into(), bool, device }
    }

    /// The value as a tensor of the input's shape.
    fn tensor(&self, value: Value<B>) -> FloatTensor<B> {
        match value {
            Value::Tensor(tensor) => tensor,
            Value::Number(number) => B::float_full(self.shape.clone(), number.into(), &self.device, self.float),
            Value::Mask(_) => unreachable!("a formula cannot use a mask as a number: their types differ"),
        }
    }

    fn add(&self, a: Value<B>, b: Value<B>) -> Value<B> {
        Value::Tensor(match (a, b) {
            (Value::Number(number), other) | (other, Value::Number(number)) => {
                B::float_add_scalar(self.tensor(other), number.into())
            }
            (a, b) => B::float_add(self.tensor(a), self.tensor(b)),
        })
    }

    fn sub(&self, a: Value<B>, b: Value<B>) -> Value<B> {
        Value::Tensor(match (a, b) {
            (Value::Number(number), b) => B::float_add_scalar(B::float_neg(self.tensor(b)), number.into()),
            (a, Value::Number(number)) => B::float_sub_scalar(self.tensor(a), number.into()),
            (a, b) => B::float_sub(self.tensor(a), self.tensor(b)),
        })
    }

    fn mul(&self, a: Value<B>, b: Value<B>) -> Value<B> {
        Value::Tensor(match (a, b) {
            (Value::Number(number), other) | (other, Value::Number(number)) => {
                B::float_mul_scalar(self.tensor(other), number.into())
            }
            (a, b) => B::float_mul(self.tensor(a), self.tensor(b)),
        })
    }

    fn div(&self, a: Value<B>, b: Value<B>) -> Value<B> {
        Value::Tensor(match (a, b) {
            (a, Value::Number(number)) => B::float_div_scalar(self.tensor(a), number.into()),
            (a, b) => B::float_div(self.tensor(a), self.tensor(b)),
        })
    }

    fn less(&self, a: Value<B>, b: Value<B>) -> Value<B> {
        Value::Mask(match (a, b) {
            (Value::Number(number), b) => B::float_greater_elem(self.tensor(b), number.into(), self.bool),
            (a, Value::Number(number)) => B::float_lower_elem(self.tensor(a), number.into(), self.bool),
            (a, b) => B::float_lower(self.tensor(a), self.tensor(b), self.bool),
        })
    }

    fn less_equal(&self, a: Value<B>, b: Value<B>) -> Value<B> {
        Value::Mask(match (a, b) {
            (Value::Number(number), b) => B::float_greater_equal_elem(self.tensor(b), number.into(), self.bool),
            (a, Value::Number(number)) => B::float_lower_equal_elem(self.tensor(a), number.into(), self.bool),
            (a, b) => B::float_lower_equal(self.tensor(a), self.tensor(b), self.bool),
        })
    }

    fn select(&self, mask: Value<B>, yes: Value<B>, no: Value<B>) -> Value<B> {
        let Value::Mask(mask) = mask else {
            unreachable!("a formula cannot use a number as a mask: their types differ");
        };
        Value::Tensor(match yes {
            Value::Number(number) => B::float_mask_fill(self.tensor(no), mask, number.into()),
            yes => B::float_mask_where(self.tensor(no), mask, self.tensor(yes)),
        })
    }
}
