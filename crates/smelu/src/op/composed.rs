//! The composed reference: a recorded formula run as tensor operations, on any backend.

use burn::tensor::backend::{Backend, get_device_settings};
use burn::tensor::ops::{BoolTensor, Device, FloatTensor};
use burn::tensor::{BoolDType, FloatDType, Shape, Slice, TensorMetadata};

use super::curve::{Curve, Formula};
use super::program::{Instruction, Program};

/// `f(x)`.
pub(super) fn forward<B: Backend>(x: FloatTensor<B>, curve: &Curve) -> FloatTensor<B> {
    only(run::<B>(&Program::value(curve), x, &[]))
}

/// `grad · f'(x)`.
pub(super) fn backward<B: Backend>(x: FloatTensor<B>, grad: FloatTensor<B>, curve: &Curve) -> FloatTensor<B> {
    B::float_mul(grad, only(run::<B>(&Program::slope(curve), x, &[])))
}

/// `grad · f'(x)` of SmeLU of half-width `beta` from y = f(x).
pub(super) fn smelu_backward_from_output<B: Backend>(
    y: FloatTensor<B>,
    grad: FloatTensor<B>,
    beta: f64,
) -> FloatTensor<B> {
    B::float_mul(grad, only(run::<B>(&Program::smelu_slope_from_value(beta), y, &[])))
}

/// `f(x)` with the parameters in the rows of `parameters`, `[P, U]` with U = 1 or the last dimension of `x`.
pub(super) fn forward_with<B: Backend>(
    x: FloatTensor<B>,
    parameters: &FloatTensor<B>,
    formula: Formula,
) -> FloatTensor<B> {
    let parameters = rows::<B>(parameters, &x.shape());
    only(run::<B>(&Program::value_with(formula), x, &parameters))
}

/// The gradients with respect to `x` and to `parameters`, in their shapes.
pub(super) fn backward_with<B: Backend>(
    x: FloatTensor<B>,
    grad: &FloatTensor<B>,
    parameters: &FloatTensor<B>,
    formula: Formula,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let (shape, units) = (x.shape(), parameters.shape()[1]);
    let parameters = rows::<B>(parameters, &shape);
    let slopes = run::<B>(&Program::slopes_with(formula), x, &parameters);
    let mut gradients = slopes.into_iter().map(|slope| B::float_mul(grad.clone(), slope));
    let of_x = gradients.next().expect("the slope of the input is the first result");
    let of_parameters = gradients.map(|gradient| {
        let repeats = shape.num_elements() / units;
        B::float_sum_dim(B::float_reshape(gradient, Shape::from([repeats, units])), 0)
    });
    (of_x, B::float_cat(of_parameters.collect(), 0))
}

/// Each row of `[P, U]`, expanded to `shape`.
fn rows<B: Backend>(parameters: &FloatTensor<B>, shape: &Shape) -> Vec<FloatTensor<B>> {
    let [count, units] = [parameters.shape()[0], parameters.shape()[1]];
    let mut broadcast = vec![1; shape.num_dims()];
    broadcast[shape.num_dims() - 1] = units;
    let row = |p: usize| {
        let row = B::float_slice(parameters.clone(), &[Slice::from(p..p + 1), Slice::from(0..units)]);
        B::float_expand(B::float_reshape(row, Shape::from(broadcast.clone())), shape.clone())
    };
    (0..count).map(row).collect()
}

fn only<T>(mut results: Vec<T>) -> T {
    results.pop().expect("the program was recorded with one result")
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

/// Runs `program` on every element of `input`; each of `parameters` has the shape of the input.
fn run<B: Backend>(program: &Program, input: FloatTensor<B>, parameters: &[FloatTensor<B>]) -> Vec<FloatTensor<B>> {
    let context = Context::<B>::of(&input);
    let mut values = Values { values: vec![Some(Value::Tensor(input))], uses_left: program.uses() };
    for (position, instruction) in program.instructions().iter().enumerate().skip(1) {
        if values.uses_left[position] == 0 {
            values.values.push(None);
            continue;
        }
        let mut read = |position| values.read(position);
        let value = match *instruction {
            Instruction::Input => read(0),
            Instruction::Constant(number) => Value::Number(number),
            Instruction::Parameter(position) => Value::Tensor(parameters[position].clone()),
            Instruction::Add(a, b) => context.add(read(a), read(b)),
            Instruction::Sub(a, b) => context.sub(read(a), read(b)),
            Instruction::Mul(a, b) => context.mul(read(a), read(b)),
            Instruction::Div(a, b) => context.div(read(a), read(b)),
            Instruction::Neg(a) => Value::Tensor(B::float_neg(context.tensor(read(a)))),
            Instruction::Sqrt(a) => Value::Tensor(B::float_sqrt(context.tensor(read(a)))),
            Instruction::Exp(a) => Value::Tensor(B::float_exp(context.tensor(read(a)))),
            Instruction::ExpM1(a) => Value::Tensor(exp_m1::<B>(context.tensor(read(a)))),
            Instruction::Ln1p(a) => Value::Tensor(B::float_log1p(context.tensor(read(a)))),
            Instruction::NormalCdf(a) => Value::Tensor(normal_cdf::<B>(context.tensor(read(a)))),
            Instruction::Less(a, b) => context.less(read(a), read(b)),
            Instruction::LessEqual(a, b) => context.less_equal(read(a), read(b)),
            Instruction::Select(mask, yes, no) => context.select(read(mask), read(yes), read(no)),
        };
        values.values.push(Some(value));
    }
    program.results().iter().map(|result| context.tensor(values.read(*result))).collect()
}

/// `eˣ − 1` as 2h/(1 − h), h = tanh(x/2): backends have no function for it, and the difference cancels near 0.
fn exp_m1<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let h = B::float_tanh(B::float_mul_scalar(x, 0.5.into()));
    let rest = B::float_add_scalar(B::float_neg(h.clone()), 1.0.into());
    B::float_div(B::float_mul_scalar(h, 2.0.into()), rest)
}

/// Φ(z) = (1 + erf(z/√2))/2: within one rounding of 1 in absolute terms.
fn normal_cdf<B: Backend>(z: FloatTensor<B>) -> FloatTensor<B> {
    let erf = B::float_erf(B::float_mul_scalar(z, core::f64::consts::FRAC_1_SQRT_2.into()));
    B::float_mul_scalar(B::float_add_scalar(erf, 1.0.into()), 0.5.into())
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
