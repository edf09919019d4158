//! Burn's fusion decorator: each operation enters the stream as one operation of its own, and runs on the decorated
//! backend when the stream does.
//!
//! Burn offers no way to add an instruction to its fused kernels, so an activation ends a block of fused operations. The
//! composed form would join the block, but with the elementary functions of the platform, which are less exact.

use core::marker::PhantomData;

use burn::tensor::ops::FloatTensor;
use burn::tensor::{DType, Shape, TensorMetadata};
use burn_fusion::stream::{Operation, OperationStreams};
use burn_fusion::{Fusion, FusionBackend};
use burn_ir::{CustomOpIr, HandleContainer, OperationIr, TensorIr};

use super::{ActivationBackend, Curve, Formula};

/// What is to be run.
#[derive(Debug, Clone, Copy)]
enum Task {
    Forward(Curve),
    Backward(Curve),
    ForwardWith(Formula),
    BackwardWith(Formula),
}

/// A task in the stream, with the tensors it reads and writes.
#[derive(Debug)]
struct Activation<B> {
    task: Task,
    tensors: CustomOpIr,
    backend: PhantomData<B>,
}

impl<B: FusionBackend + ActivationBackend> Operation<B::FusionRuntime> for Activation<B> {
    fn execute(&self, handles: &mut HandleContainer<B::Handle>) {
        let mut inputs = self.tensors.inputs.iter().map(|input| handles.get_float_tensor::<B>(input));
        let mut next = || inputs.next().expect("a task was registered with all of its inputs");
        let outputs = match self.task {
            Task::Forward(curve) => vec![B::activation(next(), curve)],
            Task::Backward(curve) => vec![B::activation_backward(next(), next(), curve)],
            Task::ForwardWith(formula) => vec![B::activation_with(next(), next(), formula)],
            Task::BackwardWith(formula) => {
                let (of_x, of_parameters) = B::activation_with_backward(next(), next(), next(), formula);
                vec![of_x, of_parameters]
            }
        };
        for (place, output) in self.tensors.outputs.iter().zip(outputs) {
            handles.register_float_tensor::<B>(&place.id, output);
        }
    }
}

/// Enters `task` into the stream; the outputs have these shapes and types.
fn register<B: FusionBackend + ActivationBackend, const IN: usize, const OUT: usize>(
    task: Task,
    inputs: [FloatTensor<Fusion<B>>; IN],
    outputs: [(Shape, DType); OUT],
) -> [FloatTensor<Fusion<B>>; OUT] {
    let streams = OperationStreams::with_inputs(&inputs);
    let client = inputs[0].client.clone();
    let outputs = outputs.map(|(shape, dtype)| TensorIr::uninit(client.create_empty_handle(), shape, dtype));
    let tensors = CustomOpIr::new("smelu", &inputs.map(|input| input.into_ir()), &outputs);
    let operation = Activation::<B> { task, tensors: tensors.clone(), backend: PhantomData };
    let registered = client.register(streams, OperationIr::Custom(tensors), operation);
    registered.try_into().expect("the stream gives one tensor for each output")
}

impl<B: FusionBackend + ActivationBackend> ActivationBackend for Fusion<B> {
    fn activation(x: FloatTensor<Self>, curve: Curve) -> FloatTensor<Self> {
        let like_x = (x.shape(), x.dtype());
        let [y] = register::<B, 1, 1>(Task::Forward(curve), [x], [like_x]);
        y
    }

    fn activation_backward(x: FloatTensor<Self>, grad: FloatTensor<Self>, curve: Curve) -> FloatTensor<Self> {
        let like_x = (x.shape(), x.dtype());
        let [of_x] = register::<B, 2, 1>(Task::Backward(curve), [x, grad], [like_x]);
        of_x
    }

    fn activation_with(x: FloatTensor<Self>, parameters: FloatTensor<Self>, formula: Formula) -> FloatTensor<Self> {
        let like_x = (x.shape(), x.dtype());
        let [y] = register::<B, 2, 1>(Task::ForwardWith(formula), [x, parameters], [like_x]);
        y
    }

    fn activation_with_backward(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        parameters: FloatTensor<Self>,
        formula: Formula,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let outputs = [(x.shape(), x.dtype()), (parameters.shape(), parameters.dtype())];
        let [of_x, of_parameters] = register::<B, 3, 2>(Task::BackwardWith(formula), [x, grad, parameters], outputs);
        (of_x, of_parameters)
    }
}
