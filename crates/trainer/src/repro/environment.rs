//! Where and by what a run was computed. Nothing here identifies a person or a host.

use std::fs;
use std::thread;

use serde::{Deserialize, Serialize};

/// The machine, the operating system and the build of this binary. What cannot be found out is `None`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// The machine.
    pub machine: Machine,
    /// The operating system.
    pub operating_system: OperatingSystem,
    /// The build of this binary.
    pub build: Build,
}

/// The machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Model name of the processor, from `/proc/cpuinfo`.
    pub cpu_model: Option<String>,
    /// Vector instructions that kernels choose among at run time; they decide on bits.
    pub cpu_features: Vec<String>,
    /// Logical cores that are online, from `/proc/cpuinfo`.
    pub logical_cores: Option<usize>,
    /// Threads that can run at once within this process's affinity and quota.
    pub available_threads: Option<usize>,
    /// Main memory in bytes, from `/proc/meminfo`.
    pub memory_bytes: Option<u64>,
}

/// The operating system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatingSystem {
    /// `linux`, `macos`, `windows`, ….
    pub name: String,
    /// Release of the kernel, from `/proc`.
    pub kernel: Option<String>,
    /// `x86_64`, `aarch64`, ….
    pub architecture: String,
}

/// The build of this binary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// Version of this crate.
    pub version: String,
    /// Commit of the source, with `-dirty` where the source differed from it. Release builds in a git checkout only.
    pub git_commit: Option<String>,
    /// Version of the compiler.
    pub rustc: Option<String>,
    /// Version of Burn.
    pub burn: Option<String>,
    /// Features of this crate.
    pub features: Vec<String>,
    /// Target triple.
    pub target: Option<String>,
    /// Instructions that the compiler was free to use everywhere; they decide on bits.
    pub target_features: Vec<String>,
    /// Optimisation level.
    pub opt_level: Option<String>,
}

impl Environment {
    /// Finds out what can be found out.
    #[must_use]
    pub fn capture() -> Self {
        let read = |path: &str| fs::read_to_string(path).ok();
        let cpuinfo = read("/proc/cpuinfo");
        Self {
            machine: Machine {
                cpu_model: cpuinfo.as_deref().and_then(cpu_model),
                cpu_features: cpu_features(),
                logical_cores: cpuinfo.as_deref().and_then(logical_cores),
                available_threads: thread::available_parallelism().ok().map(usize::from),
                memory_bytes: read("/proc/meminfo").and_then(|meminfo| bytes(&meminfo, "MemTotal")),
            },
            operating_system: OperatingSystem {
                name: std::env::consts::OS.to_owned(),
                kernel: read("/proc/sys/kernel/osrelease").map(|release| release.trim().to_owned()),
                architecture: std::env::consts::ARCH.to_owned(),
            },
            build: Build {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                git_commit: option_env!("CTR_GIT_COMMIT").map(str::to_owned),
                rustc: option_env!("CTR_RUSTC_VERSION").map(str::to_owned),
                burn: option_env!("CTR_BURN_VERSION").map(str::to_owned),
                features: list(option_env!("CTR_FEATURES")),
                target: option_env!("CTR_TARGET").map(str::to_owned),
                target_features: list(option_env!("CTR_TARGET_FEATURES")),
                opt_level: option_env!("CTR_OPT_LEVEL").map(str::to_owned),
            },
        }
    }
}

/// The most memory of this process that was resident at one time, in bytes, from `/proc/self/status`.
#[must_use]
pub fn peak_resident_bytes() -> Option<u64> {
    bytes(&fs::read_to_string("/proc/self/status").ok()?, "VmHWM")
}

fn list(joined: Option<&str>) -> Vec<String> {
    joined.into_iter().flat_map(|text| text.split(',')).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

fn entries<'a>(text: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines()
        .filter_map(move |line| line.split_once(':').filter(|(name, _)| name.trim() == key))
        .map(|(_, v)| v.trim())
}

fn cpu_model(cpuinfo: &str) -> Option<String> {
    entries(cpuinfo, "model name").next().map(str::to_owned)
}

fn logical_cores(cpuinfo: &str) -> Option<usize> {
    Some(entries(cpuinfo, "processor").count()).filter(|count| *count > 0)
}

/// The number of an entry such as `MemTotal: 1024 kB`.
fn bytes(text: &str, key: &str) -> Option<u64> {
    let kibibytes: u64 = entries(text, key).next()?.strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(target_arch = "x86_64")]
fn cpu_features() -> Vec<String> {
    let detected = [
        ("avx", is_x86_feature_detected!("avx")),
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
    ];
    detected.into_iter().filter(|(_, present)| *present).map(|(name, _)| name.to_owned()).collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn cpu_features() -> Vec<String> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CPUINFO: &str =
        "processor\t: 0\nmodel name\t: Some CPU @ 2.0GHz: fast\n\nprocessor\t: 1\nmodel name\t: Other\n";

    #[test]
    fn proc_files_are_read() {
        assert_eq!(cpu_model(CPUINFO).as_deref(), Some("Some CPU @ 2.0GHz: fast"));
        assert_eq!(logical_cores(CPUINFO), Some(2));
        assert_eq!(bytes("MemFree:  1 kB\nMemTotal:       16384 kB\n", "MemTotal"), Some(16384 * 1024));
        assert_eq!(bytes("VmPeak:\t  99 kB\nVmHWM:\t    7 kB\n", "VmHWM"), Some(7 * 1024));
    }

    #[test]
    fn odd_proc_files_give_nothing() {
        assert_eq!((cpu_model(""), logical_cores("model name")), (None, None));
        for text in ["", "MemTotal: many kB", "MemTotal: 5", "MemTotal: 18446744073709551615 kB"] {
            assert_eq!(bytes(text, "MemTotal"), None, "{text}");
        }
    }

    #[test]
    fn an_environment_survives_json_and_names_no_host() {
        let environment = Environment::capture();
        assert_eq!(environment.build.version, env!("CARGO_PKG_VERSION"));
        let json = serde_json::to_string(&environment).expect("JSON");
        assert_eq!(serde_json::from_str::<Environment>(&json).expect("environment"), environment);
        if let Ok(host) = fs::read_to_string("/proc/sys/kernel/hostname")
            && host.trim().len() > 6
        {
            assert!(!json.contains(host.trim()));
        }
    }
}
