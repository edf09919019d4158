//! `Flex` tensors as slices.
use burn::backend::Flex;
use burn::tensor::{Bytes, DType, Shape};
use burn_flex::{FlexTensor, Layout};

use super::HostBackend;

impl HostBackend for Flex {
    fn is_f32(tensor: &FlexTensor) -> bool {
        tensor.dtype() == DType::F32
    }

    fn contiguous(tensor: FlexTensor) -> FlexTensor {
        tensor.to_contiguous()
    }

    fn slice(tensor: &FlexTensor) -> &[f32] {
        tensor.storage::<f32>()
    }

    fn slice_mut(tensor: &mut FlexTensor) -> &mut [f32] {
        tensor.storage_mut::<f32>()
    }

    fn from_vec(values: Vec<f32>, shape: Shape) -> FlexTensor {
        FlexTensor::new(Bytes::from_elems(values), Layout::contiguous(shape), DType::F32)
    }
}
