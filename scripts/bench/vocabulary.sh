#!/bin/bash
# The cost of a training step for vocabularies of 10^4 to 10^8 rows: one line of JSON for each size and law of the ids.
#
#     scripts/bench/vocabulary.sh [THREADS] > results/vocabulary/vocabulary.jsonl
#
# 10^8 rows need 7 GiB of memory.
set -euo pipefail
cd "$(dirname "$0")/../.."
export RAYON_NUM_THREADS="${1:-2}"
cargo build --release --locked --quiet --example vocabulary --workspace
for law in uniform zipf; do
    for rows in 1e4 1e5 1e6 1e7 1e8; do
        target/release/examples/vocabulary "$rows" "$law"
    done
done
