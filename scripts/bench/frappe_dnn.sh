#!/bin/sh
# Seconds per training epoch of the Frappe DNN: ours and its PyTorch twin, run in turn on the same machine.
#
#   scripts/bench/frappe_dnn.sh DATA_DIR
#
# DATA_DIR holds train.csv, valid.csv and test.csv (datasets/README.md). Needs `cargo build --release -p trainer` and
# scripts/bench/setup_torch.sh. Writes OUT/<config>.json and OUT/README.md.
#
# CONFIG      run config, read by both (default: configs/frappe/dnn_relu.toml)
# REPEATS     rounds of ours and the twins (default: 5)
# EPOCHS      epochs of a run; the first is warm-up and not counted (default: 5)
# THREADS     threads of both (default: 2)
# ALLOCATORS  one twin for each (default: "system tuned"; frappe_dnn_torch.py --help)
# DROPOUT     dropout of both in place of the config's
# ADAM        form of the twin's Adam (default: fused)
# PYTHON      interpreter with torch (default: target/torch/bin/python)
# CTR         our binary (default: target/release/ctr)
# OUT         folder of the results (default: results/frappe_dnn_speed)
set -eu

if [ $# -ne 1 ]; then
    sed -n '2,19s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
data=$(cd "$1" && pwd)
cd "$(dirname "$0")/../.."

config=${CONFIG:-configs/frappe/dnn_relu.toml}
repeats=${REPEATS:-5}
epochs=${EPOCHS:-5}
threads=${THREADS:-2}
allocators=${ALLOCATORS:-system tuned}
adam=${ADAM:-fused}
python=${PYTHON:-target/torch/bin/python}
ctr=${CTR:-target/release/ctr}
dropout=${DROPOUT:-}
out=${OUT:-results/frappe_dnn_speed}

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

# Encoding the data is no part of an epoch.
"$ctr" prepare "$config" --data-dir "$data" --cache-dir "$work/cache" >&2

repeat=1
while [ "$repeat" -le "$repeats" ]; do
    echo "round $repeat of $repeats: ours" >&2
    "$ctr" train "$config" --data-dir "$data" --cache-dir "$work/cache" --run-dir "$work/run" --threads "$threads" \
        --set training.epochs="$epochs" --set training.early_stop_patience=0 \
        ${dropout:+--set model.dropout="$dropout"} >/dev/null
    cp "$work/run/metrics.jsonl" "$runs/ours-$repeat.jsonl"
    cp "$work/run/run.json" "$runs/run.json"
    rm -rf "$work/run"
    for allocator in $allocators; do
        echo "round $repeat of $repeats: PyTorch, allocator $allocator" >&2
        "$python" scripts/bench/frappe_dnn_torch.py --config "$config" --data-dir "$data" --epochs "$epochs" \
            --threads "$threads" --adam "$adam" --allocator "$allocator" \
            ${dropout:+--dropout "$dropout"} >"$runs/torch-$(basename "$allocator")-$repeat.jsonl"
    done
    repeat=$((repeat + 1))
done

"$python" scripts/bench/paired_report.py --runs "$runs" --config "$config" --threads "$threads" --out "$out" \
    --script "scripts/bench/frappe_dnn.sh DATA_DIR" --title "Frappe DNN" \
    ${dropout:+--dropout "$dropout"}
