//! The row plan of a batch on the device. What the device can work out from the rest is not copied: the place of each lookup's row.
use std::ops::Range;

use burn::tensor::backend::Backend;
use burn::tensor::{DType, Shape};
use burn_cubecl::CubeRuntime;
use burn_cubecl::tensor::CubeTensor;
use cubecl::bytes::Bytes;
use cubecl::client::ComputeClient;
use cubecl::server::Handle;

use super::segment::with_many_lookups;
use super::{CubeTables, kernel, places};
use crate::embedding::{DevicePlan, Lookups};
use crate::op::cube::launch::{array, grid};

/// Bytes between the beginnings of two parts of a buffer at least: what Vulkan asks for at most.
const ALIGNMENT: u64 = 256;

/// Numbers that travel in one buffer, in one copy.
struct Parcel {
    numbers: Vec<u32>,
    alignment: usize,
}

impl Parcel {
    /// Room for the numbers and for what lies between them.
    fn new<R: CubeRuntime>(client: &ComputeClient<R>, numbers: usize) -> Self {
        let alignment = client.properties().memory.alignment.max(ALIGNMENT) as usize / size_of::<u32>();
        Self { numbers: Vec::with_capacity(numbers + 8 * alignment), alignment }
    }

    /// Where the numbers lie. No part is empty, since no buffer may be.
    fn add(&mut self, numbers: impl IntoIterator<Item = u32>) -> Range<usize> {
        self.numbers.resize(self.numbers.len().next_multiple_of(self.alignment), 0);
        let first = self.numbers.len();
        self.numbers.extend(numbers);
        let end = self.numbers.len();
        if first == end {
            self.numbers.push(0);
        }
        first..end
    }

    fn send<R: CubeRuntime>(self, client: &ComputeClient<R>) -> Sent {
        let length = self.numbers.len();
        Sent { handle: client.create(Bytes::from_elems(self.numbers)), length }
    }
}

/// The buffer of a parcel on the device.
struct Sent {
    handle: Handle,
    length: usize,
}

impl Sent {
    fn part(&self, part: &Range<usize>) -> Handle {
        let bytes = |numbers: usize| (numbers * size_of::<u32>()) as u64;
        let end = part.end.max(part.start + 1);
        self.handle.clone().offset_start(bytes(part.start)).offset_end(bytes(self.length - end))
    }
}

/// What makes the plans of some tables on the device.
#[derive(Clone)]
pub(super) struct PlanMaker<R: CubeRuntime> {
    client: ComputeClient<R>,
    device: R::Device,
    /// For each table the rows of its parts.
    parts: Vec<Vec<Range<u64>>>,
}

impl<R: CubeRuntime> PlanMaker<R> {
    pub(super) fn of(tables: &CubeTables<R>) -> Self {
        let parts = tables.tables.iter().map(|table| table.parts.iter().map(|part| part.rows.clone()).collect());
        Self { client: tables.client.clone(), device: tables.device.clone(), parts: parts.collect() }
    }

    /// The plan, and other numbers that travel with it.
    pub(super) fn make<B: Backend<IntTensorPrimitive = CubeTensor<R>>>(
        &self,
        lookups: Lookups<'_>,
        others: &[&[f32]],
    ) -> (DevicePlan<B>, Vec<CubeTensor<R>>) {
        let Lookups { rows, offsets, order, .. } = lookups;
        let others_length: usize = others.iter().map(|numbers| numbers.len()).sum();
        let room = offsets.len() + order.len() + self.parts.len() * rows.len() + others_length;
        let mut parcel = Parcel::new(&self.client, room + rows.len() / 8);
        let offsets = parcel.add(offsets.iter().copied());
        let order = parcel.add(order.iter().copied());
        let rows: Vec<_> = self.parts.iter().map(|parts| parcel.add(in_parts(parts, rows))).collect();
        let long = parcel.add(with_many_lookups(lookups));
        let add = |numbers: &&[f32]| parcel.add(numbers.iter().map(|number| number.to_bits()));
        let others: Vec<_> = others.iter().map(add).collect();
        let sent = parcel.send(&self.client);
        let tensor = |part: &Range<usize>, dtype| self.tensor(sent.part(part), part.len(), dtype);
        let (offsets, order) = (tensor(&offsets, DType::U32), tensor(&order, DType::U32));
        let inverse = self.inverse(&offsets, &order);
        let plan = DevicePlan {
            rows: rows.iter().map(|rows| tensor(rows, DType::U32)).collect(),
            inverse: self.tensor(inverse, order.meta.num_elements(), DType::U32),
            long: tensor(&long, DType::U32),
            offsets,
            order,
        };
        (plan, others.iter().map(|others| tensor(others, DType::F32)).collect())
    }

    fn tensor(&self, handle: Handle, count: usize, dtype: DType) -> CubeTensor<R> {
        CubeTensor::new_contiguous(self.client.clone(), self.device.clone(), Shape::from([count]), handle, dtype)
    }

    fn inverse(&self, offsets: &CubeTensor<R>, order: &CubeTensor<R>) -> Handle {
        let count = order.meta.num_elements();
        let inverse = self.client.empty(count.max(1) * size_of::<u32>());
        if count > 0 {
            let (cubes, dim) = grid(&self.client, count);
            // SAFETY: `order` has each lookup once, so each thread writes a place of its own, and lookups are fewer than 2³².
            unsafe {
                kernel::invert::launch_unchecked::<R>(
                    &self.client,
                    cubes,
                    dim,
                    array(&offsets.handle, offsets.meta.num_elements()),
                    array(&order.handle, count),
                    array(&inverse, count),
                );
            }
        }
        inverse
    }
}

/// The rows that a table's parts have, each counted from the first row of its part.
fn in_parts<'a>(parts: &'a [Range<u64>], rows: &'a [u64]) -> impl Iterator<Item = u32> + 'a {
    // A part has fewer than 2³¹ numbers, so fewer rows.
    parts.iter().flat_map(|part| rows[places(rows, part)].iter().map(|row| (row - part.start) as u32))
}

impl<R: CubeRuntime> CubeTables<R> {
    /// The kernels take the lengths of a plan's buffers from the lookups.
    pub(super) fn check<B>(&self, lookups: Lookups<'_>, plan: &DevicePlan<B>)
    where
        B: Backend<IntTensorPrimitive = CubeTensor<R>>,
    {
        let length = |part: &CubeTensor<R>| part.meta.num_elements();
        let rows = plan.rows.iter().map(length);
        assert!(
            rows.eq(self.tables.iter().map(|_| lookups.rows.len()))
                && [&plan.offsets, &plan.order, &plan.inverse].map(length)
                    == [lookups.offsets, lookups.order, lookups.inverse].map(<[u32]>::len),
            "the plan on the device is that of other lookups or other tables"
        );
    }
}
