//! Which backend and device a run asks for: the key `device`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A compute backend by its name in `device = "…"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackendKind {
    /// Burn's `Flex` CPU backend.
    Flex,
    /// Burn's `NdArray` CPU backend.
    NdArray,
    /// Burn's `Wgpu` backend (Vulkan, Metal, DX12).
    Wgpu,
    /// Burn's `Cuda` backend.
    Cuda,
}

impl BackendKind {
    /// All of them, whether this binary was built with them or not.
    pub const ALL: [Self; 4] = [Self::Flex, Self::NdArray, Self::Wgpu, Self::Cuda];

    /// The name in a config and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Flex => "flex",
            Self::NdArray => "ndarray",
            Self::Wgpu => "wgpu",
            Self::Cuda => "cuda",
        }
    }

    /// Whether its devices are told apart by a number.
    #[must_use]
    pub fn has_numbered_devices(self) -> bool {
        matches!(self, Self::Wgpu | Self::Cuda)
    }
}

impl fmt::Display for BackendKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A backend and, on GPU backends, the number of the device: `flex`, `wgpu`, `cuda:1`.
///
/// Whether that device exists is found out when it is opened, not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeviceSpec {
    /// The backend.
    pub backend: BackendKind,
    /// Number of the device, from 0; `None` is the backend's default device.
    pub index: Option<usize>,
}

impl Default for DeviceSpec {
    fn default() -> Self {
        Self { backend: BackendKind::Flex, index: None }
    }
}

impl fmt::Display for DeviceSpec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            None => write!(formatter, "{}", self.backend),
            Some(index) => write!(formatter, "{}:{index}", self.backend),
        }
    }
}

/// Why a text names no device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{reason}; expected `flex`, `ndarray`, `wgpu` or `cuda`, the last two optionally with a device number as in `cuda:0`"
)]
pub struct ParseDeviceError {
    reason: String,
}

impl FromStr for DeviceSpec {
    type Err = ParseDeviceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = |reason: String| Err(ParseDeviceError { reason });
        let (name, index) = match text.split_once(':') {
            None => (text, None),
            Some((name, index)) => (name, Some(index)),
        };
        let Some(backend) = BackendKind::ALL.into_iter().find(|backend| backend.name() == name) else {
            return fail(format!("unknown backend `{name}`"));
        };
        let Some(index) = index else {
            return Ok(Self { backend, index: None });
        };
        if !backend.has_numbered_devices() {
            return fail(format!("`{backend}` has no numbered devices"));
        }
        match index.parse() {
            Ok(index) => Ok(Self { backend, index: Some(index) }),
            Err(_) => fail(format!("`{index}` is not a device number")),
        }
    }
}

impl TryFrom<String> for DeviceSpec {
    type Error = ParseDeviceError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<DeviceSpec> for String {
    fn from(device: DeviceSpec) -> Self {
        device.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_texts_survive_a_round_trip() {
        for text in ["flex", "ndarray", "wgpu", "wgpu:2", "cuda", "cuda:0"] {
            assert_eq!(text.parse::<DeviceSpec>().expect(text).to_string(), text);
        }
    }

    #[test]
    fn unknown_and_impossible_devices_are_refused() {
        for (text, part) in [
            ("tpu", "unknown backend `tpu`"),
            ("", "unknown backend ``"),
            ("CUDA", "unknown backend `CUDA`"),
            ("flex:0", "no numbered devices"),
            ("cuda:", "`` is not a device number"),
            ("cuda:-1", "`-1` is not a device number"),
        ] {
            let message = text.parse::<DeviceSpec>().expect_err(text).to_string();
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
