//! Matrix products.
//!
//! Burn's own product of `f32` matrices rounds its factors to TF32, 10 bits, where a device has units for that, and its kernels without such
//! units are slow for matrices that lie transposed. Here what is called `f32` is computed in `f32`. No kernel is chosen by measuring; how the sums
//! of a large product are divided is a function of its shape alone.
#[allow(clippy::used_underscore_binding, reason = "the macro reads what only it can read")]
mod column;
#[allow(clippy::used_underscore_binding, reason = "the macro reads what only it can read")]
#[allow(clippy::needless_pass_by_value, reason = "a kernel has its arguments by value")]
mod kernel;

use burn::tensor::{DType, Shape, TensorMetadata};
use burn_cubecl::CubeRuntime;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubecl::client::ComputeClient;
use cubecl::ir::{ElemType, FloatKind};
use cubecl::prelude::*;
use cubek::matmul::components::tile::TileMatmulKind;
use cubek::matmul::definition::{MatmulElems, MatmulGlobalElems, MatmulSetupError};
use cubek::matmul::launch::{Strategy, launch_ref};
use cubek::matmul::routines::BlueprintStrategy;
use cubek::matmul::routines::double_buffering::DoubleBufferingArgs;
use cubek::matmul::routines::simple::SimpleArgs;
use cubek::std::InputBinding;

use super::columns::sum_rows;
use super::launch::array;
use kernel::{DEPTH, FactorLaunch, TILE, threads, tiles};

/// Groups of threads that are started for a product at least, as far as its sums are long enough to be divided: what fills a large device.
const GROUPS: usize = 256;

/// Terms of a part of a sum at least.
const SHORTEST: usize = 128;

/// Multiplications from which on a product is divided into tiles.
const MANY: usize = 1 << 20;

/// Rows or columns that can be divided into tiles: a device starts 65,535 groups along a dimension at most.
const LARGEST: usize = 65_535 * TILE;

/// Into how many parts the sums over `inner` terms of a result of [rows, columns] are divided, and the terms of each part.
fn division(rows: usize, columns: usize, inner: usize) -> (usize, usize) {
    let tiles = rows.div_ceil(TILE) * columns.div_ceil(TILE);
    let parts = (GROUPS / tiles).clamp(1, (inner / SHORTEST).max(1));
    let chunk = inner.div_ceil(parts).next_multiple_of(DEPTH);
    (inner.div_ceil(chunk), chunk)
}

/// Vectors of four columns that a thread has of a tile. Who has them changes no bit.
///
/// Four need up to 255 registers a thread, of which NVIDIA's multiprocessors have enough for 256 threads; a device that does not tell how many of
/// them it has would keep the sums in memory.
fn vectors_of_columns<R: CubeRuntime>(client: &ComputeClient<R>) -> usize {
    if client.properties().hardware.num_streaming_multiprocessors.is_some() { 4 } else { 2 }
}

/// Numbers that a thread reads of a factor at one time: four rows or columns where they lie side by side and no vector of them begins between the
/// places of such vectors.
fn vector_size<R: CubeRuntime>(factor: &CubeTensor<R>, terms_first: bool, stride: usize, length: usize) -> usize {
    let begin = factor.handle.offset_start.unwrap_or(0);
    let is_aligned = begin.is_multiple_of(16) && stride.is_multiple_of(4) && length.is_multiple_of(4);
    if !terms_first && is_aligned { 4 } else { 1 }
}

/// A matrix whose rows or columns lie one after another.
fn plain<R: CubeRuntime>(matrix: CubeTensor<R>) -> CubeTensor<R> {
    if matrix.meta.strides().contains(&1) { matrix } else { into_contiguous(matrix) }
}

/// a·b; a: [.., M, K], b: [.., K, N] with the same leading dimensions, either of which may lie transposed, and neither of which is empty.
pub(super) fn product<R: CubeRuntime>(a: CubeTensor<R>, b: CubeTensor<R>) -> CubeTensor<R> {
    let rank = a.meta.num_dims();
    let (rows, columns) = (a.meta.shape()[rank - 2], b.meta.shape()[rank - 1]);
    assert_eq!(a.meta.shape()[rank - 1], b.meta.shape()[rank - 2], "terms of the rows and of the columns");
    if rank == 2 && columns == 1 {
        return column::by_column(a, &b, None);
    }
    if rank == 2 && a.meta.shape()[1] == 1 {
        return column::column_by_row(a, b);
    }
    let is_large = a.meta.num_elements() * columns >= MANY;
    if rank == 2 && is_large && rows.max(columns) <= LARGEST {
        let across = vectors_of_columns(&a.client);
        by_tiles(a, b, across)
    } else {
        by_units(a, b)
    }
}

/// a·b + c for a matrix b of one column; a: [M, K], b: [K, 1], c: \[1\], none of them empty → [M, 1].
pub(super) fn column_plus<R: CubeRuntime>(a: CubeTensor<R>, b: &CubeTensor<R>, c: &CubeTensor<R>) -> CubeTensor<R> {
    assert_eq!(a.meta.shape()[1], b.meta.shape()[0], "terms of the rows and of the columns");
    column::by_column(a, b, Some(c))
}

/// Whether the device has units that round factors to TF32.
pub(super) fn has_tf32<R: CubeRuntime>(device: &R::Device) -> bool {
    let tf32 = ElemType::Float(FloatKind::TF32);
    R::client(device).properties().supports_type(tf32)
}

/// a·b by the units for short formats: `f32` factors are rounded to TF32, others stay what they are; sums are in `f32`.
pub(super) fn rounded<R: CubeRuntime>(a: CubeTensor<R>, b: CubeTensor<R>) -> CubeTensor<R> {
    let (rank, mut shape, dtype) = (a.meta.num_dims(), a.shape(), a.dtype);
    let (rows, inner, columns) = (shape[rank - 2], shape[rank - 1], b.meta.shape()[rank - 1]);
    shape[rank - 1] = columns;
    let (client, device) = (a.client.clone(), a.device.clone());
    let whole = (division(rows, columns, inner).0, inner);
    let parts = if rank == 2 && dtype == DType::F32 && whole.1.is_multiple_of(whole.0) { whole.0 } else { 1 };
    if parts == 1 {
        let out = empty_device_contiguous_dtype(client, device, shape, dtype);
        by_rounding_units(&[a.binding(), b.binding()], &out);
        return out;
    }
    let partial = Shape::from([parts, rows, columns]);
    let out = empty_device_contiguous_dtype(client.clone(), device.clone(), partial, dtype);
    by_rounding_units(&[divided(a.binding(), 1, parts), divided(b.binding(), 0, parts)], &out);
    let sums = Shape::from([parts, rows * columns]);
    let out = sum_rows(CubeTensor::new_contiguous(client.clone(), device.clone(), sums, out.handle, dtype));
    CubeTensor::new_contiguous(client, device, shape, out.handle, dtype)
}

/// A matrix as `parts` matrices, divided along `dim`.
fn divided<R: CubeRuntime>(mut matrix: TensorBinding<R>, dim: usize, parts: usize) -> TensorBinding<R> {
    let chunk = matrix.shape[dim] / parts;
    let stride = chunk * matrix.strides[dim];
    matrix.shape[dim] = chunk;
    matrix.shape.insert(0, parts);
    matrix.strides.insert(0, stride);
    matrix
}

fn by_rounding_units<R: CubeRuntime>(factors: &[TensorBinding<R>; 2], out: &CubeTensor<R>) {
    // The first that can be used with the layouts: matrices that the engine for copies can read, then any.
    let strategies = [
        Strategy::DoubleTmaMma(BlueprintStrategy::Inferred(DoubleBufferingArgs {
            specialized: false,
            tile_matmul: TileMatmulKind::Mma,
        })),
        Strategy::SimpleCyclicMma(BlueprintStrategy::Inferred(SimpleArgs {
            multi_rows: true,
            tile_matmul: TileMatmulKind::Mma,
        })),
        Strategy::Auto,
    ];
    let launched = strategies.iter().any(|strategy| launch(strategy, factors.clone(), out).is_ok());
    assert!(launched, "the device cannot compute products of shape {:?} in {:?}", out.meta.shape(), out.dtype);
}

fn launch<R: CubeRuntime>(
    strategy: &Strategy,
    factors: [TensorBinding<R>; 2],
    out: &CubeTensor<R>,
) -> Result<(), MatmulSetupError> {
    let element = out.dtype.into();
    let mut elements = MatmulElems::from_globals(&MatmulGlobalElems { lhs: element, rhs: element, out: element });
    let [a, b] = factors.map(|factor| InputBinding::new(factor, element));
    launch_ref(strategy, &out.client, a, b, out.clone().binding(), &mut elements)
}

/// One product or many, of matrices that are smaller than a tile as a rule.
fn by_units<R: CubeRuntime>(a: CubeTensor<R>, b: CubeTensor<R>) -> CubeTensor<R> {
    let (rank, mut shape) = (a.meta.num_dims(), a.shape());
    shape[rank - 1] = b.meta.shape()[rank - 1];
    let out = empty_device_contiguous_dtype(a.client.clone(), a.device.clone(), shape, DType::F32);
    if let Err(error) = launch(&Strategy::SimpleUnit(BlueprintStrategy::default()), [a.binding(), b.binding()], &out) {
        panic!("the units of the device cannot compute products of matrices of this shape: {error:?}");
    }
    out
}

/// As [`product`], each thread with `across` vectors of columns of its tile: 2 or 4.
fn by_tiles<R: CubeRuntime>(a: CubeTensor<R>, b: CubeTensor<R>, across: usize) -> CubeTensor<R> {
    let ([rows, inner], [_, columns]) = (a.meta.shape().dims(), b.meta.shape().dims());
    let (parts, chunk) = division(rows, columns, inner);
    let (a, b) = (plain(a), plain(b));
    let (client, device) = (a.client.clone(), a.device.clone());
    let length = parts * rows * columns;
    let shape = Shape::from([parts, rows * columns]);
    let out = empty_device_contiguous_dtype(client.clone(), device.clone(), shape, DType::F32);
    let (a_strides, b_strides) = (a.meta.strides().to_vec(), b.meta.strides().to_vec());
    let (a_terms_first, b_terms_first) = (a_strides[1] == 1, b_strides[0] == 1);
    let (a_stride, b_stride) = (a_strides[usize::from(!a_terms_first)], b_strides[usize::from(b_terms_first)]);
    let stored = |strides: &[usize], shape: [usize; 2]| (shape[0] - 1) * strides[0] + (shape[1] - 1) * strides[1] + 1;
    let stored = [stored(&a_strides, [rows, inner]), stored(&b_strides, [inner, columns])];
    let address = AddressType::from_len(stored[0].max(stored[1]).max(length));
    let count = [columns.div_ceil(TILE), rows.div_ceil(TILE), parts].map(|count| count as u32);
    // SAFETY: the kernel reads rows, columns and terms that it compares with the matrices', and writes numbers of the tile that it compares with
    // the result's; there is one group for each tile of each part. Vectors of four have lengths and strides that four divides, and begin at a
    // multiple of 16 bytes. Places run on behind the end, and may wrap there, but are not read.
    unsafe {
        tiles::launch_unchecked::<R>(
            &client,
            CubeCount::Static(count[0], count[1], count[2]),
            CubeDim::new_1d(threads(across) as u32),
            address,
            vector_size(&a, a_terms_first, a_stride, rows),
            vector_size(&b, b_terms_first, b_stride, columns),
            if columns.is_multiple_of(4) { 4 } else { 1 },
            array(&a.handle, stored[0]),
            array(&b.handle, stored[1]),
            array(&out.handle, length),
            FactorLaunch::new(a_stride, rows),
            FactorLaunch::new(b_stride, columns),
            inner,
            chunk,
            a_terms_first,
            b_terms_first,
            rows.is_multiple_of(TILE) && columns.is_multiple_of(TILE),
            across,
        );
    }
    let out = if parts == 1 { out } else { sum_rows(out) };
    CubeTensor::new_contiguous(client, device, Shape::from([rows, columns]), out.handle, DType::F32)
}

#[cfg(test)]
mod tests;
