//! The row plan of a batch on the device. What the device can work out from the rest is not copied: the place of each lookup's row.
use burn::tensor::{DType, Shape};
use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{BoolElement, CubeBackend, CubeRuntime, FloatElement, IntElement};
use cubecl::server::Handle;

use super::segment::with_many_lookups;
use super::{CubeTables, Table, kernel, places};
use crate::embedding::{DevicePlan, Lookups};
use crate::op::cube::launch::array;

impl Table {
    /// The rows of the plan that the table has, each counted from the first row of its part.
    fn rows_in_parts(&self, rows: &[u64]) -> Vec<u32> {
        let mut local = Vec::with_capacity(rows.len());
        for part in &self.parts {
            // A part has fewer than 2³¹ numbers, so fewer rows.
            local.extend(rows[places(rows, &part.rows)].iter().map(|row| (row - part.rows.start) as u32));
        }
        local
    }
}

impl<R: CubeRuntime> CubeTables<R> {
    /// The kernels take the lengths of a plan's buffers from the lookups.
    pub(super) fn check<F, I, BT>(&self, lookups: Lookups<'_>, plan: &DevicePlan<CubeBackend<R, F, I, BT>>)
    where
        F: FloatElement,
        I: IntElement,
        BT: BoolElement,
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

    pub(super) fn upload_plan<F, I, BT>(&self, lookups: Lookups<'_>) -> DevicePlan<CubeBackend<R, F, I, BT>>
    where
        F: FloatElement,
        I: IntElement,
        BT: BoolElement,
    {
        let tensor = |values: &[u32]| self.numbers(self.copy_of(values), values.len());
        let (offsets, order) = (tensor(lookups.offsets), tensor(lookups.order));
        let inverse = self.inverse(&offsets.handle, &order.handle, lookups);
        DevicePlan {
            rows: self.tables.iter().map(|table| tensor(&table.rows_in_parts(lookups.rows))).collect(),
            inverse: self.numbers(inverse, lookups.order.len()),
            long: tensor(&with_many_lookups(lookups)),
            offsets,
            order,
        }
    }

    fn numbers(&self, handle: Handle, count: usize) -> CubeTensor<R> {
        CubeTensor::new_contiguous(self.client.clone(), self.device.clone(), Shape::from([count]), handle, DType::U32)
    }

    fn inverse(&self, offsets: &Handle, order: &Handle, lookups: Lookups<'_>) -> Handle {
        let count = lookups.order.len();
        let inverse = self.empty(count);
        if count > 0 {
            let (cubes, dim) = self.grid(count);
            // SAFETY: `order` has each lookup once, so each thread writes a place of its own, and lookups are fewer than 2³².
            unsafe {
                kernel::invert::launch_unchecked::<R>(
                    &self.client,
                    cubes,
                    dim,
                    array(offsets, lookups.offsets.len()),
                    array(order, count),
                    array(&inverse, count),
                );
            }
        }
        inverse
    }
}
