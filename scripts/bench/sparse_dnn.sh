#!/bin/sh
# Seconds per training epoch of a DNN with sparse embedding updates: ours and its PyTorch twin, run in turn on the same machine.
#
#   CONFIG=configs/bench/wide.toml scripts/bench/sparse_dnn.sh
#
# The data are generated. Needs `cargo build --release -p trainer` and scripts/bench/setup_torch.sh. Writes OUT/<config>.json and
# OUT/README.md.
#
# CONFIG      run config, read by both (default: configs/bench/criteo_shaped.toml)
# REPEATS     rounds of ours and the twins (default: 5)
# EPOCHS      epochs of a run; the first is warm-up and not counted (default: 3)
# THREADS     threads of both (default: 2)
# ALLOCATORS  one twin for each (default: "system tuned"; sparse_dnn_torch.py --help)
# PYTHON      interpreter with torch (default: target/torch/bin/python)
# CTR         our binary (default: target/release/ctr)
# CACHE       folder of the encoded data, kept (default: a temporary one)
# OUT         folder of the results (default: results/sparse_dnn_speed)
set -eu

cd "$(dirname "$0")/../.."

config=${CONFIG:-configs/bench/criteo_shaped.toml}
repeats=${REPEATS:-5}
epochs=${EPOCHS:-3}
threads=${THREADS:-2}
allocators=${ALLOCATORS:-system tuned}
python=${PYTHON:-target/torch/bin/python}
ctr=${CTR:-target/release/ctr}
out=${OUT:-results/sparse_dnn_speed}

for program in "$python" "$ctr"; do
    if ! command -v "$program" >/dev/null; then
        echo "$program is not there; see the head of $0" >&2
        exit 1
    fi
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
runs=$work/runs
mkdir "$runs"
cache=${CACHE:-$work/cache}

# Encoding the data is no part of an epoch.
"$ctr" prepare "$config" --cache-dir "$cache" >&2
dataset=$(sed -n 's/^name = "\(.*\)"/\1/p' "$(dirname "$config")/$(sed -n 's/^dataset = "\(.*\)"/\1/p' "$config")")
encoded=$(ls -d "$cache/$dataset"-*)

repeat=1
while [ "$repeat" -le "$repeats" ]; do
    echo "round $repeat of $repeats: ours" >&2
    "$ctr" train "$config" --cache-dir "$cache" --run-dir "$work/run" --threads "$threads" --set training.epochs="$epochs" >/dev/null
    cp "$work/run/metrics.jsonl" "$runs/ours-$repeat.jsonl"
    cp "$work/run/run.json" "$runs/run.json"
    rm -rf "$work/run"
    for allocator in $allocators; do
        echo "round $repeat of $repeats: PyTorch, allocator $allocator" >&2
        "$python" scripts/bench/sparse_dnn_torch.py --config "$config" --encoded "$encoded" --epochs "$epochs" \
            --threads "$threads" --allocator "$allocator" >"$runs/torch-$(basename "$allocator")-$repeat.jsonl"
    done
    repeat=$((repeat + 1))
done

"$python" scripts/bench/paired_report.py --runs "$runs" --config "$config" --threads "$threads" --out "$out" \
    --script "scripts/bench/sparse_dnn.sh" --title "DNN with sparse embedding updates"
