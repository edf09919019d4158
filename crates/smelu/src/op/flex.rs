//! The `Flex` backend.

use core::ops::Range;

use burn::backend::Flex;
use burn::tensor::ops::FloatTensor;
use burn::tensor::{Bytes, DType, Element, bf16, f16};
use burn_flex::{FlexTensor, Layout};
use bytemuck::Pod;

use super::host::{self, Stored};
use super::{ActivationBackend, Curve, composed};

impl ActivationBackend for Flex {
    fn activation(x: FloatTensor<Self>, curve: Curve) -> FloatTensor<Self> {
        match x.dtype() {
            DType::F32 => forward::<f32>(x, curve),
            DType::F64 => forward::<f64>(x, curve),
            DType::F16 => forward::<f16>(x, curve),
            DType::BF16 => forward::<bf16>(x, curve),
            _ => composed::forward::<Self>(x, curve),
        }
    }

    fn activation_backward(x: FloatTensor<Self>, grad: FloatTensor<Self>, curve: Curve) -> FloatTensor<Self> {
        match (x.dtype(), grad.dtype()) {
            (DType::F32, DType::F32) => backward::<f32>(x, grad, curve),
            (DType::F64, DType::F64) => backward::<f64>(x, grad, curve),
            (DType::F16, DType::F16) => backward::<f16>(x, grad, curve),
            (DType::BF16, DType::BF16) => backward::<bf16>(x, grad, curve),
            _ => composed::backward::<Self>(x, grad, curve),
        }
    }
}

/// Where the elements lie, if they fill one stretch of the buffer in any order of axes (as after a transposition):
/// an elementwise pass may then follow the memory and keep the strides.
fn stretch(layout: &Layout) -> Option<Range<usize>> {
    let mut axes: Vec<(isize, usize)> =
        layout.strides().iter().copied().zip(layout.shape().iter().copied()).filter(|(_, size)| *size != 1).collect();
    axes.sort_unstable();
    let mut next = 1;
    for (stride, size) in axes {
        if usize::try_from(stride) != Ok(next) {
            return None;
        }
        next *= size;
    }
    let start = layout.start_offset();
    Some(start..start + layout.num_elements())
}

/// The tensor with its elements in one stretch, copied only if they are not.
fn in_one_stretch(x: FlexTensor) -> (FlexTensor, Range<usize>) {
    if let Some(range) = stretch(x.layout()) {
        return (x, range);
    }
    let x = x.to_contiguous();
    let range = 0..x.layout().num_elements();
    (x, range)
}

/// A tensor over new memory with the axes in the order of `layout`.
fn from_stretch<T: Element>(values: Vec<T>, layout: &Layout) -> FlexTensor {
    let layout = Layout::new(layout.shape().clone(), layout.strides().to_vec(), 0);
    FlexTensor::new(Bytes::from_elems(values), layout, T::dtype())
}

fn forward<T: Stored + Element + Pod>(x: FlexTensor, curve: Curve) -> FlexTensor {
    let (mut x, range) = in_one_stretch(x);
    if let Some(storage) = x.try_storage_mut::<T>() {
        host::values_in_place(&mut storage[range], curve);
        return x;
    }
    from_stretch(host::values(&x.storage::<T>()[range], curve), x.layout())
}

fn backward<T: Stored + Element + Pod>(x: FlexTensor, grad: FlexTensor, curve: Curve) -> FlexTensor {
    let (x, grad) = if x.layout().strides() == grad.layout().strides() {
        (x, grad)
    } else {
        (x.to_contiguous(), grad.to_contiguous())
    };
    let ((x, of_x), (mut grad, of_grad)) = (in_one_stretch(x), in_one_stretch(grad));
    let x = &x.storage::<T>()[of_x];
    if let Some(storage) = grad.try_storage_mut::<T>() {
        host::scale_by_slopes(&mut storage[of_grad], x, curve);
        return grad;
    }
    from_stretch(host::slope_products(&grad.storage::<T>()[of_grad], x, curve), grad.layout())
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Shape;

    fn layout(shape: &[usize], strides: &[isize], offset: usize) -> Layout {
        Layout::new(Shape::from(shape.to_vec()), strides.to_vec(), offset)
    }

    #[test]
    fn a_stretch_is_found_in_any_order_of_axes_and_only_without_gaps_or_repeats() {
        assert_eq!(stretch(&layout(&[2, 3], &[3, 1], 0)), Some(0..6));
        assert_eq!(stretch(&layout(&[3, 2], &[1, 3], 4)), Some(4..10));
        assert_eq!(stretch(&layout(&[2, 1, 3], &[3, 99, 1], 0)), Some(0..6));
        assert_eq!(stretch(&layout(&[], &[], 7)), Some(7..8));
        assert_eq!(stretch(&layout(&[2, 3], &[4, 1], 0)), None, "a gap between rows");
        assert_eq!(stretch(&layout(&[2, 3], &[0, 1], 0)), None, "a repeated row");
        assert_eq!(stretch(&layout(&[2, 3], &[3, -1], 2)), None, "a flipped axis");
    }
}
