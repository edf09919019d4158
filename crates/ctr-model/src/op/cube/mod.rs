//! The CubeCL backends (wgpu, CUDA): tables on the device by kernels, every other operation by its reference.
mod tables;

use burn::tensor::backend::DeviceOps;
use burn_cubecl::{BoolElement, CubeBackend, CubeRuntime, FloatElement, IntElement};
use cubecl::server::ComputeServer;

use super::ModelBackend;
use crate::embedding::{DeviceTables, EmbeddingTables, TableError};

impl<R, F, I, BT> ModelBackend for CubeBackend<R, F, I, BT>
where
    R: CubeRuntime,
    R::Server: ComputeServer,
    R::Device: DeviceOps,
    F: FloatElement,
    I: IntElement,
    BT: BoolElement,
{
    fn device_tables(
        tables: &EmbeddingTables,
        device: &Self::Device,
        largest_buffer: Option<u64>,
    ) -> Result<Option<Box<dyn DeviceTables<Self>>>, TableError> {
        Ok(Some(Box::new(tables::CubeTables::<R>::new(tables, device, largest_buffer)?)))
    }
}
