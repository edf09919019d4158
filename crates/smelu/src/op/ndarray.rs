//! The `NdArray` backend.

use std::borrow::Cow;

use burn::backend::NdArray;
use burn::tensor::Element;
use burn::tensor::ops::FloatTensor;
use burn_ndarray::{FloatNdArrayElement, IntNdArrayElement, NdArrayTensor, QuantElement, SharedArray};
use ndarray::{ArcArray, ArrayView, IxDyn, ShapeBuilder};

use super::host::{self, Stored};
use super::{ActivationBackend, Curve, Formula, composed};

impl<E: FloatNdArrayElement, I: IntNdArrayElement, Q: QuantElement> ActivationBackend for NdArray<E, I, Q>
where
    NdArrayTensor: From<SharedArray<E>> + From<SharedArray<I>>,
{
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
        match (x, grad) {
            (NdArrayTensor::F32(x), NdArrayTensor::F32(grad)) => backward(&x.view(), grad.into_shared(), &curve).into(),
            (NdArrayTensor::F64(x), NdArrayTensor::F64(grad)) => backward(&x.view(), grad.into_shared(), &curve).into(),
            (x, grad) => composed::backward::<Self>(x, grad, &curve),
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
type View<'a, T> = ArrayView<'a, T, IxDyn>;

/// An array over `values` with the shape and the order of axes of `like`, whose memory they follow.
fn in_the_order_of<T>(like: &View<'_, T>, values: Vec<T>) -> Option<Array<T>> {
    let strides: Vec<usize> =
        like.strides().iter().map(|stride| usize::try_from(*stride).ok()).collect::<Option<_>>()?;
    ArcArray::from_shape_vec(like.raw_dim().strides(IxDyn(&strides)), values).ok()
}

fn forward_in_place<T: Stored + Element>(mut x: Array<T>, curve: &Curve) -> Array<T> {
    let Some(values) = x.as_slice_memory_order_mut() else {
        return forward(&x.view(), curve);
    };
    host::values_in_place(values, curve);
    x
}

fn forward<T: Stored + Element>(x: &View<'_, T>, curve: &Curve) -> Array<T> {
    if let Some(values) = x.as_slice_memory_order()
        && let Some(out) = in_the_order_of(x, host::values(values, curve))
    {
        return out;
    }
    // Gaps between the elements: gathered first, then in place.
    let mut out = x.as_standard_layout().into_owned();
    if let Some(values) = out.as_slice_mut() {
        host::values_in_place(values, curve);
    }
    out.into_shared()
}

fn backward<T: Stored + Element>(x: &View<'_, T>, mut grad: Array<T>, curve: &Curve) -> Array<T> {
    if x.strides() == grad.strides()
        && let Some(x) = x.as_slice_memory_order()
    {
        if grad.is_unique()
            && let Some(values) = grad.as_slice_memory_order_mut()
        {
            host::slopes_in_place(values, x, curve);
            return grad;
        }
        if let Some(values) = grad.as_slice_memory_order()
            && let Some(out) = in_the_order_of(&grad.view(), host::slopes(values, x, curve))
        {
            return out;
        }
    }
    let mut out = grad.as_standard_layout().into_owned();
    if let Some(values) = out.as_slice_mut() {
        host::slopes_in_place(values, &*row_major(x), curve);
    }
    out.into_shared()
}

/// The elements in row-major order, copied only if they lie in another.
fn row_major<'a, T: Copy>(x: &View<'a, T>) -> Cow<'a, [T]> {
    x.to_slice().map_or_else(|| Cow::Owned(x.iter().copied().collect()), Cow::Borrowed)
}

/// An array over `values`, which are as many as `shape` has elements.
fn over<T>(values: Vec<T>, shape: &[usize]) -> Array<T> {
    ArcArray::from_shape_vec(IxDyn(shape), values).expect("a kernel writes as many elements as it reads")
}

fn forward_with<T: Stored + Element>(x: &View<'_, T>, parameters: &View<'_, T>, formula: Formula) -> Array<T> {
    let values = host::values_with(&*row_major(x), &row_major(parameters), parameters.shape()[1], formula);
    over(values, x.shape())
}

fn backward_with<T: Stored + Element>(
    x: &View<'_, T>,
    grad: &View<'_, T>,
    parameters: &View<'_, T>,
    formula: Formula,
) -> (Array<T>, Array<T>) {
    let units = parameters.shape()[1];
    let (of_x, of_parameters) =
        host::slopes_with(&*row_major(grad), &*row_major(x), &row_major(parameters), units, formula);
    (over(of_x, x.shape()), over(of_parameters, parameters.shape()))
}
