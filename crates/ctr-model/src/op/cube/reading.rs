//! Numbers that the host needs of a device: they are on their way while the host hands the device more to do.
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};

use burn_cubecl::CubeRuntime;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use cubecl::bytes::Bytes;
use cubecl::client::ComputeClient;
use cubecl::future::block_on;
use cubecl::prelude::*;
use cubecl::server::Handle;
use cubecl::stream_id::StreamId;

use super::launch::{array, grid};

/// Numbers whose squares one thread adds.
const GROUP: usize = 64;

/// The sum of the squares of every `to.len()`-th number of from\[`first`..`end`\], from the first, the second, … of them on: neighbouring
/// threads read neighbouring numbers.
#[cube(launch_unchecked, address_type = "dynamic")]
fn squares(from: &Array<f32>, to: &mut Array<f32>, first: usize, end: usize) {
    if ABSOLUTE_POS >= to.len() {
        terminate!();
    }
    let mut sum = 0.0f32;
    let mut place = first + ABSOLUTE_POS;
    while place < end {
        let value = from[place];
        sum += value * value;
        place += to.len();
    }
    to[ABSOLUTE_POS] = sum;
}

/// A buffer and how many numbers of it are meant.
pub(super) type Numbers = (Handle, usize);

/// The sums of squares, each over at most 64 numbers, that add up to Σ x² over `count` numbers of a buffer, of which there is at least one.
pub(super) fn square_sums<R: CubeRuntime>(
    client: &ComputeClient<R>,
    buffer: &Handle,
    first: usize,
    count: usize,
) -> Numbers {
    let (sums, end) = (count.div_ceil(GROUP), first + count);
    let to = client.empty(sums * size_of::<f32>());
    let (cubes, dim) = grid(client, sums);
    // SAFETY: the buffer holds `end` numbers, with which a thread compares each place; it writes the place of its own number, which it compares
    // with the length.
    unsafe {
        squares::launch_unchecked::<R>(
            client,
            cubes,
            dim,
            AddressType::from_len(end),
            array(buffer, end),
            array(&to, sums),
            first,
            end,
        );
    }
    (to, sums)
}

/// The sum of all numbers of the buffers in `f64`, one after another, and what `work` returns.
///
/// # Panics
/// When the device has failed.
pub(super) fn sum_while<R: CubeRuntime, T>(
    client: &ComputeClient<R>,
    buffers: Vec<Numbers>,
    work: impl FnOnce() -> T,
) -> (f64, T) {
    if buffers.is_empty() {
        return (0.0, work());
    }
    let (handles, counts): (Vec<_>, Vec<_>) = buffers.into_iter().unzip();
    let (stream, client) = (StreamId::current(), client.clone());
    // Held until the numbers are here: an operation of `work` may write in place where nothing else holds a tensor.
    let held = handles.clone();
    let read = elsewhere(move || stream.executes(|| block_on(client.read_async(handles))));
    let result = work();
    let read = read().unwrap_or_else(|error| panic!("{error}"));
    drop(held);
    let of_buffer = |(bytes, count): (&Bytes, usize)| {
        let numbers = bytemuck::pod_collect_to_vec::<u8, f32>(bytes);
        numbers[..count].iter().copied().map(f64::from).sum::<f64>()
    };
    (read.iter().zip(counts).map(of_buffer).sum(), result)
}

/// Starts `work` on a thread of its own, the same one for all: a client that asks for numbers waits until its device has been handed all that came
/// before, in which time the thread that trains prepares what comes next. Returns what waits for the result.
fn elsewhere<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> impl FnOnce() -> T {
    type Job = Box<dyn FnOnce() + Send>;
    static READER: OnceLock<Sender<Job>> = OnceLock::new();
    let reader = READER.get_or_init(|| {
        let (sender, jobs) = channel::<Job>();
        let run = move || jobs.into_iter().for_each(|job| job());
        if let Err(error) = std::thread::Builder::new().name("device reads".to_owned()).spawn(run) {
            panic!("no thread could be started that reads from the device: {error}");
        }
        sender
    });
    let (sender, receiver) = channel();
    let job = move || {
        // Nobody waits any more where the thread that trains has panicked.
        let _ = sender.send(catch_unwind(AssertUnwindSafe(work)));
    };
    if reader.send(Box::new(job)).is_err() {
        unreachable!("the thread ends when nobody can send it anything");
    }
    move || match receiver.recv() {
        Ok(result) => result.unwrap_or_else(|payload| resume_unwind(payload)),
        Err(_) => unreachable!("every job sends its result"),
    }
}

/// See [`ModelBackend::squared_norms_while`](crate::ModelBackend::squared_norms_while); no tensor is empty.
pub(super) fn squared_norms_while<R: CubeRuntime, T>(
    tensors: Vec<CubeTensor<R>>,
    work: impl FnOnce() -> T,
) -> (f64, T) {
    let Some(client) = tensors.first().map(|tensor| tensor.client.clone()) else { return (0.0, work()) };
    let sums = tensors.into_iter().map(|tensor| {
        let count = tensor.meta.num_elements();
        square_sums(&client, &into_contiguous(tensor).handle, 0, count)
    });
    sum_while(&client, sums.collect(), work)
}

/// See [`ModelBackend::read_while`](crate::ModelBackend::read_while).
pub(super) fn read_while<R: CubeRuntime, T>(number: CubeTensor<R>, work: impl FnOnce() -> T) -> (f64, T) {
    let client = number.client.clone();
    sum_while(&client, vec![(number.handle, 1)], work)
}
