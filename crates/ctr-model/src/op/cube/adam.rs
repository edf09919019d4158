//! Adam on one tensor in one pass, in place.
use burn_cubecl::CubeRuntime;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::launch::{array, grid, owned};
use crate::optim::AdamStep;

/// See [`AdamStep`]; the constants are the gradient's factor and those of `AdamStepF32::constants`, in their order.
#[cube(launch_unchecked, address_type = "dynamic")]
fn update(
    parameter: &mut Array<f32>,
    first: &mut Array<f32>,
    second: &mut Array<f32>,
    grad: &Array<f32>,
    constants: &Sequence<f32>,
) {
    if ABSOLUTE_POS >= parameter.len() {
        terminate!();
    }
    let g = grad[ABSOLUTE_POS] * *constants.index(0usize);
    let m = *constants.index(2usize) * first[ABSOLUTE_POS] + *constants.index(3usize) * g;
    let v = *constants.index(4usize) * second[ABSOLUTE_POS] + *constants.index(5usize) * (g * g);
    first[ABSOLUTE_POS] = m;
    second[ABSOLUTE_POS] = v;
    let root = f32::sqrt(v) * *constants.index(7usize) + *constants.index(6usize);
    parameter[ABSOLUTE_POS] = parameter[ABSOLUTE_POS] - *constants.index(1usize) * m / root;
}

pub(super) fn adam<R: CubeRuntime>(
    tensors: [CubeTensor<R>; 3],
    grad: CubeTensor<R>,
    step: AdamStep,
) -> [CubeTensor<R>; 3] {
    let (tensors, grad, step) = (tensors.map(owned), into_contiguous(grad), step.to_f32());
    let [parameter, first, second] = &tensors;
    let (client, length) = (&parameter.client, parameter.meta.num_elements());
    let (count, dim) = grid(client, length);
    // SAFETY: the four tensors have one shape, their elements one after another; a thread compares its number with the length.
    unsafe {
        update::launch_unchecked::<R>(
            client,
            count,
            dim,
            AddressType::from_len(length),
            array(&parameter.handle, length),
            array(&first.handle, length),
            array(&second.handle, length),
            array(&grad.handle, length),
            [step.grad_scale].into_iter().chain(step.constants()).collect(),
        );
    }
    tensors
}
