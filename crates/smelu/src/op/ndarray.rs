//! The `NdArray` backend.

use burn::backend::NdArray;
use burn::tensor::Element;
use burn::tensor::ops::FloatTensor;
use burn_ndarray::{FloatNdArrayElement, IntNdArrayElement, NdArrayTensor, QuantElement, SharedArray};
use ndarray::{ArcArray, ArrayView, Axis, IxDyn, ShapeBuilder};

use super::host::{self, Slope, Stored, View};
use super::{ActivationBackend, Curve, Formula, composed};

impl<E: FloatNdArrayElement, I: IntNdArrayElement, Q: QuantElement> ActivationBackend for NdArray<E, I, Q>
where
    NdArrayTensor: From<SharedArray<E>> + From<SharedArray<I>>,
{
    const FROM_OUTPUT: bool = true;

    fn activation(x: FloatTensor<Self>, curve: Curve) -> FloatTensor<Self> {
        match x {
            NdArrayTensor::F32(x) if x.is_unique() => forward_in_place(x.into_shared(), &curve).into(),
            NdArrayTensor::F64(x) if x.is_unique() => forward_in_place(x.into_shared(), &curve).into(),
            NdArrayTensor::F32(x) => forward(&x.view(), &curve).into(),
            NdArrayTensor::F64(x) => forward(&x.view(), &curve).into(),
            x => composed::forward::<Self>(x, &curve),
        }
    }

    fn activation_backward(x: FloatTensor<Self>, grad: FloatTensor<Self>, curve: Curve) -> FloatTensor<Self> {
        let slope = Slope::FromInput(&curve);
        match (x, grad) {
            (NdArrayTensor::F32(x), NdArrayTensor::F32(grad)) => backward(&x.view(), grad.into_shared(), slope).into(),
            (NdArrayTensor::F64(x), NdArrayTensor::F64(grad)) => backward(&x.view(), grad.into_shared(), slope).into(),
            (x, grad) => composed::backward::<Self>(x, grad, &curve),
        }
    }

    fn smelu_backward_from_output(y: FloatTensor<Self>, grad: FloatTensor<Self>, beta: f64) -> FloatTensor<Self> {
        let slope = Slope::FromOutput(beta);
        match (y, grad) {
            (NdArrayTensor::F32(y), NdArrayTensor::F32(grad)) => backward(&y.view(), grad.into_shared(), slope).into(),
            (NdArrayTensor::F64(y), NdArrayTensor::F64(grad)) => backward(&y.view(), grad.into_shared(), slope).into(),
            (y, grad) => composed::smelu_backward_from_output::<Self>(y, grad, beta),
        }
    }

    fn activation_with(x: FloatTensor<Self>, parameters: FloatTensor<Self>, formula: Formula) -> FloatTensor<Self> {
        match (x, parameters) {
            (NdArrayTensor::F32(x), NdArrayTensor::F32(p)) => forward_with(&x.view(), &p.view(), formula).into(),
            (NdArrayTensor::F64(x), NdArrayTensor::F64(p)) => forward_with(&x.view(), &p.view(), formula).into(),
            (x, parameters) => composed::forward_with::<Self>(x, &parameters, formula),
        }
    }

    fn activation_with_backward(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        parameters: FloatTensor<Self>,
        formula: Formula,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        match (x, grad, parameters) {
            (NdArrayTensor::F32(x), NdArrayTensor::F32(grad), NdArrayTensor::F32(p)) => {
                let (of_x, of_parameters) = backward_with(&x.view(), &grad.view(), &p.view(), formula);
                (of_x.into(), of_parameters.into())
            }
            (NdArrayTensor::F64(x), NdArrayTensor::F64(grad), NdArrayTensor::F64(p)) => {
                let (of_x, of_parameters) = backward_with(&x.view(), &grad.view(), &p.view(), formula);
                (of_x.into(), of_parameters.into())
            }
            (x, grad, parameters) => composed::backward_with::<Self>(x, &grad, &parameters, formula),
        }
    }
}

type Array<T> = ArcArray<T, IxDyn>;
type ArrayRef<'a, T> = ArrayView<'a, T, IxDyn>;

/// A view with any strides is read along its last axis.
impl<T: Stored> View<T> for ArrayRef<'_, T> {
    fn len(&self) -> usize {
        ArrayRef::len(self)
    }

    fn stretch(&self, start: usize, length: usize) -> Option<&[T]> {
        self.as_slice()?.get(start..start + length)
    }

    fn load(&self, mut start: usize, mut into: &mut [T::Compute]) {
        if let Some(elements) = self.as_slice() {
            return T::load(&elements[start..start + into.len()], into);
        }
        while !into.is_empty() {
            // The row of the element, then how far into the row it lies.
            let mut row = self.view();
            let mut rest = start;
            while row.ndim() > 1 {
                let inner = row.len() / row.len_of(Axis(0));
                row = row.index_axis_move(Axis(0), rest / inner);
                rest %= inner;
            }
            row.slice_axis_inplace(Axis(0), (rest..).into());
            let (now, later) = into.split_at_mut(row.len().min(into.len()));
            for (into, element) in now.iter_mut().zip(&row) {
                *into = element.widen();
            }
            start += now.len();
            into = later;
        }
    }
}

/// An array over `values` with the shape and the order of axes of `like`, whose memory they follow.
fn in_the_order_of<T>(like: &ArrayRef<'_, T>, values: Vec<T>) -> Option<Array<T>> {
    let strides: Vec<usize> =
        like.strides().iter().map(|stride| usize::try_from(*stride).ok()).collect::<Option<_>>()?;
    ArcArray::from_shape_vec(like.raw_dim().strides(IxDyn(&strides)), values).ok()
}

/// An array over `values`, which are as many as `shape` has elements.
fn over<T>(values: Vec<T>, shape: &[usize]) -> Array<T> {
    ArcArray::from_shape_vec(IxDyn(shape), values).expect("a kernel writes as many elements as it reads")
}

fn forward_in_place<T: Stored + Element>(mut x: Array<T>, curve: &Curve) -> Array<T> {
    let Some(values) = x.as_slice_memory_order_mut() else {
        return forward(&x.view(), curve);
    };
    host::values_in_place(values, curve);
    x
}

fn forward<T: Stored + Element>(x: &ArrayRef<'_, T>, curve: &Curve) -> Array<T> {
    if let Some(values) = x.as_slice_memory_order()
        && let Some(out) = in_the_order_of(x, host::values(values, curve))
    {
        return out;
    }
    over(host::values(x, curve), x.shape())
}

fn backward<T: Stored + Element>(kept: &ArrayRef<'_, T>, mut grad: Array<T>, slope: Slope<'_>) -> Array<T> {
    if kept.strides() == grad.strides()
        && let Some(kept) = kept.as_slice_memory_order()
    {
        if grad.is_unique()
            && let Some(values) = grad.as_slice_memory_order_mut()
        {
            host::slopes_in_place(values, kept, slope);
            return grad;
        }
        if let Some(values) = grad.as_slice_memory_order()
            && let Some(out) = in_the_order_of(&grad.view(), host::slopes(values, kept, slope))
        {
            return out;
        }
    }
    over(host::slopes(&grad.view(), kept, slope), kept.shape())
}

/// The parameters, `[P, U]`, one row after another.
fn rows<T: Copy>(parameters: &ArrayRef<'_, T>) -> Vec<T> {
    parameters.iter().copied().collect()
}

fn forward_with<T: Stored + Element>(x: &ArrayRef<'_, T>, parameters: &ArrayRef<'_, T>, formula: Formula) -> Array<T> {
    over(host::values_with(x, &rows(parameters), parameters.shape()[1], formula), x.shape())
}

fn backward_with<T: Stored + Element>(
    x: &ArrayRef<'_, T>,
    grad: &ArrayRef<'_, T>,
    parameters: &ArrayRef<'_, T>,
    formula: Formula,
) -> (Array<T>, Array<T>) {
    let (of_x, of_parameters) = host::slopes_with(grad, x, &rows(parameters), parameters.shape()[1], formula);
    (over(of_x, x.shape()), over(of_parameters, parameters.shape()))
}
