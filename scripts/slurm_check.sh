#!/usr/bin/env bash
# A study as a job array of a real Slurm on this machine: submits it, kills a worker and its run with SIGKILL, cancels another task, submits again, and
# compares tables, figures and report with those of one process, byte for byte; what the runs cost is left out.
#
# usage: scripts/slurm_check.sh [CTR [STUDY]]     default: target/release/ctr, built where it is absent, and configs/ablations/quick.toml
#
# Needs root and Debian's slurm-wlm, munge and procps; what is absent is installed with apt-get. The daemons run with a configuration, keys, ports
# and folders of their own in a temporary folder, and end with the script: a Slurm that the machine has already is not touched.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "slurmd starts jobs as root does: run this as root, in a container or a virtual machine" >&2; exit 2; }
ctr=${1:-target/release/ctr}
study=${2:-configs/ablations/quick.toml}
if [ ! -x "$ctr" ]; then
    [ $# = 0 ] || { echo "$ctr is no program" >&2; exit 2; }
    cargo build --locked --release -p trainer
fi
ctr=$(realpath "$ctr")

absent=()
for pair in slurmctld:slurmctld slurmd:slurmd sbatch:slurm-client munged:munge pgrep:procps; do
    command -v "${pair%%:*}" >/dev/null || absent+=("${pair##*:}")
done
if [ ${#absent[@]} -gt 0 ]; then
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${absent[@]}" >/dev/null
fi

work=$(mktemp -d)
chmod 755 "$work"
daemons=()
finish() {
    status=$?
    for pid in "${daemons[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    if [ $status = 0 ]; then rm -rf "$work"; else echo "what is left of it: $work" >&2; fi
}
trap finish EXIT

# munged insists on folders that nobody else can write to, and on a user of its own for none of them.
mkdir -p "$work/munge" "$work/slurm/state" "$work/slurm/spool"
head -c 1024 /dev/urandom >"$work/munge/key"
chmod 600 "$work/munge/key"
munged --foreground --key-file="$work/munge/key" --socket="$work/munge/socket" --pid-file="$work/munge/pid" \
    --seed-file="$work/munge/seed" --log-file="$work/munge/log" --force 2>"$work/munge/err" &
daemons+=($!)
host=$(hostname -s)
export SLURM_CONF=$work/slurm/slurm.conf
cat >"$SLURM_CONF" <<CONF
ClusterName=check
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
SlurmctldPort=26817
SlurmdPort=26818
AuthType=auth/munge
AuthInfo=socket=$work/munge/socket
CredType=cred/munge
StateSaveLocation=$work/slurm/state
SlurmdSpoolDir=$work/slurm/spool
SlurmctldPidFile=$work/slurm/slurmctld.pid
SlurmdPidFile=$work/slurm/slurmd.pid
SlurmctldLogFile=$work/slurm/slurmctld.log
SlurmdLogFile=$work/slurm/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
SchedulerType=sched/builtin
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
KillWait=5
MinJobAge=3600
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
slurmctld -D -f "$SLURM_CONF" 2>"$work/slurm/slurmctld.err" &
daemons+=($!)
slurmd -D -f "$SLURM_CONF" -N "$host" 2>"$work/slurm/slurmd.err" &
daemons+=($!)

# Waits for a command to succeed: what, seconds, command.
await() {
    local what=$1 end=$((SECONDS + $2))
    shift 2
    until "$@"; do
        [ $SECONDS -lt $end ] || { echo "waited in vain until $what" >&2; exit 1; }
        sleep 0.2
    done
}
idle() { sinfo -h -o %t 2>/dev/null | grep -qx idle; }
drained() { [ -z "$(squeue -h 2>/dev/null || echo unknown)" ]; }
await "the node is idle" 60 idle
echo "slurm      $(sinfo --version), $(sinfo -h -o '%D node, %C cores (allocated/idle/other/total)')"

"$ctr" ablate "$study" --out "$work/straight" --cache-dir "$work/cache" >/dev/null 2>&1
runs=$(($(wc -l <"$work/straight/results.csv") - 1))
"$ctr" ablate "$study" --out "$work/array" --cache-dir "$work/cache" --export slurm --tasks 6 | tail -2
submit() { sh "$work/array/slurm/submit.sh"; }
# The first running task's `ctr ablate` with a run under way: "task worker run".
busy_task() {
    local id worker run
    for id in $(squeue -h -t R -r -o %A); do
        for worker in $(scontrol listpids "$id" 2>/dev/null | awk 'NR > 1 && $1 > 0 { print $1 }'); do
            run=$(pgrep -P "$worker" -x ctr | head -1) || true
            if [ -n "$run" ] && grep -qa -- --share "/proc/$worker/cmdline" 2>/dev/null; then
                echo "$id $worker $run" && return 0
            fi
        done
    done
    return 1
}
echo "first      $(submit)"
await "a task has a run under way" 120 busy_task >"$work/task"
read -r task worker run <"$work/task"
kill -KILL "$worker" "$run"
echo "killed     the worker of job $task and its run"
await "another task has a run under way" 120 busy_task >"$work/task"
read -r other _ <"$work/task"
scancel "$other"
echo "cancelled  job $other"
await "the first submission is through" 1800 drained
done_first=$(($(wc -l <"$work/array/results.csv") - 1))
[ "$done_first" -lt "$runs" ] || { echo "all $runs runs were finished: the kill came too late to show anything" >&2; exit 1; }
grep -q "runs are not finished or failed" "$work/array/report.html" || { echo "the report does not say that runs are missing" >&2; exit 1; }
echo "finished   $done_first of $runs runs; the report says so"
echo "second     $(submit)"
await "the second submission is through" 1800 drained

without_cost() { python3 - "$1" <<'PY'
import re, sys
print(re.sub(r'<section id="cost">.*?</section>', "", open(sys.argv[1]).read(), flags=re.S))
PY
}
for file in results.csv results.jsonl settings.csv; do cmp "$work/straight/$file" "$work/array/$file"; done
diff -r "$work/straight/figures" "$work/array/figures"
cmp <(without_cost "$work/straight/report.html") <(without_cost "$work/array/report.html")
echo "identical  $runs runs: tables, figures and report, what the runs cost left out"
