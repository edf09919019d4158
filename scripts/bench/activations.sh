#!/bin/sh
# Milliseconds of each activation over [4096, 1024] in f32, ours, Burn's ReLU and PyTorch's, in turn on the same machine.
#
#   scripts/bench/activations.sh
#
# Needs scripts/bench/setup_torch.sh. Adds a round to WORK each time it runs, and writes OUT/activations.md and OUT/rounds.json
# from all rounds there.
#
# ROUNDS   rounds to add, each ours and then PyTorch (default: 1)
# THREADS  threads of both (default: 2)
# PYTHON   interpreter with torch (default: target/torch/bin/python)
# BENCH    our benchmark, built (default: builds it)
# COMPILE  0 leaves torch.compile out
# WORK     folder of the rounds (default: target/bench/activations)
# OUT      folder of the results (default: results/smelu)
set -eu
cd "$(dirname "$0")/../.."

rounds=${ROUNDS:-1}
threads=${THREADS:-2}
python=${PYTHON:-target/torch/bin/python}
work=${WORK:-target/bench/activations}
out=${OUT:-results/smelu}

if ! command -v "$python" >/dev/null; then
    echo "$python is not there; see the head of $0" >&2
    exit 1
fi
if [ -z "${BENCH:-}" ]; then
    BENCH=$(cargo bench -p smelu --bench activations --no-run --message-format=json |
        sed -n 's/.*"executable":"\([^"]*activations[^"]*\)".*/\1/p' | tail -n 1)
fi

mkdir -p "$work"
work=$(cd "$work" && pwd)
round=1
while [ "$round" -le "$rounds" ]; do
    here=$work/$(date +%Y%m%dT%H%M%S)
    mkdir "$here"
    echo "round $round of $rounds: ours" >&2
    CRITERION_HOME=$here/criterion RAYON_NUM_THREADS=$threads "$BENCH" --bench --noplot --sample-size 20 --nresamples 2000 \
        --warm-up-time 0.3 --measurement-time 0.6 >"$here/criterion.log" 2>&1
    echo "round $round of $rounds: PyTorch" >&2
    flags=
    [ "${COMPILE:-1}" = 0 ] && flags=--no-compile
    "$python" scripts/bench/activations_torch.py --threads "$threads" --seconds 0.6 $flags >"$here/torch.jsonl"
    round=$((round + 1))
done

"$python" scripts/bench/activations_report.py --work "$work" --threads "$threads" --out "$out"
