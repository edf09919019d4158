#!/usr/bin/env bash
# Whether models train on this machine's GPU as they should: correctness, determinism and speed in under ten minutes, and a short table.
#
#   scripts/gpu_check.sh pack            where cargo is: builds what the check needs into FOLDER
#   FOLDER/gpu_check.sh                  on the GPU machine, FOLDER copied there: no network, no cargo. Python with torch is used if it is there
#
# FOLDER    the folder of the check (pack: target/gpu-check-folder; run: the folder of this script)
# FEATURES  backends to build: "wgpu cuda" (default), or one of them
# PROFILE   of the build: gpu-check (default: as optimised as a release, but without link-time optimisation), release or dev
# DEVICES   devices to check: "wgpu cuda" (default); those that are not there are skipped, and said so
# SIZE      full (default), or small for a device in software
# MEMORY    steps over which memory must not grow (default: 10000), within MEMORY_SECONDS (default: 180)
# RUNS      runs of one configuration that must give one digest (default: 20), AT_ONCE of them at one time (default: 5)
# SECTIONS  what to do (default: "tests determinism memory speed torch"); a later call may do the rest
# CACHE     folder of the prepared data (default: one that is removed at the end); the same for a later call with "torch" alone
# PYTHON    interpreter with torch (default: python3)
# VK_DRIVER_FILES (VK_ICD_FILENAMES for old loaders) names Vulkan's drivers where they are not in their usual places; NVIDIA's is found where its
# libraries are. Vulkan's loader is packed where `ldconfig` knows one.
# CUDA_PATH and LD_LIBRARY_PATH lead CUDA to its headers and libraries where they are not in their usual places.
# OUT       folder of the results (default: results/gpu/<machine> under the working directory)
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)

# Vulkan's loader on this machine, or nothing.
vulkan_loader() {
    { ldconfig -p 2>/dev/null || true; } | sed -n 's/.*libvulkan\.so\.1 (.*x86-64.*) => //p' | head -1
}

# Lets wgpu find Vulkan where a machine has a driver but no loader (the packed one is taken then), or no list of drivers, as in containers that the
# driver's libraries were mounted into.
find_vulkan() {
    local folder nvidia=/usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json driver=
    if [ -z "$(vulkan_loader)" ] && [ -e "$here/lib/libvulkan.so.1" ]; then
        export LD_LIBRARY_PATH=$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
    fi
    [ -z "${VK_DRIVER_FILES:-}${VK_ICD_FILENAMES:-}" ] || return 0
    # A list without NVIDIA's driver, such as Mesa's, would lead to a device in software.
    for folder in /usr/share /usr/local/share /etc; do
        ! compgen -G "$folder/vulkan/icd.d/*nvidia*.json" >/dev/null || return 0
    done
    if [ -e "$nvidia" ]; then
        driver=$nvidia
    elif [[ $(ldconfig -p 2>/dev/null || true) == *libGLX_nvidia.so.0* ]]; then
        driver=$work/nvidia_icd.json
        printf '{"file_format_version": "1.0.0", "ICD": {"library_path": "libGLX_nvidia.so.0", "api_version": "1.3"}}\n' >"$driver"
    fi
    [ -z "$driver" ] || export VK_DRIVER_FILES=$driver VK_ICD_FILENAMES=$driver
}

pack() {
    cd "$here/.."
    local folder=${FOLDER:-target/gpu-check-folder} features=${FEATURES:-wgpu cuda} profile=${PROFILE:-gpu-check} packages built loader
    packages=(-p smelu -p ctr-model -p trainer --features "${features// /,}")
    built=target/$([ "$profile" = dev ] && echo debug || echo "$profile")
    mkdir -p "$folder/bin"
    cargo build --locked --profile "$profile" "${packages[@]}" --bin ctr --example 05_bandwidth --example reduction_speed --example layer_speed
    cp "$built/ctr" "$folder/bin/ctr"
    cp "$built/examples/05_bandwidth" "$folder/bin/bandwidth"
    cp "$built/examples/reduction_speed" "$folder/bin/reduction"
    cp "$built/examples/layer_speed" "$folder/bin/layers"
    # The path of a test binary stands in what cargo says of it: the one package below `crates/` whose artefact can be run.
    cargo test --locked --profile "$profile" "${packages[@]}" --no-run --lib --test contract --message-format json 2>/dev/null |
        sed -n 's/.*"target":{"kind":\["\(lib\|test\)"\].*"src_path":"[^"]*\/crates\/\([a-z-]*\)\/\(src\|tests\)[^"]*".*"executable":"\([^"]*\)".*/\2 \1 \4/p' |
        while read -r package kind executable; do
            cp "$executable" "$folder/bin/$package-$kind"
        done
    loader=$(vulkan_loader)
    if [ -n "$loader" ]; then
        mkdir -p "$folder/lib"
        cp -L "$loader" "$folder/lib/libvulkan.so.1"
    else
        echo "no Vulkan loader (libvulkan.so.1) found here: none is packed" >&2
    fi
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

# The tests of one device in one binary; several devices and binaries at one time.
start_tests() {
    local device=$1 binary=$2
    [ -x "$here/bin/$binary" ] || return 0
    timeout "${TESTS_SECONDS:-240}" "$here/bin/$binary" "$device" >"$out/$device-$binary.log" 2>&1 &
}

# What they said: passed, or the log's name.
end_tests() {
    local device=$1 binary=$2 log=$out/$1-$2.log passed
    [ -x "$here/bin/$binary" ] || return 0
    passed=$(sed -n 's/^test result: ok\. \([0-9]* passed\).*/\1/p' "$log")
    line "$device" "tests of $binary" "${passed:-FAILED: $(grep -c '\.\.\. ok$' "$log" || true) passed, $(grep -c '\.\.\. FAILED$' "$log" || true) failed, see $(basename "$log")}"
}

# Several trainings with some settings must give one digest of parameters and predictions; some at one time.
determinism() {
    local device=$1 runs=$2 what=$3 digests run
    local -a started=()
    shift 3
    rm -rf "$work"/run* "$work"/digest*
    for run in $(seq "$runs"); do
        {
            "$ctr" train "$here/configs/quickstart.toml" --device "$device" --cache-dir "$cache" --run-dir "$work/run$run" \
                "${@/#/--set=}" "${short[@]}" >/dev/null 2>"$work/log$run" || cp "$work/log$run" "$out/$device-determinism.log"
            sed -n 's/^ *"\(parameter_digest\|prediction_digest\)": "\(.*\)".*/\2/p' "$work/run$run/run.json" | tr '\n' ' ' >"$work/digest$run" || true
            echo >>"$work/digest$run"
        } &
        started+=($!)
        # Not for the tests, which are under way too.
        [ $((run % ${AT_ONCE:-5})) -ne 0 ] || wait "${started[@]}"
    done
    wait "${started[@]}"
    digests=$(cat "$work"/digest* | sort -u)
    if [ "$(wc -l <<<"$digests")" = 1 ] && [ "${#digests}" -gt 64 ]; then
        line "$device" "digests of $runs runs, $what" "one: ${digests:0:12}"
    else
        line "$device" "digests of $runs runs, $what" "FAILED: $(wc -l <<<"$digests") different"
    fi
}

# Steps to measure at a batch size.
steps() {
    if [ "$size" = small ]; then echo 5; elif [ "$1" -ge 65536 ]; then echo 60; else echo 200; fi
}

# What a figure of `ctr bench` is called, and its number; `-` where a run failed.
speed() {
    local device=$1 config=$2 batch=$3 residence=$4 precision=${5:-f32} report what
    report=$out/$device-$config-$batch-$residence-$precision.json
    what="$config, batch $batch, tables on the $residence, $precision"
    if "$ctr" bench "$here/configs/bench/$config.toml" --device "$device" --cache-dir "$cache" --json --warmup "$warmup" --steps "$(steps "$batch")" \
        --set training.batch_size="$batch" --set embedding.residence="$residence" \
        --set training.precision="$precision" "${data[@]}" >"$report" 2>"$work/log"; then
        line "$device" "$what" "$(sed -n 's/^ *"samples_per_second": \([0-9]*\).*/\1/p' "$report") samples/s"
    else
        rm -f "$report"
        line "$device" "$what" "FAILED: $(grep -v '^ *$' "$work/log" | tail -1 | cut -c1-200)"
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
    "$ctr" train "$here/configs/quickstart.toml" --device "$device" --cache-dir "$cache" --run-dir "$work/long" --set name=memory \
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
    local config=$1 batch=$2 data encoded report name
    shift 2
    # The data of the config are those that `ctr bench` prepared.
    data=$(sed -n 's/^dataset = "\(.*\)_data.toml"$/\1/p' "$here/configs/bench/$config.toml")
    encoded=$(ls -d "$cache/$data"-* 2>/dev/null | head -1 || true)
    name="$config, batch $batch${1:+$(printf ', %s' "${@#--}")}"
    report=$out/torch-$config-$batch${1:+$(printf -- '-%s' "${@#--}")}.json
    if [ -z "$encoded" ]; then
        line PyTorch "$name" "no data: \`speed\` prepares them in CACHE"
        return
    fi
    # At small batches eight threads under Python's lock gave less than four did on another machine (results/gpu/h100).
    local threads=4
    [ "$batch" -le 4096 ] || threads=8
    if "$python" "$here/gpu_torch.py" --config "$here/configs/bench/$config.toml" --encoded "$encoded" --batch-size "$batch" --warmup "$warmup" \
        --steps "$(steps "$batch")" --loader-threads "$threads" "$@" >"$report" 2>"$work/log"; then
        line PyTorch "$name" "$(sed -n 's/.*"samples_per_second": \([0-9]*\).*/\1/p' "$report") samples/s"
    else
        rm -f "$report"
        line PyTorch "$name" "did not run: $(tail -1 "$work/log" | cut -c1-200)"
    fi
}

# GB/s of SmeLU's passes beside a copy.
bandwidth() {
    local device=$1 text
    [ -x "$here/bin/bandwidth" ] || return 0
    if text=$("$here/bin/bandwidth" "$device" "$millions" 2>"$work/log"); then
        while read -r _ pass direction rate unit _; do
            case $pass in
            copy) line "$device" "bandwidth, copy" "$direction $rate" ;;
            *) line "$device" "bandwidth, $pass $direction" "$rate $unit" ;;
            esac
        done <<<"$text"
    else
        line "$device" "bandwidth" "FAILED: $(tail -1 "$work/log" | cut -c1-200)"
    fi
}

# What the fixed order of the sums over a row's lookups costs, beside atomic additions.
reduction() {
    local text batch fixed atomic ratio
    [ -x "$here/bin/reduction" ] || return 0
    if text=$("$here/bin/reduction" "$@" 2>"$work/log"); then
        while read -r batch _ fixed atomic ratio; do
            line cuda "sums over the rows' lookups, batch $batch" "in order $fixed µs, by atomic additions $atomic µs, $ratio x"
        done < <(tail -n +3 <<<"$text")
    else
        line cuda "sums over the rows' lookups" "FAILED: $(tail -1 "$work/log" | cut -c1-200)"
    fi
}

# TFLOP/s of the products of the DNN's layers: of the command that is given, for the device that is said.
products() {
    local device=$1 text layer speeds
    shift
    if text=$("$@" "${layers[@]}" 2>"$work/log"); then
        while IFS=: read -r layer speeds; do line "$device" "products of a layer, $layer" "${speeds# }"; done <<<"$text"
    else
        line "$device" "products of a layer" "FAILED: $(tail -1 "$work/log" | cut -c1-200)"
    fi
}

does() { [[ " ${SECTIONS:-tests determinism memory speed torch} " == *" $1 "* ]]; }

check() {
    ctr=$here/bin/ctr
    runs=${RUNS:-20}
    memory_steps=${MEMORY:-10000} memory_seconds=${MEMORY_SECONDS:-180}
    python=${PYTHON:-python3}
    out=${OUT:-results/gpu/$(hostname)}
    mkdir -p "$out"
    out=$(cd "$out" && pwd)
    work=$(mktemp -d)
    cache=${CACHE:-$work/cache}
    training=
    trap '[ -z "$training" ] || kill -KILL "$training" 2>/dev/null; rm -rf "$work"' EXIT
    local started=$SECONDS size=${SIZE:-full} batches device config batch precision binary
    # Those of configs/bench/criteo_shaped.toml, but for the last one.
    local -a devices=() layers=(4096x429x1024 4096x1024x512 4096x512x256)
    case $size in
    full)
        short=(--set training.epochs=2)
        batches="4096 16384 65536"
        # Two dozen batches of the largest size: an epoch begins with an empty queue of batches.
        data=(--set data.dataset.source.rows.train=1572864 --set data.dataset.source.rows.valid=1024
            --set data.dataset.source.rows.test=1024 --set loader.threads=8)
        warmup=60 millions=256
        ;;
    small)
        short=(--set training.epochs=1 --set data.dataset.source.rows.train=4096 --set data.dataset.source.rows.valid=1024
            --set data.dataset.source.rows.test=1024)
        batches="512"
        data=(--set data.dataset.source.rows.train=8192 --set data.dataset.source.rows.valid=512 --set data.dataset.source.rows.test=512)
        warmup=1 millions=1
        ;;
    *)
        echo "SIZE is \"$size\"; expected full or small" >&2
        exit 2
        ;;
    esac
    find_vulkan
    "$ctr" devices >"$out/devices.txt"
    for device in ${DEVICES:-wgpu cuda}; do
        if grep -qE "^$device +ready" "$out/devices.txt"; then
            devices+=("$device")
        else
            line "$device" "device" "not there: $(grep -E "^$device " "$out/devices.txt" | cut -c1-120)"
        fi
    done
    if does tests; then
        for device in "${devices[@]}"; do
            for binary in smelu-test ctr-model-lib ctr-model-test trainer-lib; do start_tests "$device" "$binary"; done
        done
    fi
    # Beside the tests, of which the most is compilation.
    for device in "${devices[@]}"; do
        if does determinism; then
            determinism "$device" "$runs" "tables on the device" embedding.residence=device
            determinism "$device" "$runs" "tables on the host" embedding.residence=host
            determinism "$device" 3 "three replicas" training.replicas=3
        fi
        ! does memory || memory "$device"
    done
    wait
    if does tests; then
        for device in "${devices[@]}"; do
            for binary in smelu-test ctr-model-lib ctr-model-test trainer-lib; do end_tests "$device" "$binary"; done
        done
    fi
    for device in "${devices[@]}"; do
        does speed || break
        bandwidth "$device"
        if [ "$device" = wgpu ]; then
            for config in criteo_shaped criteo_dcn_v2; do speed wgpu "$config" "${batches%% *}" device; done
            continue
        fi
        [ ! -x "$here/bin/layers" ] || products cuda "$here/bin/layers"
        # Software Vulkan adds no floats atomically, and has no format that is shorter than f32.
        # shellcheck disable=SC2086
        reduction $batches
        for config in criteo_shaped criteo_dcn_v2; do
            for batch in $batches; do
                speed cuda "$config" "$batch" device
            done
        done
        speed cuda criteo_shaped "${batches%% *}" host
        for precision in tf32 bf16; do speed cuda criteo_shaped "${batches##* }" device "$precision"; done
        if [ "$size" = full ]; then
            local -a shaped=("${data[@]}")
            data=(--set loader.threads=8)
            speed cuda frappe_deepfm 4096 device
            speed cuda criteo_huge 4096 device
            data=("${shaped[@]}")
        fi
    done
    if ! does torch; then
        :
    elif "$python" -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' 2>/dev/null; then
        line PyTorch "bandwidth, copy" "$("$python" "$here/gpu_torch.py" --bandwidth | sed -n 's/.*second": \([0-9]*\).*/\1/p') GB/s"
        products PyTorch "$python" "$here/gpu_torch.py" --products
        for config in criteo_shaped criteo_dcn_v2; do
            for batch in $batches; do
                torch "$config" "$batch"
            done
            torch "$config" "${batches%% *}" --compile
        done
        torch criteo_shaped "${batches##* }" --tf32
        torch frappe_deepfm 4096
        torch frappe_deepfm 4096 --compile
        torch criteo_huge 4096
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
    sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
