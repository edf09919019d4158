//! What every launch of a kernel needs.
use burn::tensor::DType;
use burn_cubecl::CubeRuntime;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use cubecl::calculate_cube_count_elemwise;
use cubecl::client::ComputeClient;
use cubecl::prelude::*;
use cubecl::server::Handle;

/// Threads in a group and groups, for at least `threads` threads.
pub(super) fn grid<R: CubeRuntime>(client: &ComputeClient<R>, threads: usize) -> (CubeCount, CubeDim) {
    let dim = CubeDim::new(client, threads);
    (calculate_cube_count_elemwise(client, threads, dim), dim)
}

/// A buffer of `length` elements as the argument of a kernel.
pub(super) fn array<R: CubeRuntime>(handle: &Handle, length: usize) -> ArrayArg<R> {
    // SAFETY: every caller gives the length that the buffer was made with, or a shorter one.
    unsafe { ArrayArg::from_raw_parts(handle.clone(), length) }
}

/// Whether a kernel for single precision has something to do with the tensors.
pub(super) fn computes<R: CubeRuntime>(tensors: &[&CubeTensor<R>]) -> bool {
    tensors.iter().all(|tensor| tensor.dtype == DType::F32 && tensor.meta.num_elements() > 0)
}

/// The tensor in a buffer of its own that may be written, its elements one after another.
pub(super) fn owned<R: CubeRuntime>(tensor: CubeTensor<R>) -> CubeTensor<R> {
    let tensor = into_contiguous(tensor);
    // Burn's copy may have padded rows.
    if tensor.can_mut() { tensor } else { into_contiguous(tensor.copy()) }
}
