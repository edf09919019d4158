//! The product of tiles, in `f32`.
use cubecl::prelude::*;

/// Rows and columns of a tile of the result; what the numbers in the kernel below are made of.
pub(super) const TILE: usize = 128;

/// Terms of each sum that are in the shared memory at one time.
///
/// Twice so many, for both factors, are 17 KiB: what any device of the desktop has.
pub(super) const DEPTH: usize = 8;

/// Vectors of a thread's rows.
const DOWN: usize = 2;

/// Vectors of four numbers from one term to the next: one more than the tile has, so that threads side by side write to different banks.
const STRIDE: usize = TILE / 4 + 1;

type Four = Vector<f32, Const<4>>;

/// Threads of a group each of which has eight rows and `across` vectors of four columns of the tile.
pub(super) const fn threads(across: usize) -> usize {
    TILE * TILE / (4 * DOWN * 4 * across)
}

/// A factor, as the kernel sees it: `length` rows or columns of the result, each of which reads `inner` terms.
#[derive(CubeType, CubeLaunch, Clone)]
pub(super) struct Factor {
    /// Numbers between two rows or columns where the terms lie side by side, else between two terms.
    pub(super) stride: usize,
    pub(super) length: usize,
}

/// Numbers from one row or column to the next, and from one term to the next.
#[cube]
fn strides(factor: &Factor, #[comptime] terms_first: bool) -> (usize, usize) {
    let mut line = 1usize.runtime();
    let mut term = factor.stride;
    if comptime!(terms_first) {
        line = factor.stride;
        term = 1usize.runtime();
    }
    (line, term)
}

/// Four rows or columns from `first` on at one term, the first of them at `place`; 0 where the term is not `inside` of the sum, and outside of the
/// factor, where it is not `whole`.
#[cube]
fn fetch<N: Size>(
    values: &Array<Vector<f32, N>>,
    factor: &Factor,
    first: usize,
    place: usize,
    inside: bool,
    #[comptime] terms_first: bool,
    #[comptime] whole: bool,
) -> Four {
    let width = N::value().comptime();
    let mut four = Four::new(0.0f32);
    if inside {
        #[unroll]
        for part in 0..comptime!(4 / width) {
            let i = comptime!(part * width);
            let mut step = i.runtime();
            if comptime!(terms_first) {
                step = i * factor.stride;
            }
            if comptime!(whole) || first + i < factor.length {
                let numbers = values[(place + step) / width];
                #[unroll]
                for j in 0..width {
                    four[i + j] = numbers[j];
                }
            }
        }
    }
    four
}

/// Which vector of the tile a thread fetches first: its place among the rows or columns, and its term. Threads side by side read numbers side by
/// side. Where it fetches two, the second is half a tile or half the terms on.
#[cube]
fn place(thread: usize, #[comptime] terms_first: bool) -> (usize, usize) {
    let mut vector = thread / DEPTH;
    let mut term = thread % DEPTH;
    if comptime!(!terms_first) {
        vector = thread % comptime!(TILE / 4);
        term = thread / comptime!(TILE / 4);
    }
    (vector, term)
}

/// How many rows or columns and terms the vectors lie apart that one thread fetches.
const fn apart(terms_first: bool) -> (usize, usize) {
    if terms_first { (TILE / 2, 0) } else { (0, DEPTH / 2) }
}

/// The first of a thread's vectors of columns, and of rows. 32 threads have eight by four of them, and of each 16 two neighbours share their
/// columns: what they read from the shared memory are 128 bytes of one factor and 32 of the other, which NVIDIA's banks give at one time.
#[cube]
fn corner(thread: usize, #[comptime] across: usize) -> (usize, usize) {
    let beside = comptime!(4 / across);
    let block = thread / 32;
    let column = thread / 2 % 8 + block % beside * 8;
    let row = thread % 2 + thread / 16 % 2 * 2 + block / beside * 4;
    (column, row)
}

/// Writes a thread's sums: its first row and column are `row` and `column`, and those of the part of the terms begin at row `first` of out.
#[cube]
fn store<N: Size>(
    sums: &Array<Four>,
    out: &mut Array<Vector<f32, N>>,
    first: usize,
    row: usize,
    column: usize,
    rows: &Factor,
    columns: &Factor,
    #[comptime] whole: bool,
    #[comptime] across: usize,
) {
    let width = N::value().comptime();
    #[unroll]
    for i in 0..comptime!(4 * DOWN) {
        let place = row + comptime!(i % 4 + i / 4 * TILE / 2);
        if comptime!(whole) || place < rows.length {
            let begin = (first + place) * columns.length;
            #[unroll]
            for j in 0..across {
                #[unroll]
                for part in 0..comptime!(4 / width) {
                    let at = column + comptime!(j * TILE / across + part * width);
                    if comptime!(whole) || at < columns.length {
                        let mut numbers = Vector::<f32, N>::new(0.0f32);
                        #[unroll]
                        for n in 0..width {
                            numbers[n] = sums[i * across + j][part * width + n];
                        }
                        out[(begin + at) / width] = numbers;
                    }
                }
            }
        }
    }
}

/// out[z] = Σ over the terms `z·chunk..(z + 1)·chunk` of a row of a and a column of b, for a tile of the result; out: [splits, M, N].
///
/// Each number is summed by one thread, first term first, whatever `across` is. While the terms of one step are added the group fetches those of the
/// next. `whole` says that M and N are multiples of a tile's, so that nothing but the terms has to be compared with what is there.
///
/// With four vectors across, a thread reads 24 numbers for 128 multiplications, in place of 16 for 64, and needs all registers that it can get.
#[cube(launch_unchecked, address_type = "dynamic")]
pub(super) fn tiles<RowSize: Size, ColumnSize: Size, OutSize: Size>(
    a: &Array<Vector<f32, RowSize>>,
    b: &Array<Vector<f32, ColumnSize>>,
    out: &mut Array<Vector<f32, OutSize>>,
    rows: Factor,
    columns: Factor,
    inner: usize,
    chunk: usize,
    #[comptime] a_terms_first: bool,
    #[comptime] b_terms_first: bool,
    #[comptime] whole: bool,
    #[comptime] across: usize,
) {
    let fetches = comptime!(across / DOWN);
    let thread = UNIT_POS as usize;
    let (tx, ty) = corner(thread, across);
    let row = CUBE_POS_Y as usize * TILE;
    let column = CUBE_POS_X as usize * TILE;
    let start = CUBE_POS_Z as usize * chunk;
    let mut end = start + chunk;
    if end > inner {
        end = inner;
    }
    let (a_vector, a_term) = place(thread, a_terms_first);
    let (b_vector, b_term) = place(thread, b_terms_first);
    let (a_first, b_first) = (row + 4 * a_vector, column + 4 * b_vector);
    let (a_shared, b_shared) = (a_term * STRIDE + a_vector, b_term * STRIDE + b_vector);
    let (a_line, a_next) = strides(&rows, a_terms_first);
    let (b_line, b_next) = strides(&columns, b_terms_first);
    let mut a_place = a_first * a_line + (start + a_term) * a_next;
    let mut b_place = b_first * b_line + (start + b_term) * b_next;
    let (a_lines, a_terms) = comptime!(apart(a_terms_first));
    let (b_lines, b_terms) = comptime!(apart(b_terms_first));

    let mut shared_a = SharedMemory::<Four>::new(comptime!(2 * DEPTH * STRIDE));
    let mut shared_b = SharedMemory::<Four>::new(comptime!(2 * DEPTH * STRIDE));
    #[unroll]
    for i in 0..fetches {
        let (lines, terms) = comptime!((i * a_lines, i * a_terms));
        let (from, inside) = (a_place + lines * a_line + terms * a_next, start + a_term + terms < end);
        shared_a[a_shared + comptime!(terms * STRIDE + lines / 4)] =
            fetch(a, &rows, a_first + lines, from, inside, a_terms_first, whole);
        let (lines, terms) = comptime!((i * b_lines, i * b_terms));
        let (from, inside) = (b_place + lines * b_line + terms * b_next, start + b_term + terms < end);
        shared_b[b_shared + comptime!(terms * STRIDE + lines / 4)] =
            fetch(b, &columns, b_first + lines, from, inside, b_terms_first, whole);
    }
    sync_cube();

    // Row i of the thread's eight from `i·across` on.
    let mut sums = Array::<Four>::new(comptime!(4 * DOWN * across));
    #[unroll]
    for i in 0..comptime!(4 * DOWN * across) {
        sums[i] = Four::new(0.0f32);
    }
    let mut next_a = Array::<Four>::new(fetches);
    let mut next_b = Array::<Four>::new(fetches);
    let steps = (end - start).div_ceil(DEPTH);
    for step in 0..steps {
        let term = start + (step + 1) * DEPTH;
        a_place += a_next * DEPTH;
        b_place += b_next * DEPTH;
        #[unroll]
        for i in 0..fetches {
            let (lines, terms) = comptime!((i * a_lines, i * a_terms));
            let (from, inside) = (a_place + lines * a_line + terms * a_next, term + a_term + terms < end);
            next_a[i] = fetch(a, &rows, a_first + lines, from, inside, a_terms_first, whole);
            let (lines, terms) = comptime!((i * b_lines, i * b_terms));
            let (from, inside) = (b_place + lines * b_line + terms * b_next, term + b_term + terms < end);
            next_b[i] = fetch(b, &columns, b_first + lines, from, inside, b_terms_first, whole);
        }
        // What is known when the kernel is compiled is added last: then it is part of the instruction that reads.
        let current = step % 2 * comptime!(DEPTH * STRIDE);
        let (from_a, from_b) = (current + ty, current + tx);
        #[unroll(across == 4)]
        for k in 0..DEPTH {
            let upper = shared_a[from_a + k * STRIDE];
            let lower = shared_a[from_a + (k * STRIDE + comptime!(TILE / 8))];
            #[unroll]
            for j in 0..across {
                let four = shared_b[from_b + (k * STRIDE + comptime!(j * TILE / 4 / across))];
                #[unroll]
                for i in 0..4usize {
                    let (above, below) = comptime!((i * across + j, (i + 4) * across + j));
                    sums[above] = sums[above] + Four::new(upper[i]) * four;
                    sums[below] = sums[below] + Four::new(lower[i]) * four;
                }
            }
        }
        let next = (step + 1) % 2 * comptime!(DEPTH * STRIDE);
        let (to_a, to_b) = (next + a_shared, next + b_shared);
        #[unroll]
        for i in 0..fetches {
            shared_a[to_a + comptime!(i * (a_terms * STRIDE + a_lines / 4))] = next_a[i];
            shared_b[to_b + comptime!(i * (b_terms * STRIDE + b_lines / 4))] = next_b[i];
        }
        sync_cube();
    }

    let first = CUBE_POS_Z as usize * rows.length;
    store(&sums, out, first, row + 4 * ty, column + 4 * tx, &rows, &columns, whole, across);
}
