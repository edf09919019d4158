//! `NdArray` tensors as slices.
use burn::backend::NdArray;
use burn::tensor::{DType, Shape, TensorMetadata};
use burn_ndarray::NdArrayTensor;
use ndarray::{ArcArray, IxDyn};

use super::HostBackend;

impl HostBackend for NdArray {
    fn is_f32(tensor: &NdArrayTensor) -> bool {
        tensor.dtype() == DType::F32
    }

    fn contiguous(tensor: NdArrayTensor) -> NdArrayTensor {
        let NdArrayTensor::F32(storage) = tensor else { return tensor };
        let array = storage.into_owned();
        if array.is_standard_layout() { array } else { array.as_standard_layout().into_owned().into_shared() }.into()
    }

    fn slice(tensor: &NdArrayTensor) -> &[f32] {
        match tensor {
            NdArrayTensor::F32(storage) => storage.view().to_slice().unwrap_or_default(),
            _ => &[],
        }
    }

    fn slice_mut(tensor: &mut NdArrayTensor) -> &mut [f32] {
        match tensor {
            NdArrayTensor::F32(storage) => storage.ensure_owned().as_slice_mut().unwrap_or_default(),
            _ => &mut [],
        }
    }

    fn from_vec(values: Vec<f32>, shape: Shape) -> NdArrayTensor {
        let flat = ArcArray::from_vec(values).into_dyn();
        let array: ArcArray<f32, IxDyn> = match flat.clone().into_shape_with_order(IxDyn(&shape)) {
            Ok(array) => array,
            Err(_) => flat,
        };
        array.into()
    }
}
