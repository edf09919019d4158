#!/usr/bin/env bash
# Everything that must hold before a change lands: format, lints, tests, documentation. Runs from any folder of the checkout.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }

step "format"
cargo fmt --all -- --check

step "lints"
cargo clippy --locked --workspace --all-targets -- -D warnings

step "tests"
cargo test --locked --workspace --no-fail-fast

step "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps

step "all checks passed"
