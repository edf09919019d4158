//! Launching the kernels.

use burn::tensor::{DType, Shape, TensorMetadata};
use burn_cubecl::CubeRuntime;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::{empty_device_contiguous_dtype, empty_device_dtype};
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;
use cubecl::{calculate_cube_count_elemwise, tensor_vector_size_parallel};

use super::code::Code;
use super::kernel;
use crate::op::program::Program;
use crate::op::{Curve, Formula};

/// Elements that one thread sums for each parameter, and sums that one thread of a fold adds. They are part of the
/// result: the order of summation follows from them and from the shape alone.
const GROUP: usize = 64;

/// Columns of the matrix that the elements are summed as, unless there are more units.
const WIDTH: usize = 1024;

/// The longest vectors in which all of the tensors can be read.
fn vector_size<R: CubeRuntime>(tensors: &[&CubeTensor<R>]) -> VectorSize {
    let size = |tensor: &&CubeTensor<R>| {
        let sizes = tensor.client.io_optimized_vector_sizes(tensor.dtype.size());
        tensor_vector_size_parallel(sizes, tensor.meta.shape(), tensor.meta.strides(), tensor.meta.num_dims() - 1)
    };
    tensors.iter().map(size).min().unwrap_or(1)
}

/// The integers that the largest of the tensors is indexed with.
fn address<R: CubeRuntime>(tensors: &[&CubeTensor<R>]) -> AddressType {
    tensors.iter().map(|tensor| tensor.required_address_type()).max().unwrap_or_default()
}

/// Threads in a group and groups, for at least `threads` threads.
fn grid<R: CubeRuntime>(client: &ComputeClient<R>, threads: usize) -> (CubeCount, CubeDim) {
    let dim = CubeDim::new(client, threads);
    (calculate_cube_count_elemwise(client, threads, dim), dim)
}

/// A tensor for the result of an elementwise operation on `like`.
fn empty_like<R: CubeRuntime>(like: &CubeTensor<R>) -> CubeTensor<R> {
    empty_device_dtype(like.client.clone(), like.device.clone(), like.shape(), like.dtype)
}

/// Whether the tensor may be overwritten, element by element.
fn is_ours<R: CubeRuntime>(tensor: &CubeTensor<R>) -> bool {
    tensor.can_mut() && tensor.is_nonoverlapping()
}

fn parameters_of<R: CubeRuntime>(curve: &Curve) -> SequenceArg<R, f32> {
    let mut parameters = SequenceArg::new();
    for parameter in curve.parameters() {
        parameters.push(*parameter as f32);
    }
    parameters
}

pub(super) fn forward<R: CubeRuntime>(x: CubeTensor<R>, curve: &Curve) -> CubeTensor<R> {
    let code = Code::new(&Program::value_with(curve.formula()), curve.parameters().len());
    let in_place = is_ours(&x);
    let y = if in_place { x.clone() } else { empty_like(&x) };
    let (client, size, address) = (x.client.clone(), vector_size(&[&x, &y]), address(&[&x, &y]));
    let (count, dim) = grid(&client, x.shape().num_elements() / size);
    let out = if in_place { x.as_linear_view_alias(0) } else { y.clone().into_linear_view() };
    let (element, parameters) = (x.dtype.into(), parameters_of(curve));
    let x = x.into_linear_view();
    // SAFETY: the views have the same shape, and the kernel checks each position against it.
    unsafe {
        kernel::forward::launch_unchecked::<R>(&client, count, dim, address, size, x, out, parameters, code, element);
    }
    y
}

pub(super) fn backward<R: CubeRuntime>(x: CubeTensor<R>, dy: CubeTensor<R>, curve: &Curve) -> CubeTensor<R> {
    let code = Code::new(&Program::slope_with(curve.formula()), curve.parameters().len());
    let in_place = is_ours(&dy);
    let dx = if in_place { dy.clone() } else { empty_like(&dy) };
    let (client, size, address) = (x.client.clone(), vector_size(&[&x, &dy, &dx]), address(&[&x, &dy, &dx]));
    let (count, dim) = grid(&client, x.shape().num_elements() / size);
    let out = if in_place { dy.as_linear_view_alias(1) } else { dx.clone().into_linear_view() };
    let (element, parameters) = (x.dtype.into(), parameters_of(curve));
    let (x, dy) = (x.into_linear_view(), dy.into_linear_view());
    // SAFETY: the views have the same shape, and the kernel checks each position against it.
    unsafe {
        kernel::backward::launch_unchecked::<R>(
            &client, count, dim, address, size, x, dy, out, parameters, code, element,
        );
    }
    dx
}

/// f(x + b), b expanded to the shape of x.
pub(super) fn forward_of_sum<R: CubeRuntime>(x: CubeTensor<R>, b: CubeTensor<R>, curve: &Curve) -> CubeTensor<R> {
    let code = Code::new(&Program::value_with(curve.formula()), curve.parameters().len());
    let in_place = is_ours(&x);
    let y = if in_place { x.clone() } else { empty_like(&x) };
    let (client, size, address) = (x.client.clone(), vector_size(&[&x, &b, &y]), address(&[&x, &b, &y]));
    let (count, dim) = grid(&client, x.shape().num_elements() / size);
    let out = if in_place { x.as_linear_view_alias(0) } else { y.clone().into_linear_view() };
    let (element, parameters) = (x.dtype.into(), parameters_of(curve));
    let (x, b) = (x.into_linear_view(), b.into_linear_view());
    // SAFETY: the views have the same shape, and the kernel checks each position against it.
    unsafe {
        kernel::forward_of_sum::launch_unchecked::<R>(
            &client, count, dim, address, size, x, b, out, parameters, code, element,
        );
    }
    y
}

/// dy·f'(x + b), b expanded to the shape of x.
pub(super) fn backward_of_sum<R: CubeRuntime>(
    x: CubeTensor<R>,
    b: CubeTensor<R>,
    dy: CubeTensor<R>,
    curve: &Curve,
) -> CubeTensor<R> {
    let code = Code::new(&Program::slope_with(curve.formula()), curve.parameters().len());
    let in_place = is_ours(&dy);
    let dx = if in_place { dy.clone() } else { empty_like(&dy) };
    let tensors = [&x, &b, &dy, &dx];
    let (client, size, address) = (x.client.clone(), vector_size(&tensors), address(&tensors));
    let (count, dim) = grid(&client, x.shape().num_elements() / size);
    let out = if in_place { dy.as_linear_view_alias(2) } else { dx.clone().into_linear_view() };
    let (element, parameters) = (x.dtype.into(), parameters_of(curve));
    let [x, b, dy] = [x, b, dy].map(CubeTensor::into_linear_view);
    // SAFETY: the views have the same shape, and the kernel checks each position against it.
    unsafe {
        kernel::backward_of_sum::launch_unchecked::<R>(
            &client, count, dim, address, size, x, b, dy, out, parameters, code, element,
        );
    }
    dx
}

pub(super) fn forward_with<R: CubeRuntime>(
    x: CubeTensor<R>,
    parameters: CubeTensor<R>,
    formula: Formula,
) -> CubeTensor<R> {
    let code = Code::new(&Program::value_with(formula), formula.parameters());
    let (client, units, table) = (x.client.clone(), parameters.shape()[1], into_contiguous(parameters));
    let y = empty_like(&x);
    let (count, dim) = grid(&client, x.shape().num_elements());
    let (address, elements) = (address(&[&x, &y, &table]), [x.dtype.into(), table.dtype.into()]);
    let (x, out, table) = (x.into_linear_view(), y.clone().into_linear_view(), table.into_array_arg());
    // SAFETY: the views have the same shape, against which the kernel checks each position; the table has `units` columns.
    unsafe {
        kernel::forward_with::launch_unchecked::<R>(&client, count, dim, address, x, out, table, units, code, elements);
    }
    y
}

pub(super) fn backward_with<R: CubeRuntime>(
    x: CubeTensor<R>,
    dy: CubeTensor<R>,
    parameters: CubeTensor<R>,
    formula: Formula,
) -> (CubeTensor<R>, CubeTensor<R>) {
    let code = Code::new(&Program::slopes_with(formula), formula.parameters());
    let [rows, units] = parameters.shape().dims();
    let (client, device, table) = (x.client.clone(), x.device.clone(), into_contiguous(parameters));
    let elements = x.shape().num_elements();
    let repeats = (WIDTH / units).clamp(1, elements / units);
    let width = repeats * units;
    let blocks = elements.div_ceil(width * GROUP);
    let scratch = |terms: usize, element: DType| {
        empty_device_contiguous_dtype(client.clone(), device.clone(), Shape::from([terms, rows * units]), element)
    };

    let sums = scratch(blocks * repeats, DType::F32);
    let in_place = is_ours(&dy);
    let dx = if in_place { dy.clone() } else { empty_like(&dy) };
    let address = address(&[&x, &dy, &dx, &table, &sums]);
    let types = [x.dtype.into(), table.dtype.into()];
    let out = if in_place { dy.as_linear_view_alias(1) } else { dx.clone().into_linear_view() };
    let (count, dim) = grid(&client, blocks * width);
    let element_of_table = table.dtype;
    // SAFETY: the views have the same shape, against which the kernel checks each position; the table has `units`
    // columns, and the sums one row for each of `blocks · repeats`.
    unsafe {
        kernel::backward_with::launch_unchecked::<R>(
            &client,
            count,
            dim,
            address,
            x.into_linear_view(),
            dy.into_linear_view(),
            out,
            table.into_array_arg(),
            sums.clone().into_array_arg(),
            units,
            width,
            blocks,
            GROUP,
            code,
            types,
        );
    }

    let (mut terms, mut sums) = (blocks * repeats, sums);
    loop {
        let groups = terms.div_ceil(GROUP);
        let element = if groups == 1 { element_of_table } else { DType::F32 };
        let folded = scratch(groups, element);
        let (count, dim) = grid(&client, groups * rows * units);
        // SAFETY: there are `terms` rows to read, and the kernel checks the place of each sum.
        unsafe {
            kernel::fold::launch_unchecked::<R>(
                &client,
                count,
                dim,
                address,
                sums.into_array_arg(),
                folded.clone().into_array_arg(),
                terms,
                rows * units,
                GROUP,
                element.into(),
            );
        }
        (terms, sums) = (groups, folded);
        if groups == 1 {
            break;
        }
    }
    let of_parameters = CubeTensor::new_contiguous(client, device, Shape::from([rows, units]), sums.handle, sums.dtype);
    (dx, of_parameters)
}
