//! Whether there is an accelerator for the tests to run on.

use std::io::{Write, stderr};
use std::panic::catch_unwind;
use std::sync::OnceLock;

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

/// Burn has no call that asks whether a device is there: its backends panic on the first use of an absent one.
fn works<B: Backend>(name: &str) -> bool {
    let sum = || Tensor::<B, 1>::ones([2], &B::Device::default()).sum().into_data();
    let works = catch_unwind(sum).is_ok();
    if !works {
        // Not through the printing macros, whose output a test that passes does not show.
        let _ = writeln!(stderr(), "no device for {name}: its tests are skipped");
    }
    works
}

#[cfg(feature = "wgpu")]
pub(crate) fn has_wgpu() -> bool {
    // Without the decorator of the feature `fusion`, so that the panic comes at once and on this thread.
    type Plain = burn::backend::wgpu::CubeBackend<burn::backend::wgpu::WgpuRuntime, f32, i32, u32>;
    static WORKS: OnceLock<bool> = OnceLock::new();
    *WORKS.get_or_init(|| works::<Plain>("wgpu"))
}

#[cfg(feature = "cuda")]
pub(crate) fn has_cuda() -> bool {
    static WORKS: OnceLock<bool> = OnceLock::new();
    *WORKS.get_or_init(|| works::<burn::backend::Cuda>("cuda"))
}

/// What the tests of this backend test: with the feature `fusion`, the decorator around it.
#[cfg(feature = "wgpu")]
#[test]
fn wgpu_is_decorated_exactly_with_the_feature() {
    if has_wgpu() {
        let name = <burn::backend::Wgpu>::name(&burn::backend::wgpu::WgpuDevice::default());
        assert_eq!(name.starts_with("fusion<"), cfg!(feature = "fusion"), "{name}");
    }
}
