#!/usr/bin/env python3
"""Collect the runs of scripts/bars.sh into results/bars/<data set>.csv and .md, their records into results/bars/<data set>/.

The targets are read from the comments of the configs, so that there is one place where they stand.
"""

import argparse
import csv
import json
import math
import re
import shutil
import sys
from pathlib import Path
from statistics import mean, stdev

ROOT = Path(__file__).resolve().parent.parent
TARGET = re.compile(r"^# Target .*?test AUC ([0-9]+\.[0-9]+)(?: ± ([0-9.]+))?, log loss ([0-9]+\.[0-9]+)", re.MULTILINE)
COLUMNS = ["model", "seeds", "auc", "auc_sd", "auc_max", "target_auc", "difference", "log_loss", "log_loss_sd", "target_log_loss", "parameters", "epochs", "seconds_per_epoch"]


def result(path):
    """The record of a run and its result, or None where the run has not finished."""
    record = json.loads(path.read_text())
    return (record, record["result"]) if record.get("result") else None


def spread(values):
    return stdev(values) if len(values) > 1 else math.nan


def keep(dataset, runs):
    """Copy the records of finished runs to results/, where they outlive the runs."""
    records = ROOT / "results" / "bars" / dataset
    for path in sorted(runs.glob("*/run.json")):
        if re.fullmatch(r"[a-z0-9_]+-[0-9]+", path.parent.name) and result(path):
            records.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, records / f"{path.parent.name}.json")


def rows(dataset):
    records = ROOT / "results" / "bars" / dataset
    for config in sorted((ROOT / "configs" / dataset).glob("*.toml")):
        paths = [path for path in sorted(records.glob(f"{config.stem}-*.json")) if re.fullmatch(r"\d+", path.stem[len(config.stem) + 1 :])]
        found = [result(path) for path in paths]
        target = TARGET.search(config.read_text())
        if not found or not target:
            continue
        aucs = [outcome["test"]["auc"] for _, outcome in found]
        losses = [outcome["test"]["log_loss"] for _, outcome in found]
        yield {
            "model": config.stem,
            "seeds": len(found),
            "auc": mean(aucs),
            "auc_sd": spread(aucs),
            "auc_max": max(aucs),
            "target_auc": float(target[1]),
            "difference": mean(aucs) - float(target[1]),
            "log_loss": mean(losses),
            "log_loss_sd": spread(losses),
            "target_log_loss": float(target[3]),
            "parameters": found[0][0]["parameters"],
            "epochs": mean(outcome["epochs"] for _, outcome in found),
            "seconds_per_epoch": mean(outcome["train_seconds"] / outcome["epochs"] for _, outcome in found),
        }


def cell(column, value):
    if isinstance(value, str) or column in ("seeds", "parameters"):
        return str(value)
    if math.isnan(value):
        return ""
    return f"{value:+.5f}" if column == "difference" else f"{value:.1f}" if column in ("epochs", "seconds_per_epoch") else f"{value:.5f}"


def write(dataset):
    folder = ROOT / "results" / "bars"
    table = list(rows(dataset))
    if not table:
        return
    folder.mkdir(parents=True, exist_ok=True)
    lines = [[cell(column, row[column]) for column in COLUMNS] for row in table]
    with (folder / f"{dataset}.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([COLUMNS, *lines])
    text = [
        f"# The models of configs/{dataset} beside the public benchmark",
        "",
        "Test AUC and log loss of the epoch with the best validation AUC, mean and standard deviation over seeds; the targets are those that",
        "each config states. `difference` is our mean minus the target, which for models without five published seeds is the best run of a search.",
        "Made by `scripts/bars.sh`.",
        "",
        "| " + " | ".join(COLUMNS) + " |",
        "|" + "---|" * len(COLUMNS),
        *("| " + " | ".join(line) + " |" for line in lines),
        "",
    ]
    (folder / f"{dataset}.md").write_text("\n".join(text))


MEASURED = re.compile(r"^# Measured: .*\n", re.MULTILINE)


def stamp(dataset):
    """Write what was measured below the target in each config; comments are no part of what a run is."""
    for row in rows(dataset):
        path = ROOT / "configs" / dataset / f"{row['model']}.toml"
        text = MEASURED.sub("", path.read_text())
        seeds = "one seed" if row["seeds"] == 1 else f"mean of {row['seeds']} seeds"
        line = f"# Measured: test AUC {row['auc']:.5f}, log loss {row['log_loss']:.5f}, {seeds} (results/bars/{dataset}.md).\n"
        end = text.index("\n", TARGET.search(text).end()) + 1
        path.write_text(text[:end] + line + text[end:])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", help="a folder of configs/")
    parser.add_argument("--runs", type=Path, help="the folder of the runs, MODEL-SEED each")
    parser.add_argument("--stamp", action="store_true", help="write the measured figures of --dataset into its configs, and nothing else")
    parser.add_argument("--finished", type=Path, help="only say, by the exit status, whether the run of this run.json is done")
    arguments = parser.parse_args()
    if arguments.finished:
        sys.exit(0 if result(arguments.finished) else 1)
    if arguments.stamp and arguments.dataset:
        return stamp(arguments.dataset)
    if not arguments.dataset or not arguments.runs:
        parser.error("--dataset and --runs belong together")
    keep(arguments.dataset, arguments.runs)
    write(arguments.dataset)


if __name__ == "__main__":
    main()
