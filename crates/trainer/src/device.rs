//! From a device's name to a backend: the only place that knows which backends this binary was built with.
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::{Arc, Mutex, PoisonError};

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use ctr_model::ModelBackend;

use crate::config::{BackendKind, DeviceSpec};
use crate::device_failure::first_line;

/// Work that is written for any backend.
pub trait WithBackend {
    /// What the work returns.
    type Output;

    /// Does the work.
    fn run<B: ModelBackend>(self, device: B::Device) -> Self::Output;
}

/// A device that was asked for and is not there. There is no fallback to another one.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// The backend is not part of this binary.
    #[error(
        "device `{device}`: this binary was built without the `{backend}` backend; build it with `cargo build --release -p trainer \
         --features {backend}`, or choose another `--device`"
    )]
    NotBuilt {
        /// What was asked for.
        device: String,
        /// The missing feature.
        backend: &'static str,
    },
    /// The backend is there, the device is not.
    #[error("device `{device}`: not found on this machine ({reason}); check its driver, or choose another `--device`")]
    Absent {
        /// What was asked for.
        device: String,
        /// What the backend said.
        reason: String,
    },
}

/// Does the work on the backend of `spec`.
///
/// # Errors
/// When the backend is not part of this binary, or the device is not there.
pub fn with_backend<W: WithBackend>(spec: DeviceSpec, work: W) -> Result<W::Output, DeviceError> {
    match spec.backend {
        BackendKind::Flex => on_flex(spec, work),
        BackendKind::NdArray => on_ndarray(spec, work),
        BackendKind::Wgpu => on_wgpu(spec, work),
        BackendKind::Cuda => on_cuda(spec, work),
    }
}

#[cfg(feature = "flex")]
#[allow(clippy::unnecessary_wraps, reason = "the same signature as where the backend is not built in")]
fn on_flex<W: WithBackend>(_spec: DeviceSpec, work: W) -> Result<W::Output, DeviceError> {
    Ok(work.run::<burn::backend::Flex>(burn::backend::flex::FlexDevice))
}

#[cfg(feature = "ndarray")]
#[allow(clippy::unnecessary_wraps, reason = "the same signature as where the backend is not built in")]
fn on_ndarray<W: WithBackend>(_spec: DeviceSpec, work: W) -> Result<W::Output, DeviceError> {
    Ok(work.run::<burn::backend::NdArray>(burn::backend::ndarray::NdArrayDevice::default()))
}

#[cfg(feature = "wgpu")]
fn on_wgpu<W: WithBackend>(spec: DeviceSpec, work: W) -> Result<W::Output, DeviceError> {
    use burn::backend::wgpu::WgpuDevice;
    let device = spec.index.map_or(WgpuDevice::DefaultDevice, WgpuDevice::DiscreteGpu);
    on_accelerator::<burn::backend::Wgpu, W>(spec, device, work)
}

#[cfg(feature = "cuda")]
fn on_cuda<W: WithBackend>(spec: DeviceSpec, work: W) -> Result<W::Output, DeviceError> {
    let device = burn::backend::cuda::CudaDevice::new(spec.index.unwrap_or(0));
    on_accelerator::<burn::backend::Cuda, W>(spec, device, work)
}

/// Every device that can be asked for, with the name that its backend gives it, or why it cannot be used.
///
/// Each is opened and used once. The numbered devices of a backend follow its default device where that is there.
#[must_use]
pub fn list() -> Vec<(DeviceSpec, Result<String, DeviceError>)> {
    let mut list = Vec::new();
    for backend in BackendKind::ALL {
        let default = DeviceSpec { backend, index: None };
        let described = with_backend(default, Describe);
        let numbered = match &described {
            Ok((_, count)) if backend.has_numbered_devices() => *count,
            _ => 0,
        };
        list.push((default, described.map(|(name, _)| name)));
        for index in 0..numbered {
            let spec = DeviceSpec { backend, index: Some(index) };
            list.push((spec, with_backend(spec, Describe).map(|(name, _)| name)));
        }
    }
    list
}

/// The name of a device's backend, and how many numbered devices it has.
struct Describe;

impl WithBackend for Describe {
    type Output = (String, usize);

    fn run<B: ModelBackend>(self, device: B::Device) -> Self::Output {
        // Devices of type 0 are the numbered ones: discrete graphics cards on wgpu, all devices on CUDA.
        (B::name(&device), B::device_count(0))
    }
}

macro_rules! not_built {
    ($($function:ident, $feature:literal;)*) => {$(
        #[cfg(not(feature = $feature))]
        fn $function<W: WithBackend>(spec: DeviceSpec, _work: W) -> Result<W::Output, DeviceError> {
            Err(DeviceError::NotBuilt { device: spec.to_string(), backend: $feature })
        }
    )*};
}

not_built! {
    on_flex, "flex";
    on_ndarray, "ndarray";
    on_wgpu, "wgpu";
    on_cuda, "cuda";
}

/// Tries the device before the work is done on it.
#[cfg_attr(not(any(feature = "wgpu", feature = "cuda")), allow(dead_code, reason = "only accelerators can be absent"))]
fn on_accelerator<B: ModelBackend, W: WithBackend>(
    spec: DeviceSpec,
    device: B::Device,
    work: W,
) -> Result<W::Output, DeviceError> {
    match probe::<B>(&device) {
        Ok(()) => Ok(work.run::<B>(device)),
        Err(reason) => Err(DeviceError::Absent { device: spec.to_string(), reason }),
    }
}

/// Burn has no call that asks whether a device is there: its backends panic on the first use of an absent one.
fn probe<B: Backend>(device: &B::Device) -> Result<(), String> {
    // Where a thread of the backend panics, it is that thread which says why; this one only that nothing came back.
    let first = Arc::new(Mutex::new(None));
    let heard = Arc::clone(&first);
    let hook = take_hook();
    set_hook(Box::new(move |panic| {
        heard.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| first_line(panic.payload()));
    }));
    let tried = catch_unwind(AssertUnwindSafe(|| Tensor::<B, 1>::ones([1], device).into_data()));
    set_hook(hook);
    let first = first.lock().unwrap_or_else(PoisonError::into_inner).take();
    tried.map(|_| ()).map_err(|payload| first.unwrap_or_else(|| first_line(payload.as_ref())))
}
