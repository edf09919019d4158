#!/usr/bin/env bash
# Everything that must hold before a change lands: format, lints, tests, documentation. Runs from any folder of the checkout.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }

step "format"
cargo fmt --all -- --check

step "lints"
cargo clippy --locked --workspace --all-targets -- -D warnings

# The fuzz targets are compiled where they are run; here only that their lock file has kept up with the crates.
step "lock file of the fuzz targets"
cargo metadata --locked --manifest-path fuzz/Cargo.toml --format-version 1 >/dev/null

step "tests"
cargo test --locked --workspace --no-fail-fast

# On whatever Vulkan device there is; without one the tests say that they are skipped. Of the activations only this backend is built, because
# the kernels of the others take most of the time to compile.
step "tests of the wgpu kernels"
cargo test --locked -p smelu --no-default-features --features wgpu --test contract --no-fail-fast -- wgpu

step "lints, and tests of tables, models and training steps on wgpu"
cargo clippy --locked -p ctr-model -p trainer --features wgpu --all-targets -- -D warnings
cargo test --locked -p ctr-model -p trainer --features wgpu --lib --test contract --test command --no-fail-fast -- wgpu cube

step "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps

step "all checks passed"
