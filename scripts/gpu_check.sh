#!/usr/bin/env bash
# Whether models train on this machine's GPU as they should: correctness, determinism and speed in under ten minutes, and a short table.
#
#   scripts/gpu_check.sh pack            where cargo is: builds what the check needs into FOLDER
#   FOLDER/gpu_check.sh                  on the GPU machine, FOLDER copied there: no network, no cargo. Python with torch is used if it is there
#
# FOLDER    the folder of the check (pack: target/gpu-check; run: the folder of this script)
# FEATURES  backends to build: "wgpu cuda" (default), or one of them
# PROFILE   of the build: release (default) or dev
# DEVICES   devices to check: "wgpu cuda" (default); those that are not there are skipped, and said so
# SIZE      full (default), or small for a device in software
# MEMORY    steps over which memory must not grow (default: 10000), within MEMORY_SECONDS (default: 180)
# RUNS      runs of one configuration that must give one digest (default: 20)
# PYTHON    interpreter with torch (default: python3)
# OUT       folder of the results (default: results/gpu/<machine> under the working directory)
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)

pack() {
    cd "$here/.."
    local folder=${FOLDER:-target/gpu-check} features=${FEATURES:-wgpu cuda} profile=${PROFILE:-release}
    mkdir -p "$folder/bin"
    cargo build --locked --profile "$profile" -p trainer --features "${features// /,}" --bin ctr
    cp "target/$([ "$profile" = dev ] && echo debug || echo "$profile")/ctr" "$folder/bin/ctr"
    # The path of a test binary stands in what cargo says of it: the one package below `crates/` whose artefact can be run.
    cargo test --locked --profile "$profile" -p smelu -p ctr-model -p trainer --features "${features// /,}" --no-run \
        --lib --test contract --message-format json 2>/dev/null |
        sed -n 's/.*"target":{"kind":\["\(lib\|test\)"\].*"src_path":"[^"]*\/crates\/\([a-z-]*\)\/\(src\|tests\)[^"]*".*"executable":"\([^"]*\)".*/\2 \1 \4/p' |
        while read -r package kind executable; do
            cp "$executable" "$folder/bin/$package-$kind"
        done
    cp -r configs "$folder/"
    cp scripts/gpu_check.sh scripts/bench/gpu_torch.py "$folder/"
    git rev-parse HEAD >"$folder/commit"
    du -sh "$folder"
}

# The results, for the report.
declare -a lines=()
failed=0
line() {
    lines+=("| $1 | $2 | $3 |")
    printf '%-10s %-60s %s\n' "$1" "$2" "$3" >&2
    case $3 in FAILED*) failed=1 ;; esac
}

# The tests of one device in one binary: passed, or the log's name.
tests() {
    local device=$1 binary=$2 filter=$3 log=$out/$1-$2.log
    [ -x "$here/bin/$binary" ] || return 0
    if "$here/bin/$binary" "$filter" >"$log" 2>&1; then
        line "$device" "tests of $binary" "$(sed -n 's/^test result: ok\. \([0-9]* passed\).*/\1/p' "$log")"
    else
        line "$device" "tests of $binary" "FAILED, see $(basename "$log")"
    fi
}

# Several trainings with some settings must give one digest of parameters and predictions; prints it.
determinism() {
    local device=$1 runs=$2 what=$3 digests
    shift 3
    digests=$(
        for run in $(seq "$runs"); do
            rm -rf "$work/run"
            "$ctr" train "$here/configs/quickstart.toml" --device "$device" --cache-dir "$work/cache" --run-dir "$work/run" \
                "${@/#/--set=}" "${short[@]}" >/dev/null 2>"$work/log" || { echo "failed in run $run"; break; }
            sed -n 's/^ *"\(parameter_digest\|prediction_digest\)": "\(.*\)".*/\2/p' "$work/run/run.json" | tr '\n' ' '
            echo
        done | sort -u
    )
    if [ "$(wc -l <<<"$digests")" = 1 ] && [ "${#digests}" -gt 64 ]; then
        line "$device" "digests of $runs runs, $what" "one: ${digests:0:12}"
    else
        cp "$work/log" "$out/$device-determinism.log"
        line "$device" "digests of $runs runs, $what" "FAILED: $(wc -l <<<"$digests") different"
    fi
}

# Samples a second of training steps; `-` where a run failed.
speed() {
    local device=$1 config=$2 batch=$3 residence=$4 precision=${5:-f32} report
    report=$out/$device-$config-$batch-$residence-$precision.json
    if "$ctr" bench "$here/configs/bench/$config.toml" --device "$device" --cache-dir "$work/cache" --json --warmup "$warmup" --steps "$steps" \
        --set training.batch_size="$batch" --set embedding.residence="$residence" \
        --set training.precision="$precision" "${data[@]}" >"$report" 2>"$work/log"; then
        line "$device" "$config, batch $batch, tables on the $residence, $precision" \
            "$(sed -n 's/^ *"samples_per_second": \([0-9]*\).*/\1/p' "$report") samples/s"
    else
        rm -f "$report"
        line "$device" "$config, batch $batch, tables on the $residence, $precision" "FAILED: $(tail -1 "$work/log")"
    fi
}

# MiB that the driver counts for a process, or nothing where it counts none; then MiB in the host's memory.
memory_of() {
    local counted
    counted=$(nvidia-smi --query-compute-apps=pid,used_memory --format=csv,noheader,nounits 2>/dev/null | sed -n "s/^$1, *\([0-9][0-9]*\)$/\1/p" | head -1 || true)
    echo "${counted:-0} $(($(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status") / 1024))"
}

# Memory of a long training of short epochs: after a fifth of the steps, and after all. It must not have grown by more than 1 % and 8 MiB.
memory() {
    local device=$1 step=0 first='' last='' log=$work/memory deadline=$((SECONDS + memory_seconds)) d0 h0 s0 d1 h1 s1
    "$ctr" train "$here/configs/quickstart.toml" --device "$device" --cache-dir "$work/cache" --run-dir "$work/long" --set name=memory \
        --set data.dataset.source.rows.train=12800 --set data.dataset.source.rows.valid=1024 --set data.dataset.source.rows.test=1024 \
        --set training.batch_size=64 --set training.epochs=100000 --set training.early_stop_patience=0 >/dev/null 2>"$log" &
    training=$!
    while [ "$step" -lt "$memory_steps" ] && [ "$SECONDS" -lt "$deadline" ] && kill -0 "$training" 2>/dev/null; do
        sleep 0.2
        step=$(sed -n 's/.*"event":"epoch".*"steps":\([0-9]*\).*/\1/p' "$work/long/metrics.jsonl" 2>/dev/null | tail -1 || true)
        step=${step:-0}
        last="$(memory_of "$training" 2>/dev/null || true) $step"
        [ -n "$first" ] || [ "$step" -lt $((memory_steps / 5)) ] || first=$last
    done
    kill -KILL "$training" 2>/dev/null || true
    wait "$training" 2>/dev/null || true
    training=
    rm -rf "$work/long"
    read -r d0 h0 s0 <<<"$first" || true
    read -r d1 h1 s1 <<<"$last" || true
    if [ "$step" -lt "$memory_steps" ] || [ "${s0:-0}" -ge "${s1:-0}" ]; then
        cp "$log" "$out/$device-memory.log"
        line "$device" "memory" "FAILED: at step $step of $memory_steps when it ended, see $device-memory.log"
        return
    fi
    local text="host $h0 → $h1 MiB, device $d0 → $d1 MiB, steps $s0 → $s1"
    [ "$d1" -gt 0 ] || text="host $h0 → $h1 MiB (the driver counts no memory of the device), steps $s0 → $s1"
    if [ "$d1" -le $((d0 + d0 / 100 + 8)) ] && [ "$h1" -le $((h0 + h0 / 100 + 8)) ]; then
        line "$device" "memory" "$text"
    else
        line "$device" "memory" "FAILED: $text"
    fi
}

torch() {
    local config=$1 batch=$2 compile=$3 encoded report
    encoded=$(ls -d "$work"/cache/criteo_shaped-*) || return 0
    report=$out/torch-$config-$batch${compile:+-compile}.json
    if "$python" "$here/gpu_torch.py" --config "$here/configs/bench/$config.toml" --encoded "$encoded" --batch-size "$batch" --warmup "$warmup" \
        --steps "$steps" $compile >"$report" 2>"$work/log"; then
        line PyTorch "$config, batch $batch${compile:+, torch.compile}" \
            "$(sed -n 's/.*"samples_per_second": \([0-9]*\).*/\1/p' "$report") samples/s"
    else
        rm -f "$report"
        line PyTorch "$config, batch $batch${compile:+, torch.compile}" "did not run: $(tail -1 "$work/log")"
    fi
}

check() {
    ctr=$here/bin/ctr
    runs=${RUNS:-20}
    memory_steps=${MEMORY:-10000} memory_seconds=${MEMORY_SECONDS:-180}
    python=${PYTHON:-python3}
    out=${OUT:-results/gpu/$(hostname)}
    mkdir -p "$out"
    out=$(cd "$out" && pwd)
    work=$(mktemp -d)
    training=
    trap '[ -z "$training" ] || kill -KILL "$training" 2>/dev/null; rm -rf "$work"' EXIT
    local started=$SECONDS size=${SIZE:-full} batches device ready config batch
    case $size in
    full)
        short=(--set training.epochs=2)
        batches="4096 16384 65536"
        data=()
        warmup=20 steps=100
        ;;
    small)
        short=(--set training.epochs=1 --set data.dataset.source.rows.train=4096 --set data.dataset.source.rows.valid=1024
            --set data.dataset.source.rows.test=1024)
        batches="512"
        data=(--set data.dataset.source.rows.train=8192 --set data.dataset.source.rows.valid=512 --set data.dataset.source.rows.test=512)
        warmup=1 steps=3
        ;;
    *)
        echo "SIZE is \"$size\"; expected full or small" >&2
        exit 2
        ;;
    esac
    "$ctr" devices >"$out/devices.txt"
    for device in ${DEVICES:-wgpu cuda}; do
        ready=$(grep -E "^$device +ready" "$out/devices.txt") || {
            line "$device" "device" "not there: $(grep -E "^$device " "$out/devices.txt" | cut -c1-120)"
            continue
        }
        tests "$device" smelu-test "$device"
        tests "$device" ctr-model-test "$device"
        tests "$device" trainer-lib "$device"
        determinism "$device" "$runs" "tables on the device" embedding.residence=device
        determinism "$device" "$runs" "tables on the host" embedding.residence=host
        determinism "$device" 3 "three replicas" training.replicas=3
        memory "$device"
        for config in criteo_shaped criteo_dcn_v2; do
            for batch in $batches; do
                speed "$device" "$config" "$batch" device
            done
            speed "$device" "$config" "${batches%% *}" host
            # Software Vulkan has no bfloat16.
            [ "$device" != cuda ] || speed "$device" "$config" "${batches%% *}" device bf16
        done
    done
    if "$python" -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' 2>/dev/null; then
        for config in criteo_shaped criteo_dcn_v2; do
            for batch in $batches; do
                torch "$config" "$batch" ""
                torch "$config" "$batch" --compile
            done
        done
    else
        line PyTorch "speed" "no PyTorch with CUDA here"
    fi
    {
        echo "# GPU check"
        echo
        echo "Sizes: $size. Commit $(cat "$here/commit" 2>/dev/null || echo unknown). $((SECONDS - started)) seconds in all."
        echo
        echo '```'
        uname -srm
        sed -n 's/^model name\t*: //p' /proc/cpuinfo | sort -u
        nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null || true
        vulkaninfo --summary 2>/dev/null | grep -E 'deviceName|driverInfo' | sed 's/^\t*//' || true
        cat "$out/devices.txt"
        echo '```'
        echo
        echo "| device | what | result |"
        echo "|---|---|---|"
        printf '%s\n' "${lines[@]}"
    } >"$out/README.md"
    echo >&2
    cat "$out/README.md"
    exit "$failed"
}

case ${1:-check} in
pack) pack ;;
check) check ;;
*)
    sed -n '2,18s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
