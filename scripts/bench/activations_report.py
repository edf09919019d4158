#!/usr/bin/env python3
"""Writes the report of `scripts/bench/activations.sh` from the rounds it left."""

import argparse
import json
import os
import platform
import statistics
import subprocess
from pathlib import Path

MOVED = 4096 * 1024 * 4 * 5  # bytes: x read, y written; grad and x read, the gradient of x written


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def ours(folder):
    """(group, name) to the median milliseconds of one round of criterion."""
    medians = {}
    for description in folder.glob("criterion/**/new/benchmark.json"):
        about = json.loads(description.read_text())
        estimates = json.loads((description.parent / "estimates.json").read_text())
        medians[about["group_id"], about["function_id"]] = estimates["median"]["point_estimate"] / 1e6
    return medians


def torch(folder):
    rows = [json.loads(line) for line in (folder / "torch.jsonl").read_text().splitlines()]
    return {(row["group"], row["name"]): row["median"] for row in rows if "group" in row}, rows[0]["torch"]


def over_rounds(rounds):
    """The median over the rounds of each measurement, with the lowest and the highest."""
    keys = dict.fromkeys(key for medians in rounds for key in medians)
    collected = {key: [medians[key] for medians in rounds if key in medians] for key in keys}
    return {key: (statistics.median(v), min(v), max(v)) for key, v in collected.items()}


def milliseconds(times):
    median, low, high = times
    return f"{median:.2f} ({low:.2f} to {high:.2f})" if low < high else f"{median:.2f}"


def table(header, rows):
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])


def activations(times):
    copy, relu = times["memory", "copy"][0], times["operation", "ReLU of Burn"][0]
    rows = []
    for (group, name), measured in sorted(times.items(), key=lambda item: item[1][0]):
        if group != "operation":
            continue
        median, composed, graph = measured[0], times.get(("composed", name)), times.get(("graph", name))
        rows.append(
            [
                name,
                milliseconds(measured),
                f"{MOVED / median / 1e6:.1f}",
                f"{100 * copy / median:.0f} %",
                f"{median / relu:.2f}",
                f"{graph[0]:.2f}" if graph else "",
                f"{composed[0]:.1f}" if composed else "",
                f"{composed[0] / graph[0]:.1f}" if composed and graph else "",
            ]
        )
    header = [
        "activation",
        "operation, ms",
        "GB/s",
        "of the copy's",
        "time / Burn's ReLU",
        "in a graph, ms",
        "composed, ms",
        "composed / ours",
    ]
    return table(header, rows)


def peers(ours, theirs):
    rows = []
    for (group, name), measured in theirs.items():
        if group != "operation":
            continue
        graph = theirs["graph", name]
        own = "SmeLU" if name.startswith("SmeLU") else {"SiLU": "Swish"}.get(name, name)
        rows.append(
            [
                name,
                milliseconds(measured),
                f"{measured[0] / ours['operation', own][0]:.1f}",
                milliseconds(graph),
                f"{graph[0] / ours['graph', own][0]:.1f}",
            ]
        )
    return table(["PyTorch", "operation, ms", "/ ours", "in a graph, ms", "/ ours"], rows)


def layers(times):
    rows = []
    for group in dict.fromkeys(group for group, _ in times if group.startswith("layer ")):
        of = {name: measured[0] for (g, name), measured in times.items() if g == group}
        products = of["the three matrix products"]
        apart = next(v for name, v in of.items() if name.startswith("bias, then"))
        together = next(v for name, v in of.items() if name.startswith("bias with"))
        share = 100 * (apart - together) / (products + apart)
        rows.append(
            [group.removeprefix("layer "), f"{products:.2f}", f"{apart:.2f}", f"{together:.2f}", f"{share:.1f} %"]
        )
    return table(["layer", "three products, ms", "four passes, ms", "two passes, ms", "saved of the layer"], rows)


def machine():
    names = [line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}"


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def main():
    arguments_ = arguments()
    folders = sorted(path.parent for path in arguments_.work.glob("*/torch.jsonl"))
    our_rounds = [ours(folder) for folder in folders]
    their_rounds, versions = zip(*(torch(folder) for folder in folders))
    our_times, their_times = over_rounds(our_rounds), over_rounds(their_rounds)

    copy = our_times["memory", "copy"]
    generated = f"""\
Over `[4096, 1024]` in `f32`, forward and backward, medians of {len(folders)} rounds (lowest to highest).

{activations(our_times)}

- "Operation": `f(x)` into a new tensor, then `grad · f'` over a gradient that nobody else reads. It moves at least
  {MOVED / 1e6:.0f} MB; a copy of as many bytes takes {milliseconds(copy)} ms, {MOVED / copy[0] / 1e6:.1f} GB/s, in the same run.
- "In a graph": `f(x).sum().backward()`; "composed": the same through autodiff of the formula in tensor operations.
- "From its output": the value in place of the input, the slope from the value, as in a graph where nobody else holds the
  input.

{peers(our_times, their_times)}

PyTorch copies as many bytes in {milliseconds(their_times["memory", "copy"])} ms.

{table(["in a graph, ms", ""], [[n, milliseconds(t)] for (g, n), t in our_times.items() if g == "graph" and "@" in n])}

{layers(our_times)}

- machine: {machine()}; {arguments_.threads} threads each
- ours: commit `{output("git", "rev-parse", "--short=12", "HEAD")}`, {output("rustc", "--version")}, Burn 0.21.0, mimalloc
- PyTorch {versions[0]}, glibc set to keep its memory
- command: `ROUNDS={len(folders)} THREADS={arguments_.threads} scripts/bench/activations.sh`
"""
    arguments_.out.mkdir(parents=True, exist_ok=True)
    (arguments_.out / "activations.md").write_text(f"# Times of the activations\n\nWritten by `scripts/bench/activations.sh`.\n\n{generated}")
    rounds = [
        {"ours": {" / ".join(key): value for key, value in a.items()}, "torch": {" / ".join(k): v for k, v in b.items()}}
        for a, b in zip(our_rounds, their_rounds)
    ]
    (arguments_.out / "rounds.json").write_text(json.dumps(rounds, indent=1) + "\n")
    print(arguments_.out / "activations.md")


if __name__ == "__main__":
    main()
