//! Embedding tables in the memory of a CubeCL device.
//!
//! A table is cut into parts that each fit one buffer; the rows of a part are records of weights and state, as in the host's memory. An update
//! works in place: beside the tables there is room for the gradients of a batch only.
#[allow(clippy::used_underscore_binding, reason = "the macro reads what only it can read")]
#[allow(clippy::trivially_copy_pass_by_ref, reason = "what a kernel is given at compile time is handed on as it came")]
#[allow(clippy::manual_midpoint, reason = "a kernel has no such function")]
mod kernel;
mod plan;
mod rule;
#[allow(clippy::used_underscore_binding, reason = "the macro reads what only it can read")]
mod segment;
mod transfer;
mod update;

use core::fmt;
use std::ops::Range;

use burn::tensor::backend::DeviceOps;
use burn::tensor::{DType, Shape, Tensor, TensorPrimitive};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{BoolElement, CubeBackend, CubeRuntime, FloatElement, IntElement};
use cubecl::client::ComputeClient;
use cubecl::prelude::*;
use cubecl::server::{ComputeServer, Handle};
use cubecl::stream_id::StreamId;

use super::launch::{array, grid};
use crate::embedding::{DevicePlan, DeviceTables, EmbeddingTables, Lookups, TableError, UpdateRule, Uploader};
use crate::optim::UpdateStep;

/// The tables of a model on one device.
pub(super) struct CubeTables<R: CubeRuntime> {
    client: ComputeClient<R>,
    device: R::Device,
    rule: UpdateRule,
    tables: Vec<Table>,
    /// The latest sums, [U, D] for each table.
    sums: Vec<Handle>,
}

/// One table.
struct Table {
    name: String,
    width: usize,
    stride: usize,
    rows: Range<u64>,
    /// The rows that are updated.
    trainable: Vec<Range<u64>>,
    parts: Vec<Part>,
}

/// Consecutive rows of a table, in one buffer.
struct Part {
    rows: Range<u64>,
    data: Handle,
}

/// The places of the rows within `range` in `rows`, which ascend.
fn places(rows: &[u64], range: &Range<u64>) -> Range<usize> {
    rows.partition_point(|&row| row < range.start)..rows.partition_point(|&row| row < range.end)
}

impl<R: CubeRuntime> fmt::Debug for CubeTables<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.tables.iter().map(|table| table.name.as_str()).collect();
        formatter.debug_struct("CubeTables").field("tables", &names).finish_non_exhaustive()
    }
}

impl<R: CubeRuntime> CubeTables<R> {
    /// What `upload` makes of values.
    fn copy_of<T: bytemuck::Pod>(&self, values: &[T]) -> Handle {
        upload(&self.client, values)
    }

    /// That of the thread that made the tables, as far as there is a table.
    fn stream(&self) -> StreamId {
        let parts = self.tables.iter().flat_map(|table| &table.parts);
        parts.map(|part| part.data.stream).next().unwrap_or_else(StreamId::current)
    }

    /// A buffer for `length` numbers; none has a length of 0.
    fn empty(&self, length: usize) -> Handle {
        self.client.empty(length.max(1) * size_of::<f32>())
    }

    /// Threads in a group and groups, for at least `threads` threads.
    fn grid(&self, threads: usize) -> (CubeCount, CubeDim) {
        grid(&self.client, threads)
    }
}

fn upload<R: CubeRuntime, T: bytemuck::Pod>(client: &ComputeClient<R>, values: &[T]) -> Handle {
    if values.is_empty() {
        return client.empty(size_of::<u32>());
    }
    client.create_from_slice(bytemuck::cast_slice(values))
}

impl Part {
    fn length(&self, stride: usize) -> usize {
        (self.rows.end - self.rows.start) as usize * stride
    }
}

impl<R, F, I, BT> DeviceTables<CubeBackend<R, F, I, BT>> for CubeTables<R>
where
    R: CubeRuntime,
    R::Server: ComputeServer,
    R::Device: DeviceOps,
    F: FloatElement,
    I: IntElement,
    BT: BoolElement,
{
    fn upload(&self, lookups: Lookups<'_>) -> DevicePlan<CubeBackend<R, F, I, BT>> {
        plan::PlanMaker::of(self).make(lookups, &[]).0
    }

    fn uploader(&self) -> Uploader<CubeBackend<R, F, I, BT>> {
        let maker = plan::PlanMaker::of(self);
        // In the order of the commands of the thread that made the tables: those of others wait for one another.
        let stream = self.stream();
        Box::new(move |lookups, others| {
            let (plan, others) = stream.executes(|| maker.make(lookups, others));
            let tensor = |numbers| Tensor::from_primitive(TensorPrimitive::Float(numbers));
            (plan, others.into_iter().map(tensor).collect())
        })
    }

    fn gather(
        &self,
        lookups: Lookups<'_>,
        plan: &DevicePlan<CubeBackend<R, F, I, BT>>,
        batch: usize,
    ) -> Vec<Tensor<CubeBackend<R, F, I, BT>, 3>> {
        self.check(lookups, plan);
        let count = lookups.inverse.len();
        let fields = count.checked_div(batch).unwrap_or(0);
        let gathered = self.tables.iter().zip(&plan.rows).map(|(table, rows)| {
            let shape = [batch, fields, table.width];
            // Nothing is gathered where there is no lookup: a grid of no threads is refused.
            let inverse = &plan.inverse.handle;
            let out = if count == 0 { self.empty(0) } else { self.gather_table(table, lookups, &rows.handle, inverse) };
            let (client, device) = (self.client.clone(), self.device.clone());
            let tensor = CubeTensor::new_contiguous(client, device, Shape::from(shape), out, DType::F32);
            Tensor::from_primitive(TensorPrimitive::Float(tensor))
        });
        gathered.collect()
    }

    fn reduce(
        &mut self,
        grads: Vec<Option<Tensor<CubeBackend<R, F, I, BT>, 3>>>,
        lookups: Lookups<'_>,
        plan: &DevicePlan<CubeBackend<R, F, I, BT>>,
    ) {
        self.check(lookups, plan);
        if lookups.rows.is_empty() {
            self.sums = self.tables.iter().map(|_| self.empty(0)).collect();
            return;
        }
        let grads = grads
            .into_iter()
            .map(|grad| grad.map(|grad| into_contiguous(grad.cast(DType::F32).into_primitive().tensor()).handle));
        let sum = |(table, grad)| self.sum(table, grad, lookups, plan);
        self.sums = self.tables.iter().zip(grads).map(sum).collect();
    }

    fn squared_norm(&self, lookups: Lookups<'_>, plan: &DevicePlan<CubeBackend<R, F, I, BT>>) -> f64 {
        self.check(lookups, plan);
        self.squared_norm_of_sums(lookups, &plan.rows)
    }

    fn update(&mut self, lookups: Lookups<'_>, plan: &DevicePlan<CubeBackend<R, F, I, BT>>, step: UpdateStep) {
        self.check(lookups, plan);
        self.update_tables(lookups, &plan.rows, step);
    }

    fn download(&self, tables: &mut EmbeddingTables) -> Result<(), TableError> {
        self.download_tables(tables)
    }
}

impl<R: CubeRuntime> CubeTables<R> {
    /// [N, D] of one table, from the lookups' places among the unique rows.
    fn gather_table(&self, table: &Table, lookups: Lookups<'_>, rows: &Handle, inverse: &Handle) -> Handle {
        let length = lookups.inverse.len() * table.width;
        let out = self.empty(length);
        for part in &table.parts {
            let unique = places(lookups.rows, &part.rows);
            if unique.is_empty() {
                continue;
            }
            let (count, dim) = self.grid(length);
            // SAFETY: each lookup's place is below the number of unique rows, each row of the part lies in it, and a thread writes the place
            // of its own number, which it compares with the length.
            unsafe {
                kernel::gather::launch_unchecked::<R>(
                    &self.client,
                    count,
                    dim,
                    AddressType::from_len(length.max(part.length(table.stride))),
                    array(&part.data, part.length(table.stride)),
                    array(rows, lookups.rows.len()),
                    array(inverse, lookups.inverse.len()),
                    array(&out, length),
                    unique.start,
                    unique.end,
                    table.width,
                    table.stride,
                );
            }
        }
        out
    }
}
