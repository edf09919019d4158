#!/usr/bin/env bash
# Train the models of one BARS data set over the benchmark's seeds and collect the results. Runs that are done, or whose record is in
# results/bars/, are not done again (remove the record to repeat one); a run that was stopped goes on where it stopped: call it as often
# as you like.
#
#   scripts/bars.sh frappe_x1 DATA_DIR [MODEL …]
#
# The first argument names a folder of configs/ and of results/bars/; DATA_DIR holds train.csv, valid.csv and test.csv
# (datasets/README.md); a MODEL is a config's name without .toml, all of them if none is named.
#
# SEEDS    seeds of each model (default: those of the benchmark, "2021 190034 992817 27011 948432")
# THREADS  compute threads; they change no number (default: one per core)
# RUNS     folder of the runs (default: runs/bars/<data set>)
# CTR      the program (default: target/release/ctr)
# CACHE    folder of the encoded data (default: cache)
set -euo pipefail

if [ $# -lt 2 ]; then
    sed -n '2,15s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
dataset=$1
data=$(cd "$2" && pwd)
shift 2
cd "$(dirname "$0")/.."

seeds=${SEEDS:-2021 190034 992817 27011 948432}
runs=${RUNS:-runs/bars/$dataset}
ctr=${CTR:-target/release/ctr}
cache=${CACHE:-cache}
threads=${THREADS:-}

if [ ! -d "configs/$dataset" ]; then
    echo "configs/$dataset is not there; known: frappe_x1 movielenslatest_x1" >&2
    exit 1
fi
if ! command -v "$ctr" >/dev/null; then
    echo "$ctr is not there; cargo build --release -p trainer makes it, or name another one in CTR" >&2
    exit 1
fi
if [ $# -eq 0 ]; then
    for config in "configs/$dataset"/*.toml; do
        set -- "$@" "$(basename "$config" .toml)"
    done
fi
for model in "$@"; do
    if [ ! -f "configs/$dataset/$model.toml" ]; then
        echo "configs/$dataset/$model.toml is not there" >&2
        exit 1
    fi
done

collect() { python3 scripts/bars_report.py --dataset "$dataset" --runs "$runs"; }

mkdir -p "$runs"
# Seeds outside: after one round there is a figure for every model.
for seed in $seeds; do
    for model in "$@"; do
        run=$runs/$model-$seed
        for record in "$run/run.json" "results/bars/$dataset/$model-$seed.json"; do
            if [ -f "$record" ] && python3 scripts/bars_report.py --finished "$record"; then
                continue 2
            fi
        done
        echo "$dataset $model, seed $seed" >&2
        "$ctr" train "configs/$dataset/$model.toml" --data-dir "$data" --cache-dir "$cache" --run-dir "$run" --seed "$seed" \
            --resume auto ${threads:+--threads "$threads"} >/dev/null
        collect
    done
done
collect
