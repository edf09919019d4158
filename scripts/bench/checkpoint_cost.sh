#!/bin/sh
# What checkpoints cost a run: seconds per training epoch without and with them, run in turn on the same machine.
#
#   scripts/bench/checkpoint_cost.sh CONFIG [DATA_DIR]
#
# Needs `cargo build --release --workspace`. Prints a table for results/checkpoint_cost/README.md: the ratio of each round, their median, and the
# seconds that one checkpoint costs the training loop. The checkpoint at the end of an epoch is outside of both figures; its writing is not.
#
# EVERY    steps from one checkpoint to the next (default: 25)
# REPEATS  rounds (default: 5)
# EPOCHS   epochs of a run; the first is warm-up and not counted (default: 4)
# THREADS  compute threads (default: 2)
# ASYNC    "true" or "false": whether a thread writes them (default: true)
# SET      one more override of the config, KEY=VALUE
# SCRATCH  folder of the runs and of the encoded data, deleted (default: a folder in /tmp)
# CTR      our binary (default: target/release/ctr)
set -eu
if [ $# -lt 1 ]; then
    sed -n '2,17s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
config=$1
data=${2:-}
every=${EVERY:-25}
repeats=${REPEATS:-5}
epochs=${EPOCHS:-4}
threads=${THREADS:-2}
async=${ASYNC:-true}
extra=${SET:-}
ctr=${CTR:-target/release/ctr}
scratch=$(mktemp -d "${SCRATCH:-/tmp}/checkpoint.XXXXXX")
trap 'rm -rf "$scratch"' EXIT INT TERM

run() {
    name=$1
    shift
    rm -rf "$scratch/run"
    "$ctr" train "$config" ${data:+--data-dir "$data"} --cache-dir "$scratch/cache" --run-dir "$scratch/run" --threads "$threads" \
        --set training.epochs="$epochs" --set training.early_stop_patience=0 --set checkpoint.every_minutes=0.0 \
        --set checkpoint.asynchronous="$async" ${extra:+--set "$extra"} "$@" >/dev/null 2>"$scratch/log" || {
        cat "$scratch/log" >&2
        exit 1
    }
    cp "$scratch/run/metrics.jsonl" "$scratch/$name.jsonl"
}

"$ctr" prepare "$config" ${data:+--data-dir "$data"} --cache-dir "$scratch/cache" >/dev/null 2>&1
round=1
while [ "$round" -le "$repeats" ]; do
    run "without-$round"
    run "with-$round" --set checkpoint.every_steps="$every"
    round=$((round + 1))
done
bytes=$(du -sb "$scratch/run/checkpoints/$(ls "$scratch/run/checkpoints" | grep step | tail -1)" | cut -f1)
python3 - "$scratch" "$repeats" "$every" "$bytes" "$epochs" <<'PY'
import json, statistics, sys
scratch, repeats, every, size, epochs = sys.argv[1], *map(int, sys.argv[2:])


def epoch(name):
    lines = [json.loads(line) for line in open(f"{scratch}/{name}.jsonl")]
    ends = [line for line in lines if line.get("type", line.get("event")) == "epoch" or "train_seconds" in line]
    steps = ends[-1]["steps"] // len(ends)
    return statistics.median(line["train_seconds"] for line in ends[1:]), steps


rounds = [(epoch(f"without-{i}"), epoch(f"with-{i}")) for i in range(1, repeats + 1)]
steps = rounds[0][0][1]
# One that falls on the end of an epoch is written after it.
inside = sum(1 for step in range(steps + 1, 2 * steps) if step % every == 0)
ratios = sorted(100 * (b / a - 1) for (a, _), (b, _) in rounds)
cost = statistics.median((b - a) / max(inside, 1) for (a, _), (b, _) in rounds)
print(f"{size / 1e6:.1f} MB a checkpoint, one every {every} steps, {inside} in an epoch of {steps} steps")
print("| round | s without | s with | cost |\n|---|---|---|---|")
for number, ((a, _), (b, _)) in enumerate(rounds, 1):
    print(f"| {number} | {a:.3f} | {b:.3f} | {100 * (b / a - 1):+.1f} % |")
print(f"median {statistics.median(ratios):+.1f} % ({ratios[0]:+.1f} to {ratios[-1]:+.1f}); one checkpoint costs {1e3 * cost:.0f} ms")
PY
