//! The kernels. Every tensor is read through its own strides; elements are counted in row-major order.

use cubecl::prelude::*;
use cubecl::std::tensor::layout::linear::LinearView;

use super::code::Code;
use super::evaluate::evaluate;

/// A vector of one element.
type One = Const<1>;

/// The same numbers for every element.
#[cube]
fn repeated<N: Size>(numbers: &Sequence<f32>, #[comptime] count: usize) -> Sequence<Vector<f32, N>> {
    let mut repeated = Sequence::<Vector<f32, N>>::new();
    #[unroll]
    for i in 0..count {
        repeated.push(Vector::new(*numbers.index(i)));
    }
    repeated
}

/// Column `unit` of a table of parameters, `[P, units]`.
#[cube]
fn column<G: Float>(
    table: &Array<G>,
    unit: usize,
    units: usize,
    #[comptime] count: usize,
) -> Sequence<Vector<f32, One>> {
    let mut column = Sequence::<Vector<f32, One>>::new();
    #[unroll]
    for p in 0..count {
        column.push(Vector::new(f32::cast_from(table[p * units + unit])));
    }
    column
}

/// y = f(x).
#[cube(launch_unchecked, address_type = "dynamic")]
pub(super) fn forward<F: Float, N: Size>(
    x: &LinearView<Vector<F, N>>,
    y: &mut LinearView<Vector<F, N>, ReadWrite>,
    parameters: &Sequence<f32>,
    #[comptime] code: &Code,
    #[define(F)] _element: StorageType,
) {
    if !y.is_in_bounds(ABSOLUTE_POS) {
        terminate!();
    }
    let parameters = repeated::<N>(parameters, code.parameters);
    let results = evaluate::<N>(Vector::cast_from(x[ABSOLUTE_POS]), &parameters, code);
    y[ABSOLUTE_POS] = Vector::cast_from(*results.index(0usize));
}

/// dx = dy·f'(x).
#[cube(launch_unchecked, address_type = "dynamic")]
pub(super) fn backward<F: Float, N: Size>(
    x: &LinearView<Vector<F, N>>,
    dy: &LinearView<Vector<F, N>>,
    dx: &mut LinearView<Vector<F, N>, ReadWrite>,
    parameters: &Sequence<f32>,
    #[comptime] code: &Code,
    #[define(F)] _element: StorageType,
) {
    if !dx.is_in_bounds(ABSOLUTE_POS) {
        terminate!();
    }
    let parameters = repeated::<N>(parameters, code.parameters);
    let results = evaluate::<N>(Vector::cast_from(x[ABSOLUTE_POS]), &parameters, code);
    let upstream = Vector::<f32, N>::cast_from(dy[ABSOLUTE_POS]);
    dx[ABSOLUTE_POS] = Vector::cast_from(upstream * *results.index(0usize));
}

/// y = f(x + b).
#[cube(launch_unchecked, address_type = "dynamic")]
pub(super) fn forward_of_sum<F: Float, N: Size>(
    x: &LinearView<Vector<F, N>>,
    b: &LinearView<Vector<F, N>>,
    y: &mut LinearView<Vector<F, N>, ReadWrite>,
    parameters: &Sequence<f32>,
    #[comptime] code: &Code,
    #[define(F)] _element: StorageType,
) {
    if !y.is_in_bounds(ABSOLUTE_POS) {
        terminate!();
    }
    let parameters = repeated::<N>(parameters, code.parameters);
    let sum = Vector::<f32, N>::cast_from(x[ABSOLUTE_POS]) + Vector::<f32, N>::cast_from(b[ABSOLUTE_POS]);
    let results = evaluate::<N>(sum, &parameters, code);
    y[ABSOLUTE_POS] = Vector::cast_from(*results.index(0usize));
}

/// dx = dy·f'(x + b).
#[cube(launch_unchecked, address_type = "dynamic")]
pub(super) fn backward_of_sum<F: Float, N: Size>(
    x: &LinearView<Vector<F, N>>,
    b: &LinearView<Vector<F, N>>,
    dy: &LinearView<Vector<F, N>>,
    dx: &mut LinearView<Vector<F, N>, ReadWrite>,
    parameters: &Sequence<f32>,
    #[comptime] code: &Code,
    #[define(F)] _element: StorageType,
) {
    if !dx.is_in_bounds(ABSOLUTE_POS) {
        terminate!();
    }
    let parameters = repeated::<N>(parameters, code.parameters);
    let sum = Vector::<f32, N>::cast_from(x[ABSOLUTE_POS]) + Vector::<f32, N>::cast_from(b[ABSOLUTE_POS]);
    let results = evaluate::<N>(sum, &parameters, code);
    let upstream = Vector::<f32, N>::cast_from(dy[ABSOLUTE_POS]);
    dx[ABSOLUTE_POS] = Vector::cast_from(upstream * *results.index(0usize));
}

/// y = f(x), the parameters of an element in the column of its unit.
#[cube(launch_unchecked, address_type = "dynamic")]
pub(super) fn forward_with<F: Float, G: Float>(
    x: &LinearView<Vector<F, Const<1>>>,
    y: &mut LinearView<Vector<F, Const<1>>, ReadWrite>,
    table: &Array<G>,
    units: usize,
    #[comptime] code: &Code,
    #[define(F, G)] _elements: [StorageType; 2],
) {
    if !y.is_in_bounds(ABSOLUTE_POS) {
        terminate!();
    }
    let parameters = column::<G>(table, ABSOLUTE_POS % units, units, code.parameters);
    let results = evaluate::<One>(Vector::cast_from(x[ABSOLUTE_POS]), &parameters, code);
    y[ABSOLUTE_POS] = Vector::cast_from(*results.index(0usize));
}

/// dx = dy·f'(x), and the sums of dy·∂f/∂p over blocks of elements.
///
/// The elements are a matrix of `width` columns, a multiple of `units`. A thread takes `rows` elements of one column, and
/// writes one sum for each parameter: `[block, repeat, parameter, unit]`.
#[cube(launch_unchecked, address_type = "dynamic")]
pub(super) fn backward_with<F: Float, G: Float>(
    x: &LinearView<Vector<F, Const<1>>>,
    dy: &LinearView<Vector<F, Const<1>>>,
    dx: &mut LinearView<Vector<F, Const<1>>, ReadWrite>,
    table: &Array<G>,
    sums: &mut Array<f32>,
    units: usize,
    width: usize,
    blocks: usize,
    #[comptime] rows: usize,
    #[comptime] code: &Code,
    #[define(F, G)] _elements: [StorageType; 2],
) {
    let block = ABSOLUTE_POS / width;
    if block >= blocks {
        terminate!();
    }
    let column_of_thread = ABSOLUTE_POS % width;
    let unit = column_of_thread % units;
    let parameters = column::<G>(table, unit, units, code.parameters);
    let mut cells = Sequence::<RuntimeCell<f32>>::new();
    #[unroll]
    for _ in 0..code.parameters {
        cells.push(RuntimeCell::<f32>::new(0.0));
    }
    for row in 0..rows {
        let position = (block * rows + row) * width + column_of_thread;
        if dx.is_in_bounds(position) {
            let results = evaluate::<One>(Vector::cast_from(x[position]), &parameters, code);
            let upstream = Vector::<f32, One>::cast_from(dy[position]);
            #[unroll]
            for p in 0..code.parameters {
                let term = upstream * *results.index(p + 1);
                let cell = cells.index(p);
                cell.store(cell.read() + term[0]);
            }
            dx[position] = Vector::cast_from(upstream * *results.index(0usize));
        }
    }
    let group = block * (width / units) + column_of_thread / units;
    #[unroll]
    for p in 0..code.parameters {
        sums[(group * code.parameters + p) * units + unit] = cells.index(p).read();
    }
}

/// The sums of each column over groups of `group` rows: `[terms, columns]` to `[terms / group, columns]`, rounded up.
#[cube(launch_unchecked, address_type = "dynamic")]
pub(super) fn fold<F: Float>(
    terms: &Array<f32>,
    sums: &mut Array<F>,
    rows: usize,
    columns: usize,
    #[comptime] group: usize,
    #[define(F)] _element: StorageType,
) {
    if ABSOLUTE_POS >= sums.len() {
        terminate!();
    }
    let column = ABSOLUTE_POS % columns;
    let first = (ABSOLUTE_POS / columns) * group;
    let mut sum = 0.0f32;
    for i in 0..group {
        let row = first + i;
        if row < rows {
            sum += terms[row * columns + column];
        }
    }
    sums[ABSOLUTE_POS] = F::cast_from(sum);
}
