#!/usr/bin/env python3
"""Turns the runs of frappe_dnn.sh or sparse_dnn.sh into OUT/<config>.json and OUT/README.md. Standard library only."""

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
from pathlib import Path

WARM_UP_EPOCHS = 1


def events(path):
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def seconds_per_epoch(lines):
    """All training seconds of a run, and their median after the warm-up."""
    seconds = [line["train_seconds"] for line in lines if line["event"] == "epoch"]
    if len(seconds) <= WARM_UP_EPOCHS:
        raise SystemExit(f"a run has {len(seconds)} epochs; expected more than the {WARM_UP_EPOCHS} of warm-up")
    return seconds, statistics.median(seconds[WARM_UP_EPOCHS:])


def train_losses(lines):
    """The mean loss of each epoch's steps, where the run tells it."""
    return [line.get("train_loss") for line in lines if line["event"] == "epoch"]


def command_output(*command):
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def processor():
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.+)", info.read_text()) if info.exists() else None
    return found[1] if found else platform.processor() or platform.machine()


def built_from(run_json):
    """The commit that the binary of the runs says it was built from."""
    if not run_json.exists():
        return None
    return json.loads(run_json.read_text()).get("environment", {}).get("build", {}).get("git_commit")


def collect(runs):
    """Runs by name ('ours', 'torch-system', ...), each in the order of the rounds."""
    names = {}
    for path in runs.glob("*.jsonl"):
        name, _, repeat = path.stem.rpartition("-")
        names.setdefault(name, {})[int(repeat)] = events(path)
    return {name: [rounds[repeat] for repeat in sorted(rounds)] for name, rounds in sorted(names.items())}


def summary(runs, config, threads):
    our_runs = runs.pop("ours")
    ours = [seconds_per_epoch(lines) for lines in our_runs]
    record = {
        "config": config.as_posix(),
        "warm_up_epochs": WARM_UP_EPOCHS,
        "machine": {"processor": processor(), "cores": os.cpu_count(), "kernel": re.match(r"[0-9.]*", platform.release())[0]},
        "threads": threads,
        "ours": {"seconds_per_epoch": [median for _, median in ours], "all_epochs": [every for every, _ in ours]},
        "train_loss": {"ours": train_losses(our_runs[0])},
        "torch": {},
    }
    for name, rounds in runs.items():
        theirs = [seconds_per_epoch(lines) for lines in rounds]
        final = rounds[-1][-1]
        record["train_loss"][name] = train_losses(rounds[0])
        ratios = [torch / our for (_, torch), (_, our) in zip(theirs, ours, strict=True)]
        record["torch"][name.removeprefix("torch-")] = {
            "seconds_per_epoch": [median for _, median in theirs],
            "all_epochs": [every for every, _ in theirs],
            "ratios": ratios,
            "ratio": {"median": statistics.median(ratios), "lowest": min(ratios), "highest": max(ratios)},
            "versions": {key: final[key] for key in ("torch", "numpy", "python", "cpu_capability", "adam")},
        }
    return record


def spread(values):
    return f"{statistics.median(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def section(record):
    machine, rounds = record["machine"], len(record["ours"]["seconds_per_epoch"])
    epochs = len(record["ours"]["all_epochs"][0])
    with_dropout = "" if record["dropout"] is None else f", dropout {record['dropout']}"
    set_dropout = "" if record["dropout"] is None else f"DROPOUT={record['dropout']} "
    versions = next(iter(record["torch"].values()))["versions"]
    rows = [f"| ours | {spread(record['ours']['seconds_per_epoch'])} | |"]
    for allocator, twin in record["torch"].items():
        row = f"| PyTorch, allocator {allocator} | {spread(twin['seconds_per_epoch'])} | **{spread(twin['ratios'])}** |"
        rows.append(row)
    losses = {name: values for name, values in record["train_loss"].items() if None not in values}
    curves = [f"- mean training loss of epochs 1 to {epochs}, {name}: {', '.join(f'{v:.4f}' for v in values)}" for name, values in losses.items()]
    return "\n".join(
        [
            f"## `{record['config']}`{with_dropout}",
            "",
            "| | seconds per epoch | PyTorch time / our time |",
            "|---|---|---|",
            *rows,
            "",
            f"Median (lowest to highest) of {rounds} rounds of {epochs} epochs each; the figure of a run is the median of its "
            f"epochs after the first.",
            "",
            f"- machine: {machine['processor']}, {machine['cores']} cores, Linux {machine['kernel']}; "
            f"{record['threads']} threads each",
            f"- ours: commit `{record['commit']}`, {record['build']}",
            f"- PyTorch {versions['torch']} ({versions['cpu_capability']}, eager, Adam {versions['adam']}), "
            f"numpy {versions['numpy']}, Python {versions['python']}",
            f"- command: `{set_dropout}CONFIG={record['config']} REPEATS={rounds} EPOCHS={epochs} THREADS={record['threads']} "
            f"ALLOCATORS=\"{' '.join(record['torch'])}\" {record['script']}`",
            *(curves if len(curves) > 1 else []),
        ]
    )


def build(run_json):
    """What our binary says of its build."""
    build = json.loads(run_json.read_text()).get("environment", {}).get("build", {})
    parts = [build.get("rustc"), build.get("burn") and f"Burn {build['burn']}"]
    return ", ".join(part for part in parts if part) or "build not recorded"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--dropout", help="set in place of the config's")
    parser.add_argument("--script", required=True, help="what was run, for the command that the report gives")
    parser.add_argument("--title", required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()

    record = summary(collect(args.runs), args.config, args.threads)
    record["dropout"] = args.dropout
    record["script"] = args.script
    record["build"] = build(args.runs / "run.json")
    # A binary may be older than the checkout.
    record["commit"] = built_from(args.runs / "run.json")
    args.out.mkdir(parents=True, exist_ok=True)
    stem = args.config.stem if args.dropout is None else f"{args.config.stem}_dropout_{args.dropout}"
    (args.out / f"{stem}.json").write_text(json.dumps(record, indent=1) + "\n")
    records = [json.loads(path.read_text()) for path in sorted(args.out.glob("*.json"))]
    heading = (
        f"# {args.title}: seconds per training epoch, ours and PyTorch\n\n"
        f"Written by `{args.script.split()[0]}`; what is measured and how stands in `scripts/bench/README.md`. Every run's "
        "figures are in the JSON files."
    )
    text = "\n\n".join([heading, *(section(record) for record in records)]) + "\n"
    (args.out / "README.md").write_text(text)
    print(section(record))


if __name__ == "__main__":
    main()
