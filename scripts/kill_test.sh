#!/usr/bin/env bash
# Kills training processes with SIGKILL at random moments, of training and of writing checkpoints, and resumes each run with `ctr train --resume auto`.
# Afterwards a run must have the bits of one left alone (parameters, optimiser state, predictions, every step's digest), every checkpoint must load
# after every kill, and the row ledger must show that no row was repeated or skipped.
#
# usage: scripts/kill_test.sh [KILLS]     default 10; the last line says kills, resumes and whether the results were identical
#
# The test itself is crates/trainer/tests/command/kill.rs; `cargo test` runs its short form.
set -euo pipefail
cd "$(dirname "$0")/.."
kills=${1:-10}
case $kills in ''|*[!0-9]*|0) echo "KILLS is \"$kills\"; expected a whole number ≥ 1" >&2; exit 2 ;; esac

log=$(mktemp)
trap 'rm -f "$log"' EXIT
if CTR_KILL_TEST_KILLS=$kills cargo test --locked --workspace --test command kill:: -- --nocapture >"$log" 2>&1; then
    grep -E '^[0-9]+ kills .*: identical$' "$log"
else
    cat "$log" >&2
    echo "$kills kills asked for: NOT identical, or a checkpoint could not be loaded, or rows were repeated or skipped (see above)"
    exit 1
fi
