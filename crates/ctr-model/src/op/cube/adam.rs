//! Adam in one pass, in place, on as many tensors at a time as a kernel takes.
use burn_cubecl::CubeRuntime;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::launch::{array, grid, owned};
use crate::optim::AdamStep;

/// A parameter, its first and its second moment.
type Tensors<R> = [CubeTensor<R>; 3];

/// Tensors of one kernel at most: what bounds the time that it takes to compile.
const AT_ONCE: usize = 16;

/// See [`AdamStep`]; the constants are the gradient's factor and those of `AdamStepF32::constants`, in their order. A thread takes one number: those
/// of tensor i are numbered from `firsts[i]` on, up to `firsts[i + 1]`.
#[cube(launch_unchecked, address_type = "dynamic")]
fn update(
    parameters: &mut Sequence<Array<f32>>,
    means: &mut Sequence<Array<f32>>,
    squares: &mut Sequence<Array<f32>>,
    grads: &Sequence<Array<f32>>,
    firsts: &Sequence<usize>,
    constants: &Sequence<f32>,
    #[comptime] count: usize,
) {
    #[unroll]
    for i in 0..count {
        let first = *firsts.index(i);
        if ABSOLUTE_POS >= first && ABSOLUTE_POS < *firsts.index(i + 1) {
            let place = ABSOLUTE_POS - first;
            let parameter = parameters.index_mut(i);
            let mean = means.index_mut(i);
            let square = squares.index_mut(i);
            let g = grads.index(i)[place] * *constants.index(0usize);
            let m = *constants.index(2usize) * mean[place] + *constants.index(3usize) * g;
            let v = *constants.index(4usize) * square[place] + *constants.index(5usize) * (g * g);
            mean[place] = m;
            square[place] = v;
            let root = f32::sqrt(v) * *constants.index(7usize) + *constants.index(6usize);
            parameter[place] = parameter[place] - *constants.index(1usize) * m / root;
        }
    }
}

pub(super) fn adam<R: CubeRuntime>(tensors: Tensors<R>, grad: CubeTensor<R>, step: AdamStep) -> Tensors<R> {
    let (tensors, grad) = (tensors.map(owned), into_contiguous(grad));
    launch(core::slice::from_ref(&tensors), &[grad], step);
    tensors
}

/// There may be any number of them.
pub(super) fn adam_of_all<R: CubeRuntime>(all: Vec<(Tensors<R>, CubeTensor<R>)>, step: AdamStep) -> Vec<Tensors<R>> {
    let own = |(tensors, grad): (Tensors<R>, CubeTensor<R>)| (tensors.map(owned), into_contiguous(grad));
    let (all, grads): (Vec<_>, Vec<_>) = all.into_iter().map(own).unzip();
    let Some(client) = grads.first().map(|grad| grad.client.clone()) else { return all };
    // Four buffers for each tensor, and one for the numbers of the launch.
    let bindings = client.properties().hardware.max_bindings as usize;
    let at_once = (bindings.saturating_sub(1) / 4).clamp(1, AT_ONCE);
    for (tensors, grads) in all.chunks(at_once).zip(grads.chunks(at_once)) {
        launch(tensors, grads, step);
    }
    all
}

/// The tensors lie in buffers of their own, their elements one after another.
fn launch<R: CubeRuntime>(all: &[Tensors<R>], grads: &[CubeTensor<R>], step: AdamStep) {
    let (client, step) = (&grads[0].client, step.to_f32());
    let mut firsts = vec![0];
    for grad in grads {
        firsts.push(firsts[firsts.len() - 1] + grad.meta.num_elements());
    }
    let threads = firsts[grads.len()];
    let (cubes, dim) = grid(client, threads);
    let buffer = |tensor: &CubeTensor<R>| array(&tensor.handle, tensor.meta.num_elements());
    let [parameters, means, squares] = [0, 1, 2].map(|kind| all.iter().map(|tensors| buffer(&tensors[kind])).collect());
    // SAFETY: the four tensors of a parameter have one shape, their elements one after another; a thread compares its number with the first and the
    // last of each.
    unsafe {
        update::launch_unchecked::<R>(
            client,
            cubes,
            dim,
            AddressType::from_len(threads),
            parameters,
            means,
            squares,
            grads.iter().map(buffer).collect(),
            firsts.into_iter().collect(),
            [step.grad_scale].into_iter().chain(step.constants()).collect(),
            grads.len(),
        );
    }
}
