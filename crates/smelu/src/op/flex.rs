//! The `Flex` backend.

use core::ops::Range;

use burn::backend::Flex;
use burn::tensor::ops::FloatTensor;
use burn::tensor::{Bytes, DType, Element, Shape, bf16, f16};
use burn_flex::{FlexTensor, Layout};
use bytemuck::Pod;

use super::host::{self, Slope, Stored, Strided};
use super::{ActivationBackend, Curve, Formula, composed};

/// Runs `$body` with `$T` standing for the element type of a tensor, or `$otherwise` for a type without a kernel.
macro_rules! with_element {
    ($dtype:expr, |$T:ident| $body:expr, $otherwise:expr) => {
        match $dtype {
            DType::F32 => {
                type $T = f32;
                $body
            }
            DType::F64 => {
                type $T = f64;
                $body
            }
            DType::F16 => {
                type $T = f16;
                $body
            }
            DType::BF16 => {
                type $T = bf16;
                $body
            }
            _ => $otherwise,
        }
    };
}

impl ActivationBackend for Flex {
    const FROM_OUTPUT: bool = true;

    fn activation(x: FloatTensor<Self>, curve: Curve) -> FloatTensor<Self> {
        with_element!(x.dtype(), |T| forward::<T>(x, &curve), composed::forward::<Self>(x, &curve))
    }

    fn activation_backward(x: FloatTensor<Self>, grad: FloatTensor<Self>, curve: Curve) -> FloatTensor<Self> {
        with_element!(
            x.dtype(),
            |T| backward::<T>(&x, grad, Slope::FromInput(&curve)),
            composed::backward::<Self>(x, grad, &curve)
        )
    }

    fn smelu_backward_from_output(y: FloatTensor<Self>, grad: FloatTensor<Self>, beta: f64) -> FloatTensor<Self> {
        with_element!(
            y.dtype(),
            |T| backward::<T>(&y, grad, Slope::FromOutput(beta)),
            composed::smelu_backward_from_output::<Self>(y, grad, beta)
        )
    }

    fn activation_with(x: FloatTensor<Self>, parameters: FloatTensor<Self>, formula: Formula) -> FloatTensor<Self> {
        with_element!(
            x.dtype(),
            |T| forward_with::<T>(&x, &parameters, formula),
            composed::forward_with::<Self>(x, &parameters, formula)
        )
    }

    fn activation_with_backward(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        parameters: FloatTensor<Self>,
        formula: Formula,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        with_element!(
            x.dtype(),
            |T| backward_with::<T>(&x, &grad, &parameters, formula),
            composed::backward_with::<Self>(x, &grad, &parameters, formula)
        )
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

fn strided<T: Element + Pod>(x: &FlexTensor) -> Strided<'_, T> {
    let layout = x.layout();
    Strided { buffer: x.storage(), offset: layout.start_offset(), shape: layout.shape(), strides: layout.strides() }
}

/// A tensor over new memory, its axes in the order of `strides`.
fn over<T: Element>(values: Vec<T>, shape: Shape, strides: &[isize]) -> FlexTensor {
    FlexTensor::new(Bytes::from_elems(values), Layout::new(shape, strides.to_vec(), 0), T::dtype())
}

/// A tensor over new memory in row-major order.
fn row_major<T: Element>(values: Vec<T>, shape: Shape) -> FlexTensor {
    FlexTensor::new(Bytes::from_elems(values), Layout::contiguous(shape), T::dtype())
}

fn forward<T: Stored + Element + Pod>(mut x: FlexTensor, curve: &Curve) -> FlexTensor {
    let Some(range) = stretch(x.layout()) else {
        return row_major(host::values(&strided::<T>(&x), curve), x.layout().shape().clone());
    };
    if let Some(storage) = x.try_storage_mut::<T>() {
        host::values_in_place(&mut storage[range], curve);
        return x;
    }
    over(host::values(&x.storage::<T>()[range], curve), x.layout().shape().clone(), x.layout().strides())
}

fn backward<T: Stored + Element + Pod>(kept: &FlexTensor, mut grad: FlexTensor, slope: Slope<'_>) -> FlexTensor {
    let same_order = kept.layout().strides() == grad.layout().strides();
    let (Some(of_kept), Some(of_grad), true) = (stretch(kept.layout()), stretch(grad.layout()), same_order) else {
        let products = host::slopes(&strided::<T>(&grad), &strided::<T>(kept), slope);
        return row_major(products, kept.layout().shape().clone());
    };
    let kept = &kept.storage::<T>()[of_kept];
    if let Some(storage) = grad.try_storage_mut::<T>() {
        host::slopes_in_place(&mut storage[of_grad], kept, slope);
        return grad;
    }
    let products = host::slopes(&grad.storage::<T>()[of_grad], kept, slope);
    over(products, grad.layout().shape().clone(), grad.layout().strides())
}

fn forward_with<T: Stored + Element + Pod>(x: &FlexTensor, parameters: &FlexTensor, formula: Formula) -> FlexTensor {
    let parameters = parameters.to_contiguous();
    let units = parameters.layout().shape()[1];
    let values = host::values_with(&strided::<T>(x), parameters.storage(), units, formula);
    row_major(values, x.layout().shape().clone())
}

fn backward_with<T: Stored + Element + Pod>(
    x: &FlexTensor,
    grad: &FlexTensor,
    parameters: &FlexTensor,
    formula: Formula,
) -> (FlexTensor, FlexTensor) {
    let parameters = parameters.to_contiguous();
    let units = parameters.layout().shape()[1];
    let (of_x, of_parameters) =
        host::slopes_with(&strided::<T>(grad), &strided::<T>(x), parameters.storage(), units, formula);
    let shape = parameters.layout().shape().clone();
    (row_major(of_x, x.layout().shape().clone()), row_major(of_parameters, shape))
}

#[cfg(test)]
mod tests {
    use super::*;

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
