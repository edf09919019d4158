//! Burn's `Fusion` decorator, which queues operations in order to run several as one.
//!
//! It knows nothing of what an operation of another crate computes and fuses none of these; it runs them in their place in
//! the queue, with the kernels of the backend that it decorates.

use core::fmt;
use core::marker::PhantomData;

use burn::tensor::TensorMetadata;
use burn::tensor::ops::FloatTensor;
use burn_fusion::stream::{Operation, OperationStreams};
use burn_fusion::{Fusion, FusionBackend, FusionHandle, FusionTensor};
use burn_ir::{CustomOpIr, HandleContainer, OperationIr, OperationOutput, TensorIr};

use super::{ActivationBackend, Curve, Formula};

/// What a queued operation is to do with its inputs.
#[derive(Debug)]
enum Task {
    /// x to f(x).
    Forward(Curve),
    /// x and the upstream gradient to the gradient.
    Backward(Curve),
    /// As [`Task::Backward`], from the output of SmeLU of this half-width.
    BackwardFromOutput(f64),
    /// x and the parameters to f(x).
    ForwardWith(Formula),
    /// x, the upstream gradient and the parameters to the gradients of x and of the parameters.
    BackwardWith(Formula),
}

impl Task {
    /// The name in Burn's record of the queue. Its plans for a queue are found by names, shapes and types; what the task
    /// holds need not be part of them, because this operation itself is run and none made from its record.
    fn name(&self) -> &'static str {
        match self {
            Self::Forward(_) => "smelu::activation",
            Self::Backward(_) => "smelu::activation_backward",
            Self::BackwardFromOutput(_) => "smelu::smelu_backward_from_output",
            Self::ForwardWith(_) => "smelu::activation_with",
            Self::BackwardWith(_) => "smelu::activation_with_backward",
        }
    }

    fn run<B: ActivationBackend>(&self, inputs: Vec<FloatTensor<B>>) -> Vec<FloatTensor<B>> {
        let mut inputs = inputs.into_iter();
        let mut next = || inputs.next().expect("a task is queued with as many inputs as it takes");
        match *self {
            Self::Forward(curve) => vec![B::activation(next(), curve)],
            Self::Backward(curve) => vec![B::activation_backward(next(), next(), curve)],
            Self::BackwardFromOutput(beta) => vec![B::smelu_backward_from_output(next(), next(), beta)],
            Self::ForwardWith(formula) => vec![B::activation_with(next(), next(), formula)],
            Self::BackwardWith(formula) => {
                let (of_x, of_parameters) = B::activation_with_backward(next(), next(), next(), formula);
                vec![of_x, of_parameters]
            }
        }
    }
}

/// A task and the tensors it reads and writes.
struct Queued<B> {
    task: Task,
    tensors: CustomOpIr,
    backend: PhantomData<B>,
}

impl<B> fmt::Debug for Queued<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queued").field("task", &self.task).field("tensors", &self.tensors).finish_non_exhaustive()
    }
}

impl<B: FusionBackend + ActivationBackend> Operation<B::FusionRuntime> for Queued<B> {
    fn execute(&self, handles: &mut HandleContainer<FusionHandle<B::FusionRuntime>>) {
        let inputs = self.tensors.inputs.iter().map(|input| handles.get_float_tensor::<B>(input)).collect();
        for (output, tensor) in self.tensors.outputs.iter().zip(self.task.run::<B>(inputs)) {
            handles.register_float_tensor::<B>(&output.id, tensor);
        }
    }
}

/// Puts `task` into the queue; its outputs have the shapes and types of the inputs at the positions `like`.
fn queue<B: FusionBackend + ActivationBackend, const IN: usize, const OUT: usize>(
    task: Task,
    inputs: [FloatTensor<Fusion<B>>; IN],
    like: [usize; OUT],
) -> [FloatTensor<Fusion<B>>; OUT] {
    let client = inputs[0].client.clone();
    let streams = OperationStreams::with_inputs(&inputs);
    let outputs = like.map(|position| {
        let like = &inputs[position];
        TensorIr::uninit(client.create_empty_handle(), like.shape(), like.dtype())
    });
    let tensors = CustomOpIr::new(task.name(), &inputs.map(FusionTensor::into_ir), &outputs);
    let operation = Queued::<B> { task, tensors: tensors.clone(), backend: PhantomData };
    client.register(streams, OperationIr::Custom(tensors), operation).outputs()
}

impl<B: FusionBackend + ActivationBackend> ActivationBackend for Fusion<B> {
    const FROM_OUTPUT: bool = B::FROM_OUTPUT;

    fn activation(x: FloatTensor<Self>, curve: Curve) -> FloatTensor<Self> {
        let [y] = queue::<B, 1, 1>(Task::Forward(curve), [x], [0]);
        y
    }

    fn activation_backward(x: FloatTensor<Self>, grad: FloatTensor<Self>, curve: Curve) -> FloatTensor<Self> {
        let [of_x] = queue::<B, 2, 1>(Task::Backward(curve), [x, grad], [0]);
        of_x
    }

    fn smelu_backward_from_output(y: FloatTensor<Self>, grad: FloatTensor<Self>, beta: f64) -> FloatTensor<Self> {
        let [of_x] = queue::<B, 2, 1>(Task::BackwardFromOutput(beta), [y, grad], [0]);
        of_x
    }

    fn activation_with(x: FloatTensor<Self>, parameters: FloatTensor<Self>, formula: Formula) -> FloatTensor<Self> {
        let [y] = queue::<B, 2, 1>(Task::ForwardWith(formula), [x, parameters], [0]);
        y
    }

    fn activation_with_backward(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        parameters: FloatTensor<Self>,
        formula: Formula,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let [of_x, of_parameters] = queue::<B, 3, 2>(Task::BackwardWith(formula), [x, grad, parameters], [0, 2]);
        (of_x, of_parameters)
    }
}
