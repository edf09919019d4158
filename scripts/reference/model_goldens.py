#!/usr/bin/env python3
"""Reference values of every model: logits, loss, gradients, and what ten steps of Adam make of them.

    python scripts/reference/model_goldens.py > crates/ctr-model/tests/contract/goldens.json

Each model is written here from its paper in PyTorch, in float64, apart from the Rust code; only the names and the shapes of
the parameters are shared. Initial values are not stored: both sides compute them from a parameter's name (`uniform`).
Needs PyTorch; written with 2.9.1.
"""

import json
import math
import sys

import torch
import torch.nn.functional as functional

import models

BATCH, CATEGORICAL, NUMERIC, DIM, ROWS, STEPS = 5, 3, 1, 4, 7, 10
# The L2 coefficient of the tables, and Adam: its epsilon is large, so that a gradient that is zero but for rounding (that of
# a bias before batch norm) makes no step.
L2, RATE, EPSILON = 0.01, 0.01, 1e-3
MASK = (1 << 64) - 1


def words(name, count):
    """SplitMix64 from the FNV-1a hash of a name, the upper 24 bits."""
    state = 0xCBF29CE484222325
    for byte in name.encode():
        state = ((state ^ byte) * 0x100000001B3) & MASK
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        yield (z ^ (z >> 31)) >> 40


def uniform(name, *shape):
    """Numbers in [-0.5, 0.5) that float32 holds exactly."""
    count = torch.Size(shape).numel()
    return torch.tensor([word / 2**24 - 0.5 for word in words(name, count)], dtype=torch.float64).reshape(shape)


class Parameters:
    """Parameters by name, made when they are first asked for, and the running statistics of batch norms."""

    def __init__(self):
        self.values, self.statistics = {}, {}

    def __call__(self, name, *shape):
        if name not in self.values:
            self.values[name] = uniform(name, *shape).requires_grad_()
        assert self.values[name].shape == shape, name
        return self.values[name]

    def batch_norm(self, x, name):
        """Over the rows of x, [R, C]."""
        columns = x.shape[1]
        mean = self.statistics.setdefault(f"{name}.running_mean", torch.zeros(columns, dtype=x.dtype))
        variance = self.statistics.setdefault(f"{name}.running_var", torch.ones(columns, dtype=x.dtype))
        gamma, beta = self(f"{name}.gamma", columns), self(f"{name}.beta", columns)
        return functional.batch_norm(x, mean, variance, gamma, beta, training=True, momentum=0.1, eps=1e-5)

    def layer_norm(self, x, name):
        columns = x.shape[-1]
        return functional.layer_norm(x, [columns], self(f"{name}.gamma", columns), self(f"{name}.beta", columns), eps=1e-5)


def golden(name, keys):
    """One model of models.py with these keys."""
    forward, widths = models.MODELS[keys["type"]]
    parameters = Parameters()
    specs = widths(keys, CATEGORICAL + NUMERIC, DIM)
    tables = {table: uniform(f"tables.{table}", ROWS, width).requires_grad_() for table, width, *_ in specs}
    fields = [some[0] if some else list(range(CATEGORICAL)) for _, _, *some in specs]
    ids = torch.tensor([word % ROWS for word in words("ids", BATCH * CATEGORICAL)]).reshape(BATCH, CATEGORICAL)
    labels = torch.tensor([float(word % 2) for word in words("labels", BATCH)], dtype=torch.float64)
    numeric = uniform("numeric", BATCH, NUMERIC)

    def run():
        leaves = [table[ids[:, looked_up]] for table, looked_up in zip(tables.values(), fields)]
        for leaf in leaves:
            leaf.retain_grad()
        logits = forward(parameters, leaves, numeric, keys)
        return leaves, logits, functional.binary_cross_entropy_with_logits(logits, labels)

    # Once to learn the parameters' names, then from fresh running statistics.
    run()
    parameters.statistics.clear()
    trained = [*parameters.values.values(), *tables.values()]
    optimizer = torch.optim.Adam(trained, lr=RATE, eps=EPSILON)
    record = {"name": name, "model": keys}
    losses = []
    for step in range(STEPS):
        leaves, logits, loss = run()
        losses.append(loss.item())
        optimizer.zero_grad()
        penalty = sum((table**2).sum() for table in tables.values()) * (L2 / 2)
        (loss + penalty).backward()
        if step == 0:
            record["logits"] = numbers(logits)
            record["gradients"] = {name: numbers(value.grad) for name, value in parameters.values.items()}
            record["leaves"] = [numbers(leaf.grad) for leaf in leaves]
        optimizer.step()
    record["losses"] = numbers(torch.tensor(losses, dtype=torch.float64))
    record["parameters"] = {name: numbers(value) for name, value in (parameters.values | parameters.statistics).items()}
    record["tables"] = {name: numbers(table) for name, table in tables.items()}
    return record


def numbers(tensor):
    """Rounded to 1e-7 of the largest, a hundredth of what the test allows."""
    values = tensor.detach().flatten().tolist()
    largest = max((abs(value) for value in values), default=0.0)
    digits = 7 - math.ceil(math.log10(largest)) if largest > 1e-9 else 9
    return [round(value, digits) + 0.0 for value in values]


def main():
    torch.set_num_threads(1)
    records = [golden(name, keys) for name, keys in models.CASES.items()]
    sys.stdout.write("[\n" + ",\n".join(json.dumps(record, separators=(",", ":")) for record in records) + "\n]\n")


if __name__ == "__main__":
    main()
