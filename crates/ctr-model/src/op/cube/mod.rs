//! The CubeCL backends (wgpu, CUDA): tables on the device, and kernels for what Burn's operations do slowly, with too little precision or in no
//! fixed order; every other operation by its reference.
#[allow(clippy::used_underscore_binding, reason = "the macro reads what only it can read")]
mod adam;
mod beside;
mod columns;
mod dropout;
mod launch;
mod loss;
mod norm;
mod outer;
mod pick;
mod product;
mod reading;
mod tables;
mod total;

use burn::tensor::backend::{Backend, DeviceOps};
use burn::tensor::ops::{FloatTensor, FloatTensorOps};
use burn::tensor::{DType, FloatDType};
use burn_cubecl::{BoolElement, CubeBackend, CubeRuntime, FloatElement, IntElement};
use cubecl::server::ComputeServer;

use super::{AdamTensors, ModelBackend, NormTensors, reference};
use crate::embedding::{DeviceTables, EmbeddingTables, TableError};
use crate::optim::AdamStep;
use crate::pass::DropoutKey;
use crate::precision::Precision;

impl<R, F, I, BT> ModelBackend for CubeBackend<R, F, I, BT>
where
    R: CubeRuntime,
    R::Server: ComputeServer,
    R::Device: DeviceOps,
    F: FloatElement,
    I: IntElement,
    BT: BoolElement,
{
    fn computes_in(precision: Precision, device: &Self::Device) -> bool {
        match precision {
            Precision::F32 => true,
            Precision::Tf32 => product::has_tf32::<R>(device),
            Precision::Bf16 => Self::supports_dtype(device, DType::BF16),
        }
    }

    fn affine(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        precision: Precision,
    ) -> FloatTensor<Self> {
        let is_column = precision.is_f32() && weight.meta.shape()[1] == 1;
        if is_column && launch::computes(&[&x, &weight, &bias]) {
            return product::column_plus(x, &weight, &bias);
        }
        Self::add_row(Self::product(x, weight, precision), bias)
    }

    fn product(x: FloatTensor<Self>, weight: FloatTensor<Self>, precision: Precision) -> FloatTensor<Self> {
        match precision {
            Precision::F32 if launch::computes(&[&x, &weight]) => product::product(x, weight),
            Precision::Tf32 if launch::computes(&[&x, &weight]) => product::rounded(x, weight),
            Precision::Bf16 if launch::computes(&[&x, &weight]) => {
                let [x, weight] = [x, weight].map(|factor| Self::float_cast(factor, FloatDType::BF16));
                Self::float_cast(product::rounded(x, weight), FloatDType::F32)
            }
            _ => reference::product::<Self>(x, weight, precision),
        }
    }

    fn outer_rows(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        if launch::computes(&[&a, &b]) { outer::outer_rows(a, b) } else { reference::outer_rows::<Self>(a, b) }
    }

    fn outer_rows_backward(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        grad: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 2] {
        if launch::computes(&[&a, &b, &grad]) {
            return outer::outer_rows_backward(a, b, grad);
        }
        reference::outer_rows_backward::<Self>(a, b, grad)
    }

    fn beside(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        if launch::computes(&[&a, &b]) { beside::beside(a, b) } else { reference::beside::<Self>(a, b) }
    }

    fn columns_of(x: FloatTensor<Self>, first: usize, count: usize) -> FloatTensor<Self> {
        if count > 0 && launch::computes(&[&x]) {
            return beside::columns_of(x, first, count);
        }
        reference::columns_of::<Self>(x, first, count)
    }

    fn pick(x: FloatTensor<Self>, places: &[u32]) -> FloatTensor<Self> {
        if launch::computes(&[&x]) {
            return pick::pick(x, places);
        }
        reference::pick::<Self>(x, places)
    }

    fn pick_backward(grad: FloatTensor<Self>, places: &[u32], count: usize) -> FloatTensor<Self> {
        if places.is_empty() {
            let [rows, _, width] = grad.meta.shape().dims();
            return Self::float_zeros([rows, count, width].into(), &grad.device.clone(), FloatDType::F32);
        }
        if launch::computes(&[&grad]) {
            return pick::pick_backward(grad, places, count);
        }
        reference::pick_backward::<Self>(grad, places, count)
    }

    fn bce_with_logits(logits: FloatTensor<Self>, labels: FloatTensor<Self>) -> FloatTensor<Self> {
        if launch::computes(&[&logits, &labels]) {
            return loss::bce_with_logits(logits, labels);
        }
        reference::bce_with_logits::<Self>(logits, labels)
    }

    fn bce_with_logits_backward(
        logits: FloatTensor<Self>,
        labels: FloatTensor<Self>,
        grad: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        if launch::computes(&[&logits, &labels, &grad]) {
            return loss::bce_with_logits_backward(logits, labels, grad);
        }
        reference::bce_with_logits_backward::<Self>(logits, labels, grad)
    }

    fn product_input_grad(
        grad: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        precision: Precision,
    ) -> FloatTensor<Self> {
        Self::product(grad, Self::float_transpose(weight), precision)
    }

    fn product_weight_grad(x: FloatTensor<Self>, grad: FloatTensor<Self>, precision: Precision) -> FloatTensor<Self> {
        Self::product(Self::float_transpose(x), grad, precision)
    }

    fn sum_rows(x: FloatTensor<Self>) -> FloatTensor<Self> {
        if launch::computes(&[&x]) { columns::sum_rows(x) } else { reference::sum_rows::<Self>(x) }
    }

    fn batch_moments(x: FloatTensor<Self>) -> (FloatTensor<Self>, FloatTensor<Self>) {
        if launch::computes(&[&x]) {
            return norm::batch_moments(x).into();
        }
        reference::batch_moments::<Self>(x)
    }

    fn batch_norm(x: FloatTensor<Self>, norm: NormTensors<Self>) -> FloatTensor<Self> {
        if launch::computes(&[&x, &norm.mean, &norm.variance, &norm.gamma, &norm.beta]) {
            return norm::batch_norm(x, norm);
        }
        reference::batch_norm::<Self>(x, norm)
    }

    fn batch_norm_backward(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        norm: NormTensors<Self>,
    ) -> [FloatTensor<Self>; 3] {
        if launch::computes(&[&x, &grad, &norm.mean, &norm.variance, &norm.gamma, &norm.beta]) {
            return norm::batch_norm_backward(x, grad, norm);
        }
        reference::batch_norm_backward::<Self>(x, grad, norm)
    }

    fn weighted_sum(a: FloatTensor<Self>, b: FloatTensor<Self>, of_a: f64, of_b: f64) -> FloatTensor<Self> {
        if launch::computes(&[&a, &b]) {
            return norm::weighted_sum(a, b, of_a as f32, of_b as f32);
        }
        reference::weighted_sum::<Self>(a, b, of_a, of_b)
    }

    fn dropout(x: FloatTensor<Self>, key: DropoutKey, probability: f64) -> FloatTensor<Self> {
        if launch::computes(&[&x]) {
            return dropout::dropout(x, key, probability);
        }
        reference::dropout::<Self>(x, key, probability)
    }

    fn adam(tensors: AdamTensors<Self>, grad: FloatTensor<Self>, step: AdamStep) -> AdamTensors<Self> {
        let [parameter, first, second] = &tensors;
        if launch::computes(&[parameter, first, second, &grad]) {
            return adam::adam(tensors, grad, step);
        }
        reference::adam::<Self>(tensors, grad, step)
    }

    fn adam_of_all(all: Vec<(AdamTensors<Self>, FloatTensor<Self>)>, step: AdamStep) -> Vec<AdamTensors<Self>> {
        if all.iter().all(|([parameter, first, second], grad)| launch::computes(&[parameter, first, second, grad])) {
            return adam::adam_of_all(all, step);
        }
        all.into_iter().map(|(tensors, grad)| Self::adam(tensors, grad, step)).collect()
    }

    fn squared_norms_while<T>(tensors: Vec<FloatTensor<Self>>, work: impl FnOnce() -> T) -> (f64, T) {
        if launch::computes(&tensors.iter().collect::<Vec<_>>()) {
            return reading::squared_norms_while(tensors, work);
        }
        (tensors.into_iter().map(Self::squared_norm).sum(), work())
    }

    fn read_while<T>(number: FloatTensor<Self>, work: impl FnOnce() -> T) -> (f64, T) {
        if launch::computes(&[&number]) {
            return reading::read_while(number, work);
        }
        (reference::number::<Self>(number), work())
    }

    fn device_tables(
        tables: &EmbeddingTables,
        device: &Self::Device,
        largest_buffer: Option<u64>,
    ) -> Result<Option<Box<dyn DeviceTables<Self>>>, TableError> {
        Ok(Some(Box::new(tables::CubeTables::<R>::new(tables, device, largest_buffer)?)))
    }
}
