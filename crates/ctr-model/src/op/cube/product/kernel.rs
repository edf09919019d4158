//! The product of tiles, in `f32`.
use cubecl::prelude::*;

/// Rows and columns of a tile of the result; what the numbers in the kernel below are made of.
pub(super) const TILE: usize = 128;

/// Terms of each sum that are in the shared memory at one time.
///
/// Twice so many, for both factors, are 17 KiB: what any device of the desktop has.
pub(super) const DEPTH: usize = 8;

/// Threads of a group; each has eight rows and eight columns of the tile.
pub(super) const THREADS: u32 = 256;

/// Vectors of four numbers from one term to the next: one more than the tile has, so that threads side by side write to different banks.
const STRIDE: usize = TILE / 4 + 1;

type Four = Vector<f32, Const<4>>;

/// A factor, as the kernel sees it: `length` rows or columns of the result, each of which reads `inner` terms.
#[derive(CubeType, CubeLaunch, Clone)]
pub(super) struct Factor {
    /// Numbers between two rows or columns where the terms lie side by side, else between two terms.
    pub(super) stride: usize,
    pub(super) length: usize,
}

/// Four rows or columns from `first` on at one term; 0 outside of the factor, where it is not `whole`, and from term `end` on. One of the two
/// strides is 1: that of the terms, or that of rows or columns.
#[cube]
fn fetch(
    values: &Array<f32>,
    factor: &Factor,
    first: usize,
    term: usize,
    end: usize,
    #[comptime] terms_first: bool,
    #[comptime] whole: bool,
) -> Four {
    let mut four = Four::new(0.0f32);
    if term < end {
        let mut place = first + term * factor.stride;
        if comptime!(terms_first) {
            place = first * factor.stride + term;
        }
        #[unroll]
        for i in 0..4usize {
            let mut step = i.runtime();
            if comptime!(terms_first) {
                step = i * factor.stride;
            }
            if comptime!(whole) {
                four[i] = values[place + step];
            } else if first + i < factor.length {
                four[i] = values[place + step];
            }
        }
    }
    four
}

/// Which vector of the tile a thread fetches: its place among the rows or columns, and its term. Threads side by side read numbers side by side.
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

/// out[z] = Σ over the terms `z·chunk..(z + 1)·chunk` of a row of a and a column of b, for a tile of the result; out: [splits, M, N].
///
/// Each number is summed by one thread, first term first. While the terms of one step are added the group fetches those of the next. `whole` says
/// that M and N are multiples of a tile's, so that nothing but the terms has to be compared with what is there.
#[cube(launch_unchecked, address_type = "dynamic")]
pub(super) fn tiles(
    a: &Array<f32>,
    b: &Array<f32>,
    out: &mut Array<f32>,
    rows: Factor,
    columns: Factor,
    inner: usize,
    chunk: usize,
    #[comptime] a_terms_first: bool,
    #[comptime] b_terms_first: bool,
    #[comptime] whole: bool,
) {
    let thread = UNIT_POS as usize;
    let (tx, ty) = (thread % 16, thread / 16);
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
    let (a_place, b_place) = (a_term * STRIDE + a_vector, b_term * STRIDE + b_vector);

    let mut shared_a = SharedMemory::<Four>::new(comptime!(2 * DEPTH * STRIDE));
    let mut shared_b = SharedMemory::<Four>::new(comptime!(2 * DEPTH * STRIDE));
    shared_a[a_place] = fetch(a, &rows, a_first, start + a_term, end, a_terms_first, whole);
    shared_b[b_place] = fetch(b, &columns, b_first, start + b_term, end, b_terms_first, whole);
    sync_cube();

    // Row i of the thread's eight: columns 0 to 3 in `left`, 4 to 7 in `right`.
    let mut left = Array::<Four>::new(8usize);
    let mut right = Array::<Four>::new(8usize);
    #[unroll]
    for i in 0..8usize {
        left[i] = Four::new(0.0f32);
        right[i] = Four::new(0.0f32);
    }
    let steps = (end - start).div_ceil(DEPTH);
    for step in 0..steps {
        let current = step % 2 * comptime!(DEPTH * STRIDE);
        let term = start + (step + 1) * DEPTH;
        let next_a = fetch(a, &rows, a_first, term + a_term, end, a_terms_first, whole);
        let next_b = fetch(b, &columns, b_first, term + b_term, end, b_terms_first, whole);
        for k in 0..DEPTH {
            let line = current + k * STRIDE;
            let upper = shared_a[line + ty];
            let lower = shared_a[line + 16 + ty];
            let near = shared_b[line + tx];
            let far = shared_b[line + 16 + tx];
            #[unroll]
            for i in 0..4usize {
                let upper = Four::new(upper[i]);
                let lower = Four::new(lower[i]);
                left[i] = left[i] + upper * near;
                right[i] = right[i] + upper * far;
                left[i + 4] = left[i + 4] + lower * near;
                right[i + 4] = right[i + 4] + lower * far;
            }
        }
        let next = (step + 1) % 2 * comptime!(DEPTH * STRIDE);
        shared_a[next + a_place] = next_a;
        shared_b[next + b_place] = next_b;
        sync_cube();
    }

    let first = CUBE_POS_Z as usize * rows.length;
    #[unroll]
    for i in 0..8usize {
        let place = row + 4 * ty + comptime!(i % 4 + i / 4 * 64);
        if comptime!(whole) {
            let begin = (first + place) * columns.length + column + 4 * tx;
            #[unroll]
            for j in 0..4usize {
                out[begin + j] = left[i][j];
                out[begin + j + 64] = right[i][j];
            }
        } else if place < rows.length {
            let begin = (first + place) * columns.length;
            #[unroll]
            for j in 0..4usize {
                let near = column + 4 * tx + j;
                if near < columns.length {
                    out[begin + near] = left[i][j];
                }
                if near + 64 < columns.length {
                    out[begin + near + 64] = right[i][j];
                }
            }
        }
    }
}
